/**
 * Plans calls that are revealed one by one: what workflows have called so far says which calls are likely to come, and a plan is
 * worth what it does to these too. README.md of the folder above explains it.
 */

import type { Decision } from "../../../model/decision.ts";
import { isAtRest } from "../../at-rest.ts";
import { defer, oldestFirst } from "../../choose.ts";
import { planEarliestFinish, toPlace } from "../../greedy-finish.ts";
import { canBegin, createPicture, foresee, toCandidate } from "../../picture.ts";
import type { Plan, Policy, View } from "../../policy.ts";
import { loadAhead } from "./ahead.ts";
import { Forecast } from "./forecast.ts";
import { learn, noHistory, type History } from "./history.ts";
import type { Begun, RevealedPlan, Turn } from "./plan.ts";
import { byResponseRatio } from "./response-ratio.ts";
import { layScene, type Scene } from "./scene.ts";
import type { RevealedSettings } from "./settings.ts";

export type Memory = { readonly history: History };

export function rememberedBy({ memory }: View): History {
  return (memory as Memory | undefined)?.history ?? noHistory;
}

export function createRevealed(settings: RevealedSettings): Policy {
  return (view) => planRevealed(view, settings);
}

function planRevealed(view: View, settings: RevealedSettings): Plan {
  const history = settings.history ? learn(view, rememberedBy(view)) : noHistory;
  const memory: Memory = { history };
  if (view.ready.length === 0) return { decisions: loadAhead(view, history, settings), memory };
  // Where nothing goes on, waiting on would be for calls that may never come.
  const must = isAtRest(view);
  const decisions = planCalls({ ...view, ready: byResponseRatio(view, settings.patienceUs) }, history, settings, must);
  if (must && !decisions.some(({ kind }) => kind === "place"))
    return { decisions: planEarliestFinish(view, oldestFirst(view), { hold: true, mostShards: 1 }), memory };
  return { decisions, memory };
}

/** Looks at as many calls as a scene takes; where all of them begin, at the next ones too, as long as there is time. */
function planCalls(view: View, history: History, settings: RevealedSettings, must: boolean): Decision[] {
  const begun: Decision[] = [];
  for (let left = view; ;) {
    const scene = layScene(left, history, settings);
    const forecast = new Forecast(scene, settings);
    const plan = choosePlan(left, scene, forecast, settings, must && begun.length === 0);
    const { begins, againUs, after } = carryOut(left, scene, forecast.begin(plan, scene.now));
    begun.push(...begins);
    const { ready, nowUs } = after;
    if (ready.length === 0 || begins.length === 0 || begins.length < scene.ready.length || view.isDue?.() === true) {
      const until = againUs === Infinity || againUs <= nowUs ? {} : { untilUs: againUs };
      return [...begun, ...ready.map((stage) => ({ ...defer(stage, "better-later"), ...until }))];
    }
    left = after;
  }
}

const holdsUs = [15_000_000, 45_000_000];
const mostChanges = 2;

/** The rule, changed by one turn or hold, or by two, if that pays, and as long as there is time. */
function choosePlan(
  view: View,
  scene: Scene,
  forecast: Forecast,
  settings: RevealedSettings,
  must: boolean,
): RevealedPlan {
  const { now, models } = scene;
  let best: RevealedPlan = { turns: [], holdUntilUs: models.map(() => 0) };
  const base = forecast.begin(best, now);
  const contended = new Set([...base.waiting, ...base.loads.map(({ model }) => model)]);
  if (contended.size + base.late.length === 0) return best;
  const futures = scene.futures();
  const judge = (plan: RevealedPlan, most: number): number => {
    let cost = 0;
    for (const future of futures) if (cost <= most) cost += forecast.cost(plan, future, most - cost, view.isDue);
    return cost;
  };
  let bestCost = must && base.begins.length + base.loads.length === 0 ? Infinity : judge(best, Infinity);
  for (let round = 0; round < mostChanges; round++) {
    const from = best;
    for (const trial of changesOf(from, scene, base, contended, () => bestCost < Infinity)) {
      if (forecast.visits > settings.visits || view.isDue?.() === true) return best;
      const cost = judge(trial, bestCost);
      if (cost < bestCost - 1) [best, bestCost] = [trial, cost];
    }
    if (best === from) break;
  }
  return best;
}

