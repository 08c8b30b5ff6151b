/**
 * What waits on engines that prefill and decode apart is planned as a whole: in the order and on the pairs of `hexagent`, laid out in time
 * by the decoder. Calls that begin now are then tried on other decode engines, one after another.
 */

import type { Decision } from "../../../../model/decision.ts";
import type { VisibleModelStage } from "../../../../model/visible.ts";
import type { StageKey } from "../../../../model/workflow.ts";
import type { EngineState } from "../../../../state/engine-state.ts";
import type { OpenWorkflow, StageNode } from "../../../../state/workflow-state.ts";
import { inOrder, keyAt, type Call, type Order, type Urgency } from "../../../agents/orders.ts";
import { toPlace, type Projecting } from "../../../agents/placements.ts";
import type { Projected, Projection } from "../../../agents/projection.ts";
import type { PlanAll, RiskAt } from "../../../agents/settings.ts";
import { defer } from "../../../choose.ts";
import type { View } from "../../../policy.ts";
import type { WholePlan } from "../../plan.ts";
import type { Scene } from "../../scene.ts";
import { none } from "./calls.ts";
import type { PairsDecoder } from "./decode.ts";
import { canLayPairs, layPairs } from "./lay.ts";
import { Worth } from "./worth.ts";

export type PlanSettings = {
  /** The rule alone decides while less than this part of the decode engines' places or KV memory is taken: where one ends soon, any will do. */
  readonly fullest: number;
  /** Calls that are alike and that a plan holds, the most urgent. */
  readonly mostStages: number;
  /** How much search a decision may do: calls that are decoded, what has begun included, over all plans that it looks at. */
  readonly visits: number;
  /** What the risk of the call that is tried elsewhere counts beside that of all workflows. */
  readonly own: number;
};

/** A call that is ready or waits for others, and where it is projected to end first; undefined where no engine can take it. */
type Meant = {
  readonly call: VisibleModelStage;
  readonly isReady: boolean;
  readonly urgency: Urgency;
  readonly best: Projected | undefined;
};

/** A plan with what it was made from. */
type Draft = WholePlan & {
  readonly scene: Scene;
  readonly decoder: PairsDecoder;
  /** By stage; undefined for tools. */
  readonly meant: readonly (Meant | undefined)[];
};

export function createPlanner(settings: PlanSettings): PlanAll {
  return (view, projection, order, projecting, riskAt) => {
    if (!canLayPairs(view)) return undefined;
    const { books } = projection;
    if (books.decodeLoad([...view.cluster].filter(({ role }) => role === "decode")) < settings.fullest)
      return undefined;
    const roomy = new Set([...view.cluster].filter((engine) => books.hasRoom(engine)));
    if (roomy.size === 0) return [];
    const calls = inOrder(view, order, settings.mostStages);
    if (calls.length === 0) return [];
    const workflows = withCalls(view, calls);
    const meant = projectAll(view, projection, order, projecting, workflows);
    const lost = meant.flatMap(({ call, isReady, best }) =>
      isReady && best === undefined ? [defer(call, "no-engine")] : [],
    );
    // Most plans are made while all engines that calls are meant for are busy: nothing comes of those.
    if (!meant.some(({ isReady, best }) => isReady && best !== undefined && roomy.has(best.engine))) return lost;
    const draft = draftPlan(view, projection, projecting, workflows, meant);
    draft.decoder.decode(draft);
    tryDecoders(view, draft, riskAt, settings);
    return [...lost, ...toDecisions(view, draft, projecting)];
  };
}

/** In the order in which they are to go, each in sight of those before it. */
function projectAll(
  view: View,
  projection: Projection,
  order: Order,
  { tokenPriceUs }: Projecting,
  workflows: readonly OpenWorkflow[],
): readonly Meant[] {
  const calls = workflows.flatMap(({ stages }) =>
    Array.from(stages.values()).flatMap((node) => {
      const { stage, status } = node;
      if (stage.kind === "tool") return [];
      const urgency = order(view, stage, node);
      return [{ call: stage, isReady: status === "ready", urgency, key: keyAt(urgency, view.nowUs) }];
    }),
  );
  calls.sort(
    (left, right) =>
      right.call.priority - left.call.priority || left.key - right.key || left.call.ordinal - right.call.ordinal,
  );
  return calls.map(({ call, isReady, urgency }) => {
    const best = projection.best(call, urgency, tokenPriceUs);
    if (best !== undefined) projection.add(call, best, urgency);
    return { call, isReady, urgency, best };
  });
}

