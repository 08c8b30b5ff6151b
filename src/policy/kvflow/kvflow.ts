/**
 * Knows of every stage how many steps away it is: gives up first the model that is needed last, loads ahead of need what the next
 * step needs, and keeps the prefixes of that step cached. Stages go where they end first, as in `greedy-finish`.
 *
 * Z. Pan et al., "KVFlow: Efficient Prefix Caching for Accelerating LLM-Based Multi-Agent Workflows" (NeurIPS 2025), as publicly
 * described. Departures: the source has one engine and no placement rule; it moves prefixes between host and GPU memory, where
 * here models move and prefixes are kept or lost; so its eviction order governs models, and of prefixes it only protects those
 * of the next step; its agents are the stages of a workflow, without the cycles of theirs; stages of different workflows compare directly.
 */

import type { Decision, Place, Prefetch } from "../../model/decision.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { canServe } from "../../cost/candidate.ts";
import { oldestFirst, pickLeast } from "../choose.ts";
import { planEarliestFinish } from "../greedy-finish.ts";
import type { Policy, View } from "../policy.ts";
import { planRetain, type Retained } from "./retain.ts";
import { stepsToExecution } from "./steps.ts";

export const kvflow: Policy = (view) => {
  const steps = [...view.workflows.open.values()].flatMap((workflow) => [...stepsToExecution(workflow)]);
  const next = steps.flatMap(([{ stage }, away]) => (away === 1 && stage.kind !== "tool" ? [stage] : []));
  const awayOf = stepsByModel(steps.flatMap(([{ stage }, away]) => (stage.kind === "tool" ? [] : [{ stage, away }])));
  const placed = planEarliestFinish(view, oldestFirst(view), { hold: true, mostShards: 1 }).map((decision) =>
    decision.kind === "place" ? { ...decision, victims: victimsOf(view, decision, awayOf) } : decision,
  );
  const { retains, memory } = planRetain(view, next, (view.memory ?? {}) as Retained);
  return { decisions: [...placed, ...planPrefetch(view, next, placed, awayOf), ...retains], memory };
};

type AwayOf = (model: ModelId) => number;

/** The nearest stage of each model; what no open stage calls is needed in the far future. */
function stepsByModel(steps: readonly { readonly stage: VisibleModelStage; readonly away: number }[]): AwayOf {
  const nearest = new Map<ModelId, number>();
  for (const { stage, away } of steps) nearest.set(stage.model, Math.min(away, nearest.get(stage.model) ?? Infinity));
  return (model) => nearest.get(model) ?? Infinity;
}

/** The models of the first engine, the one needed last first; of equals the one used longest ago. */
function victimsOf({ cluster }: View, { shares }: Place, awayOf: AwayOf): readonly ModelId[] {
  const [share] = shares;
  return share === undefined ? [] : farthestFirst(cluster.engine(share.engine), awayOf);
}

function farthestFirst({ residents }: EngineState, awayOf: AwayOf): ModelId[] {
  const models = residents.map(({ model }) => model);
  return models.sort((left, right) => (awayOf(left) === awayOf(right) ? 0 : awayOf(right) - awayOf(left)));
}

/** A load of each model that the next step needs and no engine will hold, on an idle engine that has nothing needed as soon. */
function planPrefetch(
  view: View,
  next: readonly VisibleModelStage[],
  placed: readonly Decision[],
  awayOf: AwayOf,
): Prefetch[] {
  const engines = [...view.cluster].filter(({ up }) => up);
  const taken = new Set<EngineId>(placed.flatMap((decision) => (decision.kind === "place" ? enginesOf(decision) : [])));
  const held = new Set(engines.flatMap(({ foreseen }) => foreseen.map(({ model }) => model)));
  const prefetches: Prefetch[] = [];
  for (const stage of next) {
    const { model } = stage;
    // A model that a ready stage waits for is loaded by that stage's placement.
    if (held.has(model) || awayOf(model) < 1) continue;
    const able = engines.filter(
      (engine) =>
        engine.idle &&
        !taken.has(engine.id) &&
        engine.holding.engine.role !== "decode" &&
        canServe(stage, engine) &&
        engine.residents.every((resident) => awayOf(resident.model) > awayOf(model)),
    );
    const engine = pickLeast(able, ({ holding }) => view.costs.engines[holding.index]?.models.get(model)?.loadUs ?? 0);
    if (engine === undefined) continue;
    held.add(model);
    taken.add(engine.id);
    prefetches.push({ kind: "prefetch", engine: engine.id, model, victims: farthestFirst(engine, awayOf) });
  }
  return prefetches;
}

function enginesOf({ shares, decodeEngine }: Place): EngineId[] {
  return [...shares.map(({ engine }) => engine), ...(decodeEngine === undefined ? [] : [decodeEngine])];
}