/** The plan with one turn or hold more, those first that would end sooner what begins now; a model that has one gets no other. */
function* changesOf(
  from: RevealedPlan,
  scene: Scene,
  { late, turning }: Begun,
  contended: ReadonlySet<number>,
  mayHold: () => boolean,
): Generator<RevealedPlan> {
  const { turns, holdUntilUs } = from;
  const isSettled = (model: number): boolean =>
    turns.some((turn) => turn.model === model) || (holdUntilUs[model] ?? 0) > 0;
  const turned = (turn: Turn): RevealedPlan => ({ ...from, turns: [...turns, turn] });
  for (const turn of late) if (!isSettled(turn.model) && mayTurn(scene, from, turn)) yield turned(turn);
  for (const model of contended) {
    if (isSettled(model)) continue;
    for (const engine of scene.engines.keys())
      if (mayTurn(scene, from, { engine, model })) yield turned({ engine, model });
    if (mayHold() && turning.includes(model))
      for (const us of holdsUs) yield { ...from, holdUntilUs: holdUntilUs.with(model, scene.nowUs + us) };
  }
}

/** The engine can take it up, for a call that waits. */
function mayTurn(scene: Scene, { turns }: RevealedPlan, { engine, model }: Turn): boolean {
  const { fleet, nowUs, ready } = scene;
  if (fleet.open[engine] === 0 || (fleet.loadEndUs[engine] ?? 0) > nowUs) return false;
  if (turns.some((turn) => turn.engine === engine)) return false;
  return ready.some((stage, call) => stage.model === scene.models[model] && mayGo(scene, call, engine));
}

function mayGo({ now, engines }: Scene, call: number, engine: number): boolean {
  return now.prefillUs[call * engines.length + engine] !== Infinity;
}

/** What begins now, when there may be more to begin, and what is known and waits once these have begun. */
type CarriedOut = { readonly begins: readonly Decision[]; readonly againUs: number; readonly after: View };

function carryOut(view: View, scene: Scene, { begins, loads, againUs }: Begun): CarriedOut {
  const { ready, models, engines } = scene;
  const decisions: Decision[] = [];
  const decided = new Set<string>();
  const picture: View = { ...view, ...createPicture(view) };
  const begin = (call: number, index: number, victims?: readonly string[]): boolean => {
    const stage = ready[call];
    const engine = engines[index];
    if (stage === undefined || engine === undefined || decided.has(stage.key) || !mayGo(scene, call, index))
      return false;
    const there = picture.cluster.at(engine.holding.index);
    if (!canBegin(stage, there)) return false;
    const candidate = toCandidate(picture, stage, there);
    decisions.push({ ...toPlace(stage, candidate), ...(victims === undefined ? {} : { victims }) });
    decided.add(stage.key);
    foresee(picture, stage, candidate);
    return true;
  };
  for (const { call, engine } of begins) begin(call, engine);
  for (const { engine, model, victims } of loads)
    for (const call of soonestThere(scene, model, engine))
      if (
        begin(
          call,
          engine,
          victims.map((each) => models[each] ?? ""),
        )
      )
        break;
  return {
    begins: decisions,
    againUs,
    after: { ...picture, ready: view.ready.filter(({ key }) => !decided.has(key)) },
  };
}

/** Calls of the model, those first whose inputs are there soonest. */
function soonestThere({ ready, models, now, engines }: Scene, model: number, engine: number): readonly number[] {
  const inputsUs = (call: number): number => now.inputsUs[call * engines.length + engine] ?? 0;
  const calls = [...ready.keys()].filter((call) => ready[call]?.model === models[model]);
  return calls.toSorted((left, right) => inputsUs(left) - inputsUs(right));
}
