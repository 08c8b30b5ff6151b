/** What a plan is laid out on: the fleet, and the calls that wait or are likely to come, as many as there is time for. */

import { isFeasible } from "../../../cost/candidate.ts";
import type { ModelId } from "../../../model/model.ts";
import type { VisibleModelStage } from "../../../model/visible.ts";
import type { EngineState } from "../../../state/engine-state.ts";
import { likenessOf } from "../../likeness.ts";
import type { View } from "../../policy.ts";
import { CallsLayer, type Calls } from "./calls.ts";
import { drawFuture } from "./expected.ts";
import { layFleet, type Fleet } from "./fleet.ts";
import type { History } from "./history.ts";
import type { RevealedSettings } from "./settings.ts";

export type Scene = {
  readonly nowUs: number;
  readonly engines: readonly EngineState[];
  readonly models: readonly ModelId[];
  /** Ready calls, the most urgent first and then in their turn, as many as a scene takes. They are the first ones of every future. */
  readonly ready: readonly VisibleModelStage[];
  /** By model: calls that are ready beyond those. */
  readonly beyond: Int32Array;
  readonly fleet: Fleet;
  /** The ready calls alone: all that decides what begins at once. */
  readonly now: Calls;
  /** The same with calls that are likely to come. Drawn only where there is something to decide. */
  readonly futures: () => readonly Calls[];
};

const mostReady = 64;
/** Calls times engines: what a scene costs. */
const mostCells = 4096;

export function layScene(view: View, history: History, settings: RevealedSettings): Scene {
  const engines = [...view.cluster];
  const most = Math.max(1, Math.min(mostReady, Math.floor(mostCells / engines.length)));
  const ready = pickReady(view.ready, most, (stage) => engines.some((engine) => isFeasible(view, stage, engine)));
  const names = new Set<ModelId>(ready.map(({ model }) => model));
  for (const { residents, foreseen } of engines) for (const { model } of [...residents, ...foreseen]) names.add(model);
  for (const { models: held } of view.costs.engines) for (const model of held.keys()) names.add(model);
  const models = [...names];
  const numbers = new Map(models.map((name, index) => [name, index]));
  const lay = new CallsLayer(view, engines, numbers, history);
  const futures = (): readonly Calls[] =>
    Array.from({ length: settings.scenarios }, (_, scenario) =>
      lay.calls(ready, drawFuture(view, history, scenario, settings.horizonUs)),
    );
  return {
    nowUs: view.nowUs,
    engines,
    models,
    ready,
    // Fewer are not all looked at only if no engine may take some.
    beyond: view.ready.length > most ? countBeyond(view.ready, ready, numbers) : new Int32Array(models.length),
    fleet: layFleet(view, engines, models, numbers, history, settings),
    now: lay.calls(ready, []),
    futures,
  };
}

function countBeyond(
  all: readonly VisibleModelStage[],
  picked: readonly VisibleModelStage[],
  numbers: ReadonlyMap<ModelId, number>,
): Int32Array {
  const beyond = new Int32Array(numbers.size);
  const count = (stages: readonly VisibleModelStage[], by: 1 | -1): void => {
    for (const { model } of stages) {
      const number = numbers.get(model);
      if (number !== undefined) beyond[number]! += by;
    }
  };
  count(all, 1);
  count(picked, -1);
  return beyond;
}

/**
 * By priority. Of those alike as many as of any others, as far as so many wait, so that they do not hide others; and none that no
 * engine may take.
 */
function pickReady(
  ready: readonly VisibleModelStage[],
  most: number,
  mayGo: (stage: VisibleModelStage) => boolean,
): readonly VisibleModelStage[] {
  const inTurn = ready.toSorted((left, right) => right.priority - left.priority);
  if (inTurn.length <= most) return inTurn.filter(mayGo);
  const alike = Map.groupBy(inTurn, likenessOf);
  const each = Math.max(1, Math.floor(most / alike.size));
  const first = [...alike.values()].flatMap((own) => [...own.values().filter(mayGo).take(each)]).slice(0, most);
  const picked = new Set(first);
  for (const stage of inTurn) {
    if (picked.size >= most) break;
    if (!picked.has(stage) && mayGo(stage)) picked.add(stage);
  }
  return inTurn.filter((stage) => picked.has(stage));
}
