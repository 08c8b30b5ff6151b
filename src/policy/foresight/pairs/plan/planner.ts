/**
 * What waits on engines that prefill and decode apart is planned as a whole: in the order and on the pairs of `hexagent`, laid out in time
 * by the decoder. Calls that begin now are then tried on other decode engines, one after another.
 */

import type { Decision } from "../../../../model/decision.ts";
import type { VisibleModelStage } from "../../../../model/visible.ts";
import type { StageKey } from "../../../../model/workflow.ts";
import type { OpenWorkflow, StageNode } from "../../../../state/workflow-state.ts";
import { inOrder, keyAt, type Call, type Order, type Urgency } from "../../../agents/orders.ts";
import { toPlace, type Projecting } from "../../../agents/placements.ts";
import type { Projected, Projection } from "../../../agents/projection.ts";
import type { PlanAll } from "../../../agents/settings.ts";
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
  /** Calls that a plan holds, the most urgent. */
  readonly mostStages: number;
  /** How much search a decision may do: calls that are decoded, what has begun included, over all plans that it looks at. */
  readonly visits: number;
  /** What the risk of the call that is tried elsewhere counts beside that of all workflows. */
  readonly own: number;
};

/** A plan with what it was made from. */
type Draft = WholePlan & {
  readonly scene: Scene;
  readonly decoder: PairsDecoder;
  readonly urgencies: readonly Urgency[];
  /** By stage; undefined where no engine can take it. */
  readonly projected: readonly (Projected | undefined)[];
};

export function createPlanner(settings: PlanSettings): PlanAll {
  return (view, projection, order, projecting, riskAt) => {
    if (!canLayPairs(view)) return undefined;
    const { books } = projection;
    if (books.decodeLoad([...view.cluster].filter(({ role }) => role === "decode")) < settings.fullest)
      return undefined;
    if (!books.anyRoom()) return [];
    const calls = inOrder(view, order, settings.mostStages);
    if (calls.length === 0) return [];
    const draft = draftPlan(view, projection, order, projecting, calls);
    draft.decoder.decode(draft);
    tryDecoders(view, draft, new Worth(view, draft.decoder, riskAt), settings);
    return toDecisions(view, draft, projecting);
  };
}

/** Each call on the pair on which it is projected to end first, in sight of those before it. */
function draftPlan(
  view: View,
  projection: Projection,
  order: Order,
  { overtakes, tokenPriceUs }: Projecting,
  calls: readonly Call[],
): Draft {
  const urgencies: Urgency[] = [];
  const { scene, decoder } = layPairs(
    view,
    withCalls(view, calls),
    ({ stages }) => {
      for (const stage of stages)
        urgencies.push(
          stage.kind === "tool" ? { rank: 0, climb: 0 } : order(view, stage, view.workflows.node(stage.key)),
        );
      const rank = urgencies.map((urgency) => urgency.rank);
      return { rank, climb: urgencies.map(({ climb }) => climb), overtakes: overtakes === "if-it-fits" };
    },
    projection.books.mostBatchUs,
  );
  const { stages, modelOf } = scene;
  const keys = urgencies.map((urgency) => keyAt(urgency, view.nowUs));
  const inTurn = Int32Array.from(stages.keys()).sort(
    (left, right) =>
      stages[right]!.priority - stages[left]!.priority ||
      keys[left]! - keys[right]! ||
      stages[left]!.ordinal - stages[right]!.ordinal,
  );
  const told = new Int32Array(stages.length).fill(none);
  const projected = Array.from<Projected | undefined>({ length: stages.length });
  for (const stage of inTurn) {
    if (modelOf[stage]! < 0) continue;
    const call = stages[stage] as VisibleModelStage;
    const best = projection.best(call, urgencies[stage]!, tokenPriceUs);
    if (best === undefined) continue;
    projection.add(call, best, urgencies[stage]!);
    projected[stage] = best;
    told[stage] = decoder.toPair(best.engine.holding.index, (best.decodeEngine ?? best.engine).holding.index);
  }
  return { order: inTurn, told, scene, decoder, urgencies, projected };
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
function tryDecoders(view: View, draft: Draft, worth: Worth, { visits, own }: PlanSettings): void {
  const { order, told, decoder, scene, projected } = draft;
  const decoders = Array.from(view.cluster).flatMap(({ role, open, holding }) =>
    role === "decode" && open ? [holding.index] : [],
  );
  const beginning = order.filter(
    (stage) => decoder.placedUs[stage] === view.nowUs && projected[stage]?.decodeEngine !== undefined,
  );
  let left = visits;
  for (const stage of beginning) {
    if (left <= 0 || view.isDue?.() === true) return;
    const prefill = decoder.prefillOf(told[stage]!);
    let best = told[stage]!;
    let bestCost = worth.cost(stage, own);
    if (!worth.isLast(stage)) continue;
    let last = best;
    for (const engine of decoders) {
      const pair = decoder.toPair(prefill, engine);
      if (pair === best || !scene.able[stage]!.includes(engine)) continue;
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

/** What begins now. */
function toDecisions(view: View, draft: Draft, { overtakes }: Projecting): Decision[] {
  const { order, told, decoder, scene, projected, urgencies } = draft;
  const decisions: Decision[] = [];
  for (const stage of order) {
    const call = scene.stages[stage]!;
    if (call.kind === "tool" || scene.isReady[stage] === 0) continue;
    const best = projected[stage];
    if (best === undefined) {
      decisions.push(defer(call, "no-engine"));
      continue;
    }
    if (decoder.placedUs[stage] !== view.nowUs) continue;
    const decodeEngine = best.decodeEngine && view.cluster.at(decoder.decodeOf(told[stage]!));
    const pair = decodeEngine === undefined ? best : { ...best, decodeEngine };
    decisions.push(toPlace(call, pair, urgencies[stage]!, overtakes));
  }
  return decisions;
}
