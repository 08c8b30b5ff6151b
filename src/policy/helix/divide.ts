/** Which engines serve which model: one engine after another to the model that is most in want of one. */

import type { Known } from "../../cost/candidate.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import { pickLeast } from "../choose.ts";
import { throughput } from "./throughput.ts";

/**
 * Each engine goes to one model: to the one with the most demand for the throughput it has got so far, which takes of the engines
 * left the one that is better for it than for the others; of engines equally good, one that it has had so far. A model that is left without shares all engines that can hold it.
 * Costs engines squared times models.
 */
export function divideEngines(
  known: Known,
  demandUs: Readonly<Record<ModelId, number>>,
  before: Readonly<Record<ModelId, readonly EngineId[]>> = {},
): Record<ModelId, readonly EngineId[]> {
  const intake = [...known.cluster].filter(({ role }) => role !== "decode").map(({ id }) => id);
  const models = Object.keys(demandUs);
  const speeds = new Map(models.map((model) => [model, toSpeeds(known, model, intake)]));
  const speedOf = (model: ModelId, engine: EngineId): number => speeds.get(model)?.get(engine) ?? 0;
  const division = new Map<ModelId, EngineId[]>(models.map((model) => [model, []]));
  let free = intake;
  for (;;) {
    const wanting = models.filter((model) => free.some((engine) => speedOf(model, engine) > 0));
    const model = pickLeast(wanting, (one) => {
      let speed = 0;
      for (const engine of division.get(one) ?? []) speed += speedOf(one, engine);
      // One without any engine comes before all that have some.
      return -(demandUs[one] ?? 0) / Math.max(speed, 1e-9);
    });
    if (model === undefined) break;
    const able = free.filter((engine) => speedOf(model, engine) > 0);
    const engine = pickLeast(familiarFirst(able, model, before), (one) => {
      let all = 0;
      for (const other of models) all += speedOf(other, one);
      return -speedOf(model, one) / all;
    });
    if (engine === undefined) break;
    division.get(model)?.push(engine);
    free = free.filter((one) => one !== engine);
  }
  for (const [model, engines] of division)
    if (engines.length === 0) engines.push(...intake.filter((engine) => speedOf(model, engine) > 0));
  return Object.fromEntries(division);
}

/** The model's own engines, then nobody's, then those of others. */
function familiarFirst(
  engines: readonly EngineId[],
  model: ModelId,
  before: Readonly<Record<ModelId, readonly EngineId[]>>,
): EngineId[] {
  const own = new Set(before[model] ?? []);
  const taken = new Set(Object.values(before).flat());
  const strangeness = (engine: EngineId): number => (own.has(engine) ? 0 : taken.has(engine) ? 2 : 1);
  return engines.toSorted((left, right) => strangeness(left) - strangeness(right));
}

/** Throughput of each engine over that of a mean one, so that speeds of different models compare. */
function toSpeeds(known: Known, model: ModelId, engines: readonly EngineId[]): ReadonlyMap<EngineId, number> {
  const rates = engines.map((engine) => [engine, throughput(known, engine, model)] as const);
  const able = rates.filter(([, rate]) => rate > 0);
  let total = 0;
  for (const [, rate] of able) total += rate;
  return new Map(able.map(([engine, rate]) => [engine, (rate * able.length) / total]));
}
