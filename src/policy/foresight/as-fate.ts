/** What `fate` would do, as a plan to start from: its frontier where it has it, the rest where it ends first. */

import type { Candidate } from "../picture.ts";
import { Forecast } from "../fate/forecast.ts";
import { pickFrontier } from "../fate/frontier.ts";
import { combineBySearch, planFrontier } from "../fate/plan.ts";
import { fateDefaults } from "../fate/settings.ts";
import type { View } from "../policy.ts";
import { bestShards } from "../shards.ts";
import { open, type Placement, mayGo, parentsFirst, type WholePlan } from "./plan.ts";
import type { Scene } from "./scene.ts";

export function asFate(view: View, scene: Scene, rest: readonly number[], mostShards: number): WholePlan {
  const frontier = pickFrontier(view, fateDefaults, undefined);
  const splits = frontier.stages.map(({ stage, ready }) =>
    ready && stage.kind !== "tool" && stage.items > 1 && mostShards > 1
      ? bestShards(view, stage, mostShards)
      : undefined,
  );
  const forecast = new Forecast(view, frontier, splits, fateDefaults);
  const { placements } = planFrontier(forecast, undefined, fateDefaults, combineBySearch);
  const numbers = new Map(scene.stages.map(({ key }, number) => [key, number]));
  const told = new Int32Array(scene.stages.length).fill(open);
  const first: number[] = [];
  for (const [position, { stage }] of frontier.stages.entries()) {
    const number = numbers.get(stage.key);
    if (number === undefined) continue;
    first.push(number);
    const placement =
      placements[position] === forecast.shards ? pairOf(scene, splits[position]) : (placements[position] ?? open);
    if (placement !== open && mayGo(scene, number, placement)) told[number] = placement;
  }
  return { order: parentsFirst(scene, [...first, ...rest]), told };
}

function pairOf({ fleet }: Scene, split: Candidate | undefined): Placement {
  const engines = split?.shares.map(({ engine }) => engine.holding.index) ?? [];
  const pair = fleet.pairs.findIndex(
    (each) => engines.length === 2 && each.every((engine) => engines.includes(engine)),
  );
  return pair < 0 ? open : fleet.engines.length + pair;
}