function draftPlan(
  view: View,
  { books }: Projection,
  { overtakes }: Projecting,
  workflows: readonly OpenWorkflow[],
  inTurn: readonly Meant[],
): Draft {
  const byKey = new Map(inTurn.map((each) => [each.call.key, each] as const));
  const { scene, decoder } = layPairs(
    view,
    workflows,
    ({ stages }) => {
      const urgencies = stages.map(({ key }) => byKey.get(key)?.urgency);
      return {
        rank: urgencies.map((urgency) => urgency?.rank ?? 0),
        climb: urgencies.map((urgency) => urgency?.climb ?? 0),
        overtakes: overtakes === "if-it-fits",
      };
    },
    books.mostBatchUs,
  );
  const numbers = new Map(scene.stages.map(({ key }, number) => [key, number] as const));
  const told = Int32Array.from(scene.stages, ({ key }) => {
    const best = byKey.get(key)?.best;
    if (best === undefined) return none;
    return decoder.toPair(best.engine.holding.index, (best.decodeEngine ?? best.engine).holding.index);
  });
  const order = Int32Array.from(inTurn.flatMap(({ call }) => numbers.get(call.key) ?? []));
  return { order, told, scene, decoder, meant: scene.stages.map(({ key }) => byKey.get(key)) };
}

/** The workflows of these calls, with nothing that is ready but them. */
function withCalls({ workflows }: View, calls: readonly Call[]): readonly OpenWorkflow[] {
  const chosen = new Map<OpenWorkflow, Map<StageKey, StageNode>>();
  for (const { stage } of calls) {
    const node = workflows.node(stage.key);
    const known = chosen.get(node.workflow);
    if (known === undefined) chosen.set(node.workflow, new Map([[stage.key, node]]));
    else known.set(stage.key, node);
  }
  return Array.from(chosen, ([workflow, stages]) => {
    if (workflow.reveal === "static")
      for (const [key, node] of workflow.stages) if (node.status === "waiting") stages.set(key, node);
    return { ...workflow, stages };
  });
}

/**
 * The most urgent first, those that begin now go where all workflows together are the least at risk, their own above all. While others
 * of its workflow end later anyway, a call stays where it is.
 */
function tryDecoders(view: View, draft: Draft, riskAt: RiskAt, { visits, own }: PlanSettings): void {
  const { order, told, decoder, scene, meant } = draft;
  const decoders = emptiest([...view.cluster].filter(({ role, open }) => role === "decode" && open));
  const beginning = order.filter(
    (stage) => decoder.placedUs[stage] === view.nowUs && meant[stage]?.best?.decodeEngine !== undefined,
  );
  if (beginning.length === 0) return;
  const worth = new Worth(view, decoder, riskAt);
  let left = visits;
  for (const stage of beginning) {
    if (left <= 0 || view.isDue?.() === true) return;
    if (!worth.isLast(stage)) continue;
    const prefill = decoder.prefillOf(told[stage]!);
    let best = told[stage]!;
    let bestCost = worth.cost(stage, own);
    let last = best;
    for (const engine of decoders) {
      const pair = decoder.toPair(prefill, engine);
      if (pair === best || !scene.able[stage]!.includes(engine)) continue;
      if (view.isDue?.() === true) break;
      told[stage] = last = pair;
      decoder.decode(draft);
      left -= decoder.callEndsUs.length;
      const cost = worth.cost(stage, own);
      if (cost >= bestCost) continue;
      best = pair;
      bestCost = cost;
    }
    told[stage] = best;
    if (last !== best) decoder.decode(draft);
  }
}

/** Of many decode engines a call is tried on so many. */
const mostTried = 16;

function emptiest(engines: readonly EngineState[]): readonly number[] {
  const few =
    engines.length <= mostTried
      ? engines
      : engines.toSorted((left, right) => left.running.length - right.running.length).slice(0, mostTried);
  return few.map(({ holding }) => holding.index);
}

/** What begins now. */
function toDecisions(view: View, draft: Draft, { overtakes }: Projecting): Decision[] {
  const { order, told, decoder, meant } = draft;
  const decisions: Decision[] = [];
  for (const stage of order) {
    const { call, isReady, urgency, best } = meant[stage]!;
    if (!isReady || best === undefined || decoder.placedUs[stage] !== view.nowUs) continue;
    const decodeEngine = best.decodeEngine && view.cluster.at(decoder.decodeOf(told[stage]!));
    const pair = decodeEngine === undefined ? best : { ...best, decodeEngine };
    decisions.push(toPlace(call, pair, urgency, overtakes));
  }
  return decisions;
}
