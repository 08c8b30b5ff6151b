/**
 * Keeps a complete plan of everything visible, order and placement, and improves it at every event for as long as its budget lasts.
 *
 * Ours. The plan is laid out in time by a decoder that follows the simulator's engines, exclusive or batched; annealing and freed windows
 * look for better ones; the value is the workflows' slowdown and the time of engines. The README of this folder explains it.
 */

import { mixesModels } from "../../model/cluster.ts";
import type { Decision } from "../../model/decision.ts";
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
import { byArrival, byRank, byTurn, leaveOpen, stayHome } from "./constructions.ts";
import { Decoder } from "./decode.ts";
import { createLuck } from "./luck.ts";
import { firstOf, ofOneModel, replace } from "./neighbourhood.ts";
import { layBatches } from "./batched/lay.ts";
import { isAnyRevealedAsItGoes, keepingForCalls, type Keeping } from "./keeping.ts";
import { lookOut, type Outlook, type OutlookMemory } from "./outlook.ts";
import { remembering } from "./memories.ts";
import { withModelsApart } from "../models-apart.ts";
import { createPairs } from "./pairs/pairs.ts";
import { withFixedRoles, type PairsSettings } from "./pairs/settings.ts";
import { recall, toRemember, type PlanDecoder, type PlanMemory, type Starts, type WholePlan } from "./plan.ts";
import { planLone } from "./revealed/lone.ts";
import { createRevealed } from "./revealed/revealed.ts";
import type { RevealedSettings } from "./revealed/settings.ts";
import { layScene } from "./scene.ts";
import { Search, type Judged } from "./search.ts";
import type { ForesightSettings } from "./settings.ts";
import { Valuer } from "./value.ts";

/** Of whole plans. In another process only what workflows called is left of it. */
type Memory = {
  readonly demand: Demand;
  readonly outlook?: OutlookMemory;
  readonly plan?: PlanMemory;
};

/** By where it plans. */
export type Settings = {
  readonly whole: ForesightSettings;
  /** Where engines prefill and decode apart. */
  readonly pairs: PairsSettings;
  /** Where engines batch and calls are revealed one by one. */
  readonly revealed: RevealedSettings;
};

/** `combine` is how `fate` combines candidates where it is asked, of a driver that must not be kept waiting: other plans are cheaper then, too. */
export function createForesight({ whole, pairs, revealed }: Settings, combine?: Combine): Policy {
  const onWhole = (lay: Lay) =>
    keepingForCalls(
      (view, keeping) => remembering("whole", (own) => planWhole(own, whole, lay, keeping))(view),
      revealed,
    );
  const onExclusive = onWhole(layExclusive);
  const onBatched = onWhole(layBatched);
  const onMixed = remembering("mixed", createFate(fateDefaults, combine));
  const onMixedCalls = remembering("mixed", createFate(fateKeeping, combine));
  const onRevealed = remembering("revealed", createRevealed(revealed));
  const onPairs = remembering("pairs", createPairs(pairs));
  const onFixedPairs = remembering("pairs", createPairs(withFixedRoles(pairs)));
  return withModelsApart((view) => {
    if (arePhasesApart(view)) return (view.cannot?.has("switch-role") === true ? onFixedPairs : onPairs)(view);
    if (!batches(view)) return onExclusive(view);
    const isByCall = isRevealedAsItGoes(view);
    if (!batchesOneModelEach(view)) return (isByCall ? onMixedCalls : onMixed)(view);
    return (isByCall ? onRevealed : onBatched)(view);
  });
}

/** What a plan is laid out on, how much search that allows, and what early ends of stages count there. */
type Laid = {
  readonly decoder: PlanDecoder;
  /** Of the plan that was decoded last; undefined: the next of each engine's sequence. */
  readonly startsOf?: (plan: WholePlan) => Starts;
  readonly visits: number;
  readonly firstVisits: number;
  readonly early: number;
};

type Lay = (view: View, outlook: Outlook, settings: ForesightSettings, demand: Demand) => Laid;

const layExclusive: Lay = (view, outlook, settings, demand) => {
  const scene = layScene(view, outlook, settings, demand);
  const { visits, firstVisits, early } = settings;
  return { decoder: new Decoder(scene, settings.prefetch), visits, firstVisits, early };
};

const layBatched: Lay = (view, outlook, settings, demand) => {
  const { batchedVisits: visits, firstBatchedVisits: firstVisits, batchedEarly: early } = settings;
  const decoder = layBatches(view, outlook, settings, demand);
  return { decoder, startsOf: (plan) => decoder.startsOf(plan), visits, firstVisits, early };
};

/** Every engine batches, and one model at a time: what the decoder for batches knows. */
function batchesOneModelEach({ costs }: View): boolean {
  return costs.cluster.engines.every((engine) => engine.batching.kind === "batched" && !mixesModels(engine));
}

