/**
 * Keeps a complete plan of everything visible, order and placement, and improves it at every event for as long as its budget lasts.
 *
 * Ours. The plan is laid out in time by a decoder that follows the simulator's exclusive engines; annealing and freed windows
 * look for better ones; the value is the workflows' slowdown and the time of engines. The README of this folder explains it.
 */

import type { Decision, Place } from "../../model/decision.ts";
import { agentPolicies } from "../agents/entries.ts";
import { isAtRest } from "../at-rest.ts";
import { createFate } from "../fate/fate.ts";
import { createLone } from "../fate/lone.ts";
import type { Combine } from "../fate/plan.ts";
import { fateDefaults, fateKeeping } from "../fate/settings.ts";
import { oldestFirst } from "../choose.ts";
import { planEarliestFinish } from "../greedy-finish.ts";
import type { Plan, Policy, View } from "../policy.ts";
import { act } from "./act.ts";
import { asFate } from "./as-fate.ts";
import { noDemand, noteDemand, type Demand } from "./demand.ts";
import { byArrival, byRank, byTurn, leaveOpen } from "./constructions.ts";
import { Decoder } from "./decode.ts";
import { createLuck } from "./luck.ts";
import { firstOf, ofOneModel, replace } from "./neighbourhood.ts";
import { lookOut, type OutlookMemory } from "./outlook.ts";
import { recall, toRemember, type PlanMemory } from "./plan.ts";
import { layScene, type Scene } from "./scene.ts";
import { Search, type Judged } from "./search.ts";
import type { ForesightSettings } from "./settings.ts";
import { Valuer } from "./value.ts";

type Memory = {
  readonly demand: Demand;
  readonly outlook: OutlookMemory;
  readonly plan: PlanMemory;
};

/** `combine` is how `fate` combines candidates where it is asked. */
export function createForesight(settings: ForesightSettings, combine?: Combine): Policy {
  const onBatched = createFate(fateDefaults, combine);
  const onRevealed = createFate(fateKeeping, combine);
  const onPairs = agentPolicies["hexagent+beyond+roles"].plan;
  return (view) => {
    const { engines } = view.costs.cluster;
    if (engines.some(({ role }) => role !== "both")) return onPairs(view);
    if (!batches(view)) return planWhole(view, settings);
    return isRevealedAsItGoes(view) ? onRevealed(view) : onBatched(view);
  };
}

/** Of a stage that is alone; undefined where there is more to it. */
export function createLoneForesight(): (view: View) => Place | undefined {
  const onBatched = createLone(fateDefaults);
  const onRevealed = createLone(fateKeeping);
  return (view) => {
    if (!batches(view) || view.costs.cluster.engines.some(({ role }) => role !== "both")) return undefined;
    return isRevealedAsItGoes(view) ? onRevealed(view) : onBatched(view);
  };
}

function batches({ costs }: View): boolean {
  return costs.cluster.engines.some(({ batching }) => batching.kind !== "exclusive");
}

/** What is called next cannot be seen, so that what is held has to be kept for it. */
function isRevealedAsItGoes({ workflows }: View): boolean {
  for (const { reveal } of workflows.open.values()) if (reveal !== "online") return false;
  return true;
}

function planWhole(view: View, settings: ForesightSettings): Plan {
  const before = view.memory as Memory | undefined;
  const { order: inTurn, ...outlook } = lookOut(view, before?.outlook);
  const demand = settings.history ? noteDemand(view, outlook.work, before?.demand) : noDemand;
  const scene = layScene(view, { ...outlook, order: inTurn }, settings, demand);
  const decoder = new Decoder(scene, settings.prefetch);
  const search = new Search(scene, decoder, new Valuer(scene, settings));
  const plan = searchPlan(view, scene, search, before?.plan, settings);
  decoder.decode(plan.order, plan.told);
  const endUs = decoder.endsUs.reduce((last, each) => Math.max(last, each), view.nowUs);
  const decisions = act(view, scene, { ...plan, endUs }, settings, demand);
  if (!begins(decisions) && view.ready.length > 0 && isAtRest(view)) {
    const { mostShards } = settings;
    const greedy = planEarliestFinish(view, oldestFirst(view), { hold: true, mostShards });
    // A note is a record, and one about nothing would bring the question back for ever where news come late.
    if (begins(greedy)) return { decisions: greedy, memory: before, note: "the plan begins nothing, so greedily" };
  }
  return { decisions, memory: { demand, outlook, plan: toRemember(scene, plan) } satisfies Memory };
}

function searchPlan(
  view: View,
  scene: Scene,
  search: Search,
  before: PlanMemory | undefined,
  settings: ForesightSettings,
): Judged {
  const turn = byTurn(scene);
  const isNew = scene.workflows.some(({ id }) => before?.workflows.includes(id) !== true);
  const pairs = settings.mostShards > 1;
  let best = search.judge(leaveOpen(scene, turn, false));
  const consider = (plan: Parameters<Search["judge"]>[0]): void => {
    const judged = search.judge(plan);
    if (judged.cost < best.cost) best = judged;
  };
  if (before !== undefined) {
    consider(recall(scene, before, turn, false));
    if (isNew) consider(recall(scene, before, turn, true));
  }
  if (isNew) {
    consider(asFate(view, scene, turn, settings.mostShards));
    if (pairs) consider(leaveOpen(scene, turn, true));
    if (scene.workflows.length > 1) {
      consider(leaveOpen(scene, byRank(scene), false));
      consider(leaveOpen(scene, byArrival(scene), false));
    }
  }
  const most = (mostTries + triesPerStage * scene.stages.length) * scene.stages.length;
  const visits = Math.min(most, isNew ? settings.firstVisits : settings.visits);
  if (visits === 0 || view.isDue?.() === true) return best;
  const luck = createLuck(view.rng.below(0x7fff_ffff) + 1);
  if (settings.replace) {
    best = replace(search, scene, best, firstOf(scene, best));
    best = replace(search, scene, best, ofOneModel(scene, best, luck.below(scene.stages.length)));
  }
  return search.improve(best, luck, visits, settings, view.isDue);
}

/** Plans that the search looks at, at most: these, and so many more for each stage in sight. With few there is not more to find. */
const mostTries = 300;
const triesPerStage = 20;

function begins(decisions: readonly Decision[]): boolean {
  return decisions.some(({ kind }) => kind === "place");
}
