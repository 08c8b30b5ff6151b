/** Where calls go whose order is given, with their urgency for a rank in the engines' queues. */

import { isFeasible } from "../../cost/candidate.ts";
import type { Decision, Place } from "../../model/decision.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import { createLoads, defer, pickLeastLoaded, placeWhole } from "../choose.ts";
import { withModelsApart } from "../models-apart.ts";
import type { Policy, View } from "../policy.ts";
import { inOrder, orders, type Call, type Order, type OrderName, type Urgency } from "./orders.ts";
import { Projection, type Projected } from "./projection.ts";

type Placement = (view: View, order: Order) => Decision[];

const whole = { joint: true, kv: true, prefixes: true };

const placements = {
  /** The next engine in turn, and the decode engine with the fewest shares. */
  "@round-robin": (view, order) => {
    const { cluster } = view;
    const loads = createLoads(view);
    let turn = view.workflows.placedCount;
    return inOrder(view, order).map(({ stage, urgency }) => {
      for (let tried = 0; tried < cluster.count; tried++) {
        const engine = cluster.at(turn++ % cluster.count);
        if (isFeasible(view, stage, engine))
          return withClimb(placeWhole(view, stage, engine, urgency.rank, loads), urgency);
      }
      return defer(stage, "no-engine");
    });
  },
  /** The engine with the fewest shares, for either phase. */
  "@least-loaded": (view, order) => {
    const loads = createLoads(view);
    return inOrder(view, order).map(({ stage, urgency }) => {
      const engine = pickLeastLoaded(view, loads, (candidate) => isFeasible(view, stage, candidate));
      return withClimb(placeWhole(view, stage, engine, urgency.rank, loads), urgency);
    });
  },
  /** The engine or pair on which the call is projected to end first, decided anew until that engine takes it into its next batch. */
  "@projected": (view, order) => placeProjected(view, new Projection(view, whole), order, { hold: true }),
  /** The same, decided when the call becomes ready. */
  "@queued": (view, order) => placeProjected(view, new Projection(view, whole), order, { hold: false }),
} as const satisfies Record<string, Placement>;

export type PlacementName = keyof typeof placements;

export function createOrdered(order: OrderName, placement: PlacementName): Policy {
  const plan: Policy = (view) => ({
    decisions: view.ready.length === 0 ? [] : placements[placement](view, orders[order]),
  });
  return placement === "@projected" ? withModelsApart(plan) : plan;
}

export type Projecting = {
  /** Keep calls in the policy until the engine that they go to has room for them in its next batch. */
  readonly hold: boolean;
  readonly overtakes?: Place["overtakes"];
  /** What the engines' queues go by, once it is known where the call goes; its urgency unless said. */
  readonly rankOf?: (call: Call, projected: Projected) => Urgency;
  /** Whether the call is not to be placed yet, whatever room there is. */
  readonly waits?: (call: Call, projected: Projected) => boolean;
  /** What a prompt token that has to be taken in costs others, in microseconds. */
  readonly tokenPriceUs?: number;
};

/** Of calls that are alike and held, so many are looked at closely in one plan. */
export const mostHeld = 48;

/** In the order given, each in sight of those placed before it. What is held is asked about again at the next event. */
export function placeProjected(
  view: View,
  projection: Projection,
  order: Order,
  { hold, overtakes, rankOf, waits, tokenPriceUs }: Projecting,
): Decision[] {
  const decisions: Decision[] = [];
  if (hold && !projection.books.anyRoom()) return decisions;
  for (const call of inOrder(view, order, hold ? mostHeld : Infinity)) {
    const { stage } = call;
    const best = projection.best(stage, call.urgency, tokenPriceUs);
    if (best === undefined) {
      decisions.push(defer(stage, "no-engine"));
      continue;
    }
    if (waits?.(call, best) === true) continue;
    const urgency = rankOf?.(call, best) ?? call.urgency;
    const begins = !hold || projection.books.hasRoom(best.engine, projection.promptAddsUs(stage, best.engine));
    projection.add(stage, best, urgency);
    if (begins) decisions.push(toPlace(stage, best, urgency, overtakes));
    if (hold && !projection.books.anyRoom()) break;
  }
  return decisions;
}

export function toPlace(
  stage: VisibleModelStage,
  { engine, decodeEngine }: Projected,
  urgency: Urgency,
  overtakes?: Place["overtakes"],
): Place {
  return {
    kind: "place",
    stage: stage.key,
    shares: [{ engine: engine.id, items: stage.items }],
    rank: urgency.rank,
    ...(urgency.climb === 0 ? {} : { climb: urgency.climb }),
    ...(overtakes === undefined ? {} : { overtakes }),
    ...(decodeEngine === undefined ? {} : { decodeEngine: decodeEngine.id }),
  };
}

function withClimb(decision: Decision, { climb }: Urgency): Decision {
  return decision.kind === "place" && climb !== 0 ? { ...decision, climb } : decision;
}