/** Of a stage that is alone; undefined where there is more to it. */
export function createLoneForesight(): (view: View) => Plan | undefined {
  const onBatched = remembering("whole", createLone(fateDefaults));
  const onMixedCalls = remembering("mixed", createLone(fateKeeping));
  const onRevealed = remembering("revealed", planLone);
  const onBoth = withModelsApart((view) => {
    if (!isAnyRevealedAsItGoes(view)) return onBatched(view);
    return (batchesOneModelEach(view) ? onRevealed : onMixedCalls)(view);
  });
  return (view) => {
    if (!batches(view) || arePhasesApart(view)) return undefined;
    const made = onBoth(view);
    // The places of an engine that mixes models may be taken: a whole plan looks elsewhere.
    return made?.decisions.some(({ kind }) => kind === "defer") === true ? undefined : made;
  };
}

/** Some engines prefill or decode only. */
function arePhasesApart({ costs }: View): boolean {
  return costs.cluster.engines.some(({ role }) => role !== "both");
}

function batches({ costs }: View): boolean {
  return costs.cluster.engines.some(({ batching }) => batching.kind !== "exclusive");
}

/** What is called next cannot be seen, so that what is held has to be kept for it. */
function isRevealedAsItGoes({ workflows }: View): boolean {
  for (const { reveal } of workflows.open.values()) if (reveal !== "online") return false;
  return true;
}

function planWhole(view: View, settings: ForesightSettings, lay: Lay, keeping?: Keeping): Plan {
  const before = view.memory as Memory | undefined;
  const { order: inTurn, ...outlook } = lookOut(view, before?.outlook);
  const demand = settings.history ? noteDemand(view, outlook.work, before?.demand) : noDemand;
  const laid = lay(view, { ...outlook, order: inTurn }, settings, demand);
  const { decoder, early } = laid;
  const { scene } = decoder;
  const search = new Search(scene, decoder, new Valuer(scene, { ...settings, early }, keeping));
  const plan = searchPlan(view, laid, search, before?.plan, settings);
  decoder.decode(plan.order, plan.told);
  const decisions = act(view, plan, decoder, settings, demand, laid.startsOf?.(plan));
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
  { decoder: { scene }, visits: usual, firstVisits }: Laid,
  search: Search,
  before: PlanMemory | undefined,
  settings: ForesightSettings,
): Judged {
  const turn = byTurn(scene);
  const known = new Set(before?.workflows);
  const isNew = scene.workflows.some(({ id }) => !known.has(id));
  const pairs = settings.mostShards > 1;
  let best = search.judge(leaveOpen(scene, turn, false));
  const consider = (plan: WholePlan): void => {
    const judged = search.judge(plan);
    if (judged.cost < best.cost) best = judged;
  };
  // The last plan is not given up for lack of time: most of it is settled, so that it takes less than the one above.
  if (before !== undefined) consider(recall(scene, before, turn, false));
  let due = false;
  const isDue = (): boolean => (due ||= view.isDue?.() === true);
  const considerInTime = (lay: () => WholePlan): void => {
    if (!isDue()) consider(lay());
  };
  if (isNew) {
    if (before !== undefined) considerInTime(() => recall(scene, before, turn, true));
    considerInTime(() => asFate(view, scene, turn, settings.mostShards));
    if (pairs) considerInTime(() => leaveOpen(scene, turn, true));
    if (scene.workflows.length > 1) {
      considerInTime(() => leaveOpen(scene, byRank(scene), false));
      considerInTime(() => leaveOpen(scene, byArrival(scene), false));
    }
  }
  const most = (mostTries + triesPerStage * scene.stages.length) * scene.stages.length;
  const visits = Math.min(most, isNew ? firstVisits : usual);
  if (visits === 0 || isDue()) return best;
  const luck = createLuck(view.rng.below(0x7fff_ffff) + 1);
  if (settings.replace) {
    best = replace(search, scene, best, firstOf(scene, best));
    best = replace(search, scene, best, ofOneModel(scene, best, luck.below(scene.stages.length)));
  }
  const improved = search.improve(best, luck, visits, settings, isDue);
  if (!isNew || isDue()) return improved;
  const home = search.judge(stayHome(scene, turn));
  return home.cost < muchBetter * improved.cost ? search.improve(home, luck, 2 * visits, settings, isDue) : improved;
}

/** Where it is a little better, what other plans have come to turns out as good. */
const muchBetter = 0.8;

/** Plans that the search looks at, at most: these, and so many more for each stage in sight. With few there is not more to find. */
const mostTries = 300;
const triesPerStage = 20;

function begins(decisions: readonly Decision[]): boolean {
  return decisions.some(({ kind }) => kind === "place");
}
