/**
 * A run turned back into a workload, with lengths, times and branches as they came out, so that it can be run again under another
 * policy. Who called a gateway thought between calls; that time becomes a tool, so that clients are as quick as they were.
 */

import type { JournalHeader } from "../../journal/journal.ts";
import { avoidingNobody } from "../../model/avoidance.ts";
import { chainHash } from "../../model/prefix.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { ParentEdge, Segment, Stage, Workflow } from "../../model/workflow.ts";
import type { Scene } from "./scene.ts";
import type { StageStory, WorkflowStory } from "./stories.ts";

export type Bounds = { readonly workflows: number; readonly stages: number };

/** The workflows that ended last, as many as the bounds allow, in order of arrival. Names are new ones. */
export function toWorkflows({ stories, header }: Scene, bounds: Bounds): Workflow[] {
  const ended = [...stories.workflows.values()].filter(canBeReplayed).sort((left, right) => right.endUs - left.endUs);
  const taken: WorkflowStory[] = [];
  let stages = 0;
  for (const workflow of ended) {
    stages += workflow.stages.size;
    if (taken.length === bounds.workflows || (stages > bounds.stages && taken.length > 0)) break;
    taken.push(workflow);
  }
  taken.sort((left, right) => left.arrive.atUs - right.arrive.atUs || left.arrive.sequence - right.arrive.sequence);
  const beginUs = taken[0]?.arrive.atUs ?? 0;
  return taken.map((workflow, index) => toWorkflow(workflow, `w${index}`, beginUs, header));
}

/** Whole, and with nothing given up: what was dropped has no length to be replayed with. */
function canBeReplayed({ outcome, stages }: WorkflowStory): boolean {
  if (outcome !== "ended" || stages.size === 0) return false;
  for (const story of stages.values()) if (story.outcome !== "ended" && story.outcome !== "skipped") return false;
  return true;
}

function toWorkflow({ arrive, stages }: WorkflowStory, id: string, beginUs: number, header: JournalHeader): Workflow {
  const names = new Map([...stages.keys()].map((key, index) => [key, `s${index}`]));
  const { deadlineUs, sloScale, reveal } = arrive;
  return {
    id,
    arrivalUs: arrive.atUs - beginUs,
    reveal,
    ...(deadlineUs === undefined ? {} : { deadlineUs }),
    ...(sloScale === undefined ? {} : { sloScale }),
    stages: [...stages.values()].flatMap((story) => toStages(story, names, header)),
  };
}

/** The stage, after what its client took to ask for it. */
function toStages(story: StageStory, names: ReadonlyMap<string, string>, header: JournalHeader): Stage[] {
  const { stage, workflow } = story;
  const id = names.get(stage.key) ?? stage.id;
  const parents = stage.parents.flatMap(({ stage: key, bytes }): ParentEdge[] => {
    const name = names.get(key);
    return name === undefined ? [] : [{ stage: name, bytes }];
  });
  const thoughtUs = header.clock === "wall" && workflow.arrive.reveal === "online" ? thinkUs(story) : 0;
  if (thoughtUs <= 0) return [toStage(story, id, parents, names)];
  const thought = `${id}-client`;
  const none = parents.map(({ stage: parent }) => ({ stage: parent, bytes: 0 }));
  return [
    { id: thought, kind: "tool", parents: none, priority: 0, estimateUs: thoughtUs, actualUs: thoughtUs },
    toStage(story, id, [...parents, { stage: thought, bytes: 0 }], names),
  ];
}

function thinkUs({ stage, workflow, revealUs }: StageStory): number {
  let sinceUs = workflow.arrive.atUs;
  for (const { stage: key } of stage.parents) sinceUs = Math.max(sinceUs, workflow.stages.get(key)?.endUs ?? 0);
  return revealUs - sinceUs;
}

function toStage(
  story: StageStory,
  id: string,
  parents: readonly ParentEdge[],
  names: ReadonlyMap<string, string>,
): Stage {
  const { stage, outcome, startUs, endUs, outputTokens } = story;
  const runs = outcome !== "skipped";
  const chance = stage.chance ?? 1;
  const base = {
    id,
    parents,
    priority: stage.priority,
    ...(runs && chance === 1 ? {} : { branch: { chance: runs ? chance : Math.min(chance, 0.99), runs } }),
  };
  if (stage.kind === "tool")
    return { ...base, kind: "tool", estimateUs: stage.toolUs, actualUs: runs ? endUs - startUs : stage.toolUs };
  const { kind, model, items } = stage;
  const { allow } = avoidingNobody(stage);
  const actual = runs ? Math.min(outputTokens, stage.limitTokens) : 0;
  const output = { estimate: stage.outputTokens, actual, limit: stage.limitTokens };
  return {
    ...base,
    kind,
    model,
    prompt: toPrompt(stage, names),
    output,
    items,
    ...(allow === undefined ? {} : { allow }),
  };
}

/** Equal hashes mean equal prefixes, so a link's hash is as good a key of its text as any. */
function toPrompt({ chain, sharedLinks, kind }: VisibleModelStage, names: ReadonlyMap<string, string>): Segment[] {
  let before: number | undefined;
  return chain.map(({ hash, tokens }, index): Segment => {
    const previous = before;
    before = hash;
    if (kind === "llm")
      for (const [key, name] of names)
        if (chainHash(previous, `output:${key}`) === hash) return { kind: "output", stage: name };
    return index < sharedLinks ? { kind: "text", key: String(hash), tokens } : { kind: "own", tokens };
  });
}

/** The header with what was learnt of its engines put into its calibration and its hosts, which is all that the simulator reads. */
export function toLearntHeader({ header, tape }: Scene): JournalHeader {
  const { costs, baseCosts } = tape.head;
  if (costs === baseCosts) return header;
  const perModel = new Map<string, { prefill: number; decode: number; count: number }>();
  const perHost = new Map<string, { load: number; count: number }>();
  for (const [index, { models, host }] of costs.engines.entries()) {
    for (const [id, { rates, loadUs }] of models) {
      const base = baseCosts.engines[index]?.models.get(id);
      if (base === undefined) continue;
      const ofModel = perModel.get(id) ?? { prefill: 0, decode: 0, count: 0 };
      ofModel.prefill += rates.correction.prefill;
      ofModel.decode += rates.correction.decode;
      ofModel.count += 1;
      perModel.set(id, ofModel);
      const ofHost = perHost.get(host.id) ?? { load: 0, count: 0 };
      ofHost.load += base.loadUs === 0 ? 1 : loadUs / base.loadUs;
      ofHost.count += 1;
      perHost.set(host.id, ofHost);
    }
  }
  const models = Object.fromEntries(
    [...perModel].map(([id, { prefill, decode, count }]) => [id, { prefill: prefill / count, decode: decode / count }]),
  );
  const hosts = header.cluster.hosts.map((host) => {
    const { load = 1, count = 1 } = perHost.get(host.id) ?? {};
    const factor = Math.max(1e-3, load / count);
    const loadBytesPerSecond = host.loadBytesPerSecond / factor;
    return { ...host, loadBytesPerSecond, loadLatencyUs: Math.round(host.loadLatencyUs * factor) };
  });
  return {
    ...header,
    cluster: { ...header.cluster, hosts },
    calibration: { ...header.calibration, models: { ...header.calibration.models, ...models } },
  };
}
