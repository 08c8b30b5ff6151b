/** Costs averaged over engines and ways, whatever they hold now: what upward ranks are made of. Whole microseconds. */

import type { Known } from "../../cost/candidate.ts";
import type { EngineCosts } from "../../cost/cost-model.ts";
import { shareDecodeUs, sharePrefillUs } from "../../cost/phase.ts";
import { shareWork, sideBySide } from "../../cost/share-work.ts";
import { transferUs } from "../../cost/transfer.ts";
import type { VisibleModelStage, VisibleStage } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { OpenWorkflow, StageNode } from "../../state/workflow-state.ts";
import { upwardRanks } from "./upward-rank.ts";

export type MeanCosts = {
  readonly workUs: (stage: VisibleStage) => number;
  readonly transferUs: (bytes: number) => number;
};

/** Upward ranks of the revealed stages of a workflow, in order of reveal. */
export function rankStages(workflow: OpenWorkflow, means: MeanCosts): ReadonlyMap<StageNode, number> {
  const nodes = [...workflow.stages.values()];
  const numberOf = new Map(nodes.map((node, index) => [node, index]));
  const ranks = upwardRanks(
    nodes.map((node) => node.children.map((child) => numberOf.get(child) ?? 0)),
    (index) => means.workUs(stageAt(nodes, index)),
    (parent, child) => means.transferUs(bytesBetween(stageAt(nodes, parent), stageAt(nodes, child))),
  );
  return new Map(nodes.map((node, index) => [node, ranks[index] ?? 0]));
}

function stageAt(nodes: readonly StageNode[], index: number): VisibleStage {
  return (nodes[index] as StageNode).stage;
}

const bytesByParent = new WeakMap<VisibleStage, ReadonlyMap<StageKey, number>>();

/** What the child reads of the parent's output. Its parents are looked through once: there may be hundreds, and each is asked for. */
export function bytesBetween(parent: VisibleStage, child: VisibleStage): number {
  let bytes = bytesByParent.get(child);
  if (bytes === undefined) {
    bytes = new Map(child.parents.map((edge) => [edge.stage, edge.bytes]));
    bytesByParent.set(child, bytes);
  }
  return bytes.get(parent.key) ?? 0;
}

/** Looks once at every engine and every link, and then, for a stage, at one engine of each sort. */
export function createMeanCosts({ costs }: Known): MeanCosts {
  const sorts = groupAlike(costs.engines);
  return {
    workUs: (stage) => (stage.kind === "tool" ? stage.toolUs : meanWorkUs(sorts, stage)),
    transferUs: createMeanTransfer(costs.cluster),
  };
}

type Sort = { readonly engine: EngineCosts; count: number };

const known = new WeakMap<readonly EngineCosts[], readonly Sort[]>();

/** Engines on which every model takes the same time. They do not change while a cost model lasts, so this is worked out once. */
export function groupAlike(engines: readonly EngineCosts[]): readonly Sort[] {
  const found = known.get(engines);
  if (found !== undefined) return found;
  const sorts = new Map<string, Sort>();
  for (const engine of engines) {
    const key = sortOf(engine);
    const sort = sorts.get(key);
    if (sort === undefined) sorts.set(key, { engine, count: 1 });
    else sort.count += 1;
  }
  const all = [...sorts.values()];
  known.set(engines, all);
  return all;
}

/** What engines on which every model takes the same time have in common: their make, and how much slower each model was seen to be there. */
export function sortOf(costs: EngineCosts): string {
  const corrections = Array.from(costs.models.values(), ({ rates: { correction } }) => [
    correction.prefill,
    correction.decode,
  ]);
  return [makeOf(costs), ...corrections].join();
}

/** The same as far as the cluster says it, before anything was seen of them. */
export function makeOf({ engine: { devices, batching }, gpu, memoryBytes, models }: EngineCosts): string {
  return [gpu.id, devices.length, memoryBytes, batching.maxSequences, ...models.keys()].join();
}

function meanWorkUs(sorts: readonly Sort[], stage: VisibleModelStage): number {
  let totalUs = 0;
  let total = 0;
  for (const { engine, count } of sorts) {
    const workUs = workOnUs(engine, stage);
    if (workUs === undefined) continue;
    totalUs += count * workUs;
    total += count;
  }
  return total === 0 ? 0 : Math.round(totalUs / total);
}

/** Prefill and decode alone on an engine, without a load and without a cached prefix, not rounded; undefined if it cannot hold the model. */
export function workOnUs(engine: EngineCosts, stage: VisibleModelStage): number | undefined {
  const held = engine.models.get(stage.model);
  if (held === undefined) return undefined;
  const sequences = sideBySide(stage, held, engine.engine.batching.maxSequences);
  const work = shareWork(stage, stage.items, sequences, stage.outputTokens);
  return sharePrefillUs(held.rates, work, stage.items, 0) + shareDecodeUs(held.rates, work);
}

/** Between two hosts drawn at random, which may be one and the same; over the store where there is no link at all. */
function createMeanTransfer({ hosts, links, store }: Known["costs"]["cluster"]): MeanCosts["transferUs"] {
  const ways = links.length > 0 ? links : store === undefined ? [] : [store];
  const elsewhere = 1 - 1 / Math.max(1, hosts.length);
  if (ways.length === 0) return () => 0;
  let fixedUs = 0;
  let usPerByte = 0;
  for (const way of ways) {
    fixedUs += transferUs(way, 0) / ways.length;
    usPerByte += 1e6 / way.bytesPerSecond / ways.length;
  }
  return (bytes) => Math.round(elsewhere * (fixedUs + bytes * usPerByte));
}
