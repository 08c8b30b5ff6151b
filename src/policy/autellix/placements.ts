/** Where stages go whose order is given: by Autellix's own rule, or by one that has nothing to do with it. */

import { planEarliestFinish } from "../greedy-finish.ts";
import { planLeastLoaded } from "../least-loaded.ts";
import type { Plan, View } from "../policy.ts";
import { planRoundRobin } from "../round-robin.ts";
import type { Order } from "./order.ts";
import { placeByHome } from "./place-by-home.ts";

export type Placement = (view: View, order: Order) => Plan;

export const placements = {
  home: (view, order) => placeByHome(view, order, 1),
  "home in shards": (view, order) => placeByHome(view, order, 2),
  /** Held until the engine can begin, and decided anew at every event, as in `greedy-finish`. */
  projected: (view, { stages }) => ({ decisions: planEarliestFinish(view, stages, { hold: true, mostShards: 1 }) }),
  "least-loaded": (view, { stages, rankOf }) => ({ decisions: planLeastLoaded(view, stages, rankOf) }),
  "round-robin": (view, { stages, rankOf }) => ({ decisions: planRoundRobin(view, stages, rankOf) }),
} as const satisfies Record<string, Placement>;
