/** A plan laid out in the time of CP-SAT's model, which a solution hint speaks of: shares and loads as early as the plan's order lets them. */

import { shardUs } from "../cost/shard.ts";
import type { Instance } from "./instance.ts";
import { sequencesOf, type PlanShare, type WholePlan } from "./plan.ts";
import { planLoads } from "./residency-plan.ts";

/** How long a share of so many items of a stage holds an engine. */
export type ShareUs = (engine: number, index: number, items: number) => number;

export type LaidShare = PlanShare & {
  readonly start: number;
  /** In which of the engine's terms with the model. */
  readonly term: number;
};

/** A model on an engine: its load begins, it is there, it is used no more. */
export type LaidTerm = { readonly start: number; readonly loaded: number; release: number };

export type LaidOut = {
  readonly stages: readonly { readonly begin: number; readonly end: number; readonly shares: readonly LaidShare[] }[];
  /** By engine and model. */
  readonly terms: readonly (readonly LaidTerm[])[][];
  readonly end: number;
};

/** The solver counts in these. */
const unitUs = 1000;

export function toUnits(us: number): number {
  return Math.round(us / unitUs);
}

export function layOut(instance: Instance, shareUs: ShareUs, plan: WholePlan): LaidOut {
  const { stages, engines } = instance;
  const sequences = sequencesOf(instance, plan);
  const loadsAt = sequences.map((sequence, engine) => {
    const models = sequence.map((index) => stages[index]?.model ?? 0);
    return new Set(planLoads(engines[engine] as Instance["engines"][number], instance, models).map(({ at }) => at));
  });
  const terms = engines.map(({ models, resident }) =>
    models.map((_, model): LaidTerm[] => (resident.includes(model) ? [{ start: 0, loaded: 0, release: 0 }] : [])),
  );
  const at = engines.map(() => 0);
  const free = engines.map(() => 0);
  const laid: LaidOut["stages"][number][] = [];
  for (const index of plan.order) {
    const { node, model, fixedUs } = stages[index] as Instance["stages"][number];
    const shares = plan.shares[index] ?? [];
    const away = hostOf(instance, shares);
    let begin = 0;
    for (const { index: parent, bytes } of node.parents) {
      const from = hostOf(instance, laid[parent]?.shares ?? []);
      const apart = away !== undefined && from !== undefined && away !== from;
      begin = Math.max(begin, (laid[parent]?.end ?? 0) + (apart ? leastTransfer(instance, away, bytes) : 0));
    }
    let end = begin + toUnits(fixedUs);
    const laidShares = shares.map((share): LaidShare => {
      const { engine, items } = share;
      const known = terms[engine]?.[model] ?? [];
      let freeAt = free[engine] ?? 0;
      if (loadsAt[engine]?.has(at[engine] ?? 0) === true) {
        const loaded = freeAt + toUnits(engines[engine]?.models[model]?.loadUs ?? 0);
        known.push({ start: freeAt, loaded, release: loaded });
        freeAt = loaded;
      }
      const start = Math.max(begin, freeAt);
      const done = start + toUnits(shareUs(engine, index, items));
      const term = known.at(-1);
      if (term !== undefined) term.release = done;
      free[engine] = done;
      at[engine] = (at[engine] ?? 0) + 1;
      end = Math.max(end, done + splitUnits(shares.length));
      return { ...share, start, term: known.length - 1 };
    });
    if (laidShares.length === 1) begin = laidShares[0]?.start ?? begin;
    laid[index] = { begin, end, shares: laidShares };
  }
  return { stages: laid, terms, end: Math.max(...laid.map(({ end }) => end)) };
}

/** What a split adds to a stage. */
export function splitUnits(shards: number): number {
  return shards > 1 ? toUnits(shardUs(shards)) : 0;
}

/** The least time bytes take to the host from another one; infinite where no way leads. */
export function leastTransfer({ routes, hosts }: Instance, to: number, bytes: number): number {
  const leastUs = routes.map((route, index) =>
    route === undefined || index % hosts !== to ? Infinity : route.latencyUs + bytes * route.usPerByte,
  );
  return toUnits(Math.min(...leastUs));
}

function hostOf({ engines }: Instance, [share]: readonly PlanShare[]): number | undefined {
  return share === undefined ? undefined : engines[share.engine]?.host;
}
