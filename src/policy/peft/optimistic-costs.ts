/**
 * The optimistic cost table: how long it takes at least, after a stage has ended on an engine, until its workflow ends, if
 * everything that follows gets the engine that is best for it at once (Arabnejad and Barbosa 2014, equations 3 and 4).
 */

import type { Known } from "../../cost/candidate.ts";
import type { EngineCosts } from "../../cost/cost-model.ts";
import type { HostId } from "../../model/cluster.ts";
import type { VisibleStage } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { OpenWorkflow } from "../../state/workflow-state.ts";
import { bytesBetween, sortOf, workOnUs, type MeanCosts } from "../heft/mean-costs.ts";

export type OptimisticCost = {
  /** OCT of the paper, by place. */
  readonly afterUs: readonly number[];
  /** Its mean over all engines: rank_oct of the paper. */
  readonly rankUs: number;
};

/** Engines of one sort and role on one host, which the table need not tell apart. */
type Place = { readonly engine: EngineCosts; readonly host: HostId; count: number };

export type Places = {
  readonly list: readonly Place[];
  /** By the engine's number in the cluster. */
  readonly placeOf: (engine: number) => number;
};

export function createPlaces({ costs }: Known): Places {
  const list: Place[] = [];
  const numbers = new Map<string, number>();
  const placeOfEngine = costs.engines.map((engine) => {
    const host = engine.host.id;
    const key = JSON.stringify([host, engine.engine.role, sortOf(engine)]);
    const known = numbers.get(key);
    const number = known ?? list.push({ engine, host, count: 0 }) - 1;
    numbers.set(key, number);
    (list[number] as Place).count += 1;
    return number;
  });
  return { list, placeOf: (engine) => placeOfEngine[engine] ?? 0 };
}

/** Of every revealed stage. Costs a look at every place for each stage and each edge. */
export function optimisticCosts(
  { stages }: OpenWorkflow,
  places: Places,
  transferUs: MeanCosts["transferUs"],
): ReadonlyMap<StageKey, OptimisticCost> {
  const costs = new Map<StageKey, OptimisticCost>();
  // By place: how long from the begin of the stage there to the end of the workflow.
  const fromBegin = new Map<StageKey, readonly number[]>();
  for (const { stage, children } of [...stages.values()].toReversed()) {
    const afterUs = places.list.map(() => 0);
    for (const child of children) {
      const beginUs = fromBegin.get(child.stage.key) ?? [];
      // What goes to a tool or comes from one travels with the call.
      const apart = stage.kind === "tool" || child.stage.kind === "tool";
      const bytes = bytesBetween(stage, child.stage);
      const leastUs = leastFrom(places, beginUs, apart ? 0 : transferUs(bytes));
      for (const [place, us] of leastUs.entries()) afterUs[place] = Math.max(afterUs[place] ?? 0, us);
    }
    costs.set(stage.key, { afterUs, rankUs: meanUs(places, afterUs) });
    fromBegin.set(stage.key, toBegin(places, stage, afterUs));
  }
  return costs;
}

function toBegin(places: Places, stage: VisibleStage, afterUs: readonly number[]): readonly number[] {
  return places.list.map(({ engine }, place) => {
    if (stage.kind === "tool") return (afterUs[place] ?? 0) + stage.toolUs;
    const workUs = engine.engine.role === "decode" ? undefined : workOnUs(engine, stage);
    return workUs === undefined ? Infinity : (afterUs[place] ?? 0) + workUs;
  });
}

/** The best place for a child, seen from each place: with the transfer unless it is on the same host. */
function leastFrom({ list }: Places, beginUs: readonly number[], transferUs: number): readonly number[] {
  let anywhereUs = Infinity;
  const onHostUs = new Map<HostId, number>();
  for (const [place, { host }] of list.entries()) {
    const us = beginUs[place] ?? Infinity;
    anywhereUs = Math.min(anywhereUs, us);
    onHostUs.set(host, Math.min(onHostUs.get(host) ?? Infinity, us));
  }
  // What no engine can take adds nothing that tells engines apart.
  if (anywhereUs === Infinity) return list.map(() => 0);
  return list.map(({ host }) => Math.min(onHostUs.get(host) ?? Infinity, anywhereUs + transferUs));
}

function meanUs({ list }: Places, us: readonly number[]): number {
  let totalUs = 0;
  let count = 0;
  for (const [place, { count: engines }] of list.entries()) {
    totalUs += engines * (us[place] ?? 0);
    count += engines;
  }
  return totalUs / Math.max(1, count);
}
