/**
 * A workflow as one sees it who knows everything: which stages run, how long prompts and outputs turn out.
 * Hashes of prompts are those that `sim/reveal.ts` gives, so that caches in a plan are caches in a run.
 */

import { strict as assert } from "node:assert";
import { chainHash, chainTokens, type ChainLink } from "../model/prefix.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { stageKey, type ModelStage, type Stage, type StageId, type Workflow } from "../model/workflow.ts";

export type TrueParent = { readonly index: number; readonly bytes: number };

type TrueBase = {
  readonly parents: readonly TrueParent[];
  readonly children: readonly number[];
};

/** A model stage as revealed with lengths that came true; a tool with its time; or one that does not run, which still waits for its parents. */
export type TrueStage = TrueBase &
  (
    | { readonly kind: "model"; readonly stage: VisibleModelStage }
    | { readonly kind: "tool"; readonly toolUs: number }
    | { readonly kind: "skipped" }
  );

/** Parents before children; a stage and its parents by their position. */
export function toTrueStages(workflow: Workflow): readonly TrueStage[] {
  const indexOf = new Map(workflow.stages.map(({ id }, index) => [id, index]));
  const runs: boolean[] = [];
  const outputTokens = new Map<StageId, number>();
  const children: number[][] = workflow.stages.map(() => []);
  return workflow.stages.map((stage, ordinal): TrueStage => {
    const parents = stage.parents.map(({ stage: id, bytes }) => {
      const index = indexOf.get(id);
      assert(index !== undefined && index < ordinal, `${stage.id} comes before its parent ${id}`);
      children[index]?.push(ordinal);
      return { index, bytes };
    });
    const base = { parents, children: children[ordinal] ?? [] };
    const wanted = stage.branch?.runs !== false;
    const run = wanted && (parents.length === 0 || parents.some(({ index }) => runs[index]));
    runs.push(run);
    outputTokens.set(stage.id, run && stage.kind !== "tool" ? stage.output.actual : 0);
    if (!run) return { ...base, kind: "skipped" };
    if (stage.kind === "tool") return { ...base, kind: "tool", toolUs: stage.actualUs };
    return { ...base, kind: "model", stage: toTruth(workflow, stage, ordinal, outputTokens) };
  });
}

function toTruth(
  { id: workflow }: Workflow,
  stage: ModelStage,
  ordinal: number,
  outputTokens: ReadonlyMap<StageId, number>,
): VisibleModelStage {
  const key = stageKey(workflow, stage.id);
  const chain = toChain(workflow, key, stage, outputTokens);
  const firstOwn = stage.prompt.findIndex((segment) => segment.kind === "own");
  return {
    key,
    workflow,
    id: stage.id,
    ordinal,
    parents: toKeys(workflow, stage),
    priority: stage.priority,
    kind: stage.kind,
    model: stage.model,
    chain,
    sharedLinks: firstOwn < 0 ? chain.length : firstOwn,
    promptTokens: chainTokens(chain),
    outputTokens: stage.output.actual,
    limitTokens: stage.output.limit,
    items: stage.items,
    ...(stage.allow === undefined ? {} : { allow: stage.allow }),
  };
}

function toKeys(workflow: string, { parents }: Stage) {
  return parents.map(({ stage, bytes }) => ({ stage: stageKey(workflow, stage), bytes }));
}

function toChain(
  workflow: string,
  key: string,
  { prompt }: ModelStage,
  outputTokens: ReadonlyMap<StageId, number>,
): ChainLink[] {
  const links: ChainLink[] = [];
  let hash: number | undefined;
  for (const segment of prompt) {
    const name =
      segment.kind === "text"
        ? segment.key
        : segment.kind === "own"
          ? `own:${key}:${links.length}`
          : `output:${stageKey(workflow, segment.stage)}`;
    hash = chainHash(hash, name);
    links.push({ hash, tokens: segment.kind === "output" ? (outputTokens.get(segment.stage) ?? 0) : segment.tokens });
  }
  return links;
}
