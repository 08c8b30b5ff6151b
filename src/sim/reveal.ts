/** From stages as they truly are to what may be seen of them. The only place where truth becomes visible. */

import { chainHash, chainTokens, type ChainLink } from "../model/prefix.ts";
import type { VisibleStage } from "../model/visible.ts";
import { stageKey, type ModelStage, type Stage, type Workflow } from "../model/workflow.ts";
import type { World } from "./world.ts";

/** What the prompt of `stage` is expected to be: links for text as they are, links for outputs as long as known or estimated. */
function toChain(world: World, workflow: Workflow, stage: ModelStage): ChainLink[] {
  const links: ChainLink[] = [];
  let hash: number | undefined;
  for (const segment of stage.prompt) {
    if (segment.kind === "text") {
      hash = chainHash(hash, segment.key);
      links.push({ hash, tokens: segment.tokens });
    } else if (segment.kind === "own") {
      hash = chainHash(hash, `own:${stageKey(workflow.id, stage.id)}:${links.length}`);
      links.push({ hash, tokens: segment.tokens });
    } else {
      const key = stageKey(workflow.id, segment.stage);
      hash = chainHash(hash, `output:${key}`);
      links.push({ hash, tokens: knownOutputTokens(world, key) });
    }
  }
  return links;
}

/** As it turned out once the stage has ended, nothing if it was skipped, as estimated before. */
function knownOutputTokens(world: World, key: string): number {
  if (world.state.workflows.has(key)) {
    const node = world.state.workflows.node(key);
    if (node.status === "ended") return node.outputTokens;
  }
  const stage = world.truth.get(key)?.stage;
  return stage === undefined || stage.kind === "tool" ? 0 : stage.output.estimate;
}

export function toVisible(world: World, workflow: Workflow, stage: Stage, ordinal: number): VisibleStage {
  const base = {
    key: stageKey(workflow.id, stage.id),
    workflow: workflow.id,
    id: stage.id,
    ordinal,
    parents: stage.parents.map((parent) => ({ stage: stageKey(workflow.id, parent.stage), bytes: parent.bytes })),
    priority: stage.priority,
    ...(stage.branch === undefined || stage.branch.chance === 1 ? {} : { chance: stage.branch.chance }),
  };
  if (stage.kind === "tool") return { ...base, kind: "tool", toolUs: stage.estimateUs };
  const chain = toChain(world, workflow, stage);
  const firstOwn = stage.prompt.findIndex((segment) => segment.kind === "own");
  return {
    ...base,
    kind: stage.kind,
    model: stage.model,
    chain,
    sharedLinks: firstOwn < 0 ? chain.length : firstOwn,
    promptTokens: chainTokens(chain),
    outputTokens: stage.output.estimate,
    limitTokens: stage.output.limit,
    items: stage.items,
    ...(stage.allow === undefined ? {} : { allow: stage.allow }),
  };
}

/** The prompt's link lengths, now that all parents have ended; undefined if they are what was estimated. */
export function knownChainTokens(world: World, workflow: Workflow, stage: Stage): readonly number[] | undefined {
  if (stage.kind === "tool" || !stage.prompt.some((segment) => segment.kind === "output")) return undefined;
  const seen = world.state.workflows.node(stageKey(workflow.id, stage.id)).stage;
  if (seen.kind === "tool") return undefined;
  const tokens = toChain(world, workflow, stage).map((link) => link.tokens);
  return tokens.some((count, index) => count !== seen.chain[index]?.tokens) ? tokens : undefined;
}
