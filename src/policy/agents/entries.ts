/** The policies for agents' workflows by name: orders with a placement each, `hexagent`, and what it becomes with one thing less or more. */

import type { PolicyEntry } from "../policy.ts";
import { createHexagent } from "./hexagent.ts";
import { orders, type OrderName } from "./orders.ts";
import { createOrdered, placements, type PlacementName } from "./placements.ts";
import { hexagentDefaults } from "./settings.ts";

const orderNames = Object.keys(orders) as readonly OrderName[];
const placementNames = Object.keys(placements) as readonly PlacementName[];

type OrderedName = `${OrderName}${PlacementName}`;

const summaries = {
  "@round-robin": "each call on the next engine in turn",
  "@least-loaded": "each call on the engines with the fewest shares",
  "@projected": "each call on the engines where it is projected to end first",
  "@held": "each call held until the engines where it is projected to end first take it up",
} as const;

const ordered = Object.fromEntries(
  orderNames.flatMap((order) =>
    placementNames.map((placement) => [
      `${order}${placement}`,
      { plan: createOrdered(order, placement), summary: `the order ${order}, ${summaries[placement]}` },
    ]),
  ),
) as { readonly [Name in OrderedName]: PolicyEntry };

export const agentPolicies = {
  ...ordered,
  hexagent: {
    plan: createHexagent(hexagentDefaults),
    whenIdle: true,
    summary: "the workflow most at risk first, on the pair of engines where its call ends first",
  },
  "hexagent-separate": {
    plan: createHexagent({ ...hexagentDefaults, joint: false }),
    summary: "hexagent that chooses the prefill and the decode engine each by itself",
  },
  ...Object.fromEntries(
    Object.entries({
      "x-late": { late: true },
      "x-hist3": { late: true, history: { deviations: 0, slowdown: 3 } },
      "x-hist4": { late: true, history: { deviations: 0, slowdown: 4 } },
      "x-hist3-": { late: true, history: { deviations: -0.5, slowdown: 3 } },
      "x-timed": { late: true },
      "x-timed-hist3": { late: true, history: { deviations: 0, slowdown: 3 } },
      "x-backfill": { late: true, overtakes: "if-it-delays-none" },
      "x-tail": { late: true, tail: { dangerRatio: 2, patientRatio: 1.5 } },
      "x-roles": { late: true, roles: { prefillWaitUs: 2e6, decodeLoad: 0.4, decodeFull: 0.7, pauseUs: 3e6 } },
      "x-roles2": { late: true, roles: { prefillWaitUs: 1e6, decodeLoad: 0.6, decodeFull: 0.8, pauseUs: 2e6 } },
    } as Record<string, object>).map(([k, v]) => [
      k,
      {
        plan: createHexagent({ ...hexagentDefaults, ...v }),
        summary: k,
        whenIdle: true,
        ...(k.includes("timed") ? { batching: { prefillUs: 300_000 } } : {}),
      },
    ]),
  ),
  "hexagent-no-kv": {
    plan: createHexagent({ ...hexagentDefaults, kv: false }),
    summary: "hexagent that does not ask whether KV memory suffices",
  },
} as const satisfies Record<string, PolicyEntry>;
