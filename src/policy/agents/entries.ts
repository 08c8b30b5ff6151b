/** The policies for agents' workflows by name: orders with a placement each, `hexagent`, and what it becomes with one thing less or more. */

import type { BatchingChange, PolicyEntry } from "../policy.ts";
import { withModelsApart } from "../models-apart.ts";
import { createHexagent, keepHistory } from "./hexagent.ts";
import { orders, type OrderName } from "./orders.ts";
import { createOrdered } from "./placements.ts";
import {
  hexagentDefaults,
  history,
  historyWithRoles,
  roles,
  tail,
  timedUs,
  type HexagentSettings,
} from "./settings.ts";

const summaries = {
  "@round-robin": "each call on the next engine in turn",
  "@least-loaded": "each call on the engines with the fewest shares",
  "@projected": "each call where it is projected to end first, held until it begins there",
} as const;

type PlacedName = keyof typeof summaries;

const orderNames = Object.keys(orders) as readonly OrderName[];

const ordered = Object.fromEntries(
  orderNames.flatMap((order) =>
    Object.entries(summaries).map(([placement, summary]) => [
      `${order}${placement}`,
      { plan: createOrdered(order, placement as PlacedName), summary: `${orderSummary(order)}, ${summary}` },
    ]),
  ),
) as { readonly [Name in `${OrderName}${PlacedName}`]: PolicyEntry };

function orderSummary(order: OrderName): string {
  return `the order ${order}`;
}

/** It looks at prompts that have been taken in, whether or not anything is ready. */
function variant(summary: string, change: Partial<HexagentSettings> = {}, batching?: BatchingChange): PolicyEntry {
  const settings = { ...hexagentDefaults, ...change };
  const plan = createHexagent(settings);
  return {
    // What it holds is held for one model of an engine; in the queue of one that runs them side by side models pass each other.
    plan: settings.hold ? withModelsApart(plan) : plan,
    summary,
    whenIdle: true,
    ...(batching === undefined ? {} : { batching }),
    ...(change.history === undefined ? {} : { lasting: keepHistory }),
  };
}

const timed: BatchingChange = { prefillUs: timedUs };

export const agentPolicies = {
  ...ordered,
  "agents-plas@queued": {
    plan: createOrdered("agents-plas", "@queued"),
    summary: "the order agents-plas, each call where it is projected to end first, queued there at once",
  },
  hexagent: variant("the workflow most at risk first, on the pair of engines where its call is projected to end first"),
  "hexagent-separate": variant("hexagent that chooses each engine of a pair by itself", { joint: false }),
  "hexagent-no-kv": variant("hexagent that does not ask whether KV memory suffices", { kv: false }),
  "hexagent-no-prefix": variant("hexagent that does not ask what is cached where", { prefixes: false }),
  "hexagent-no-redirect": variant("hexagent that never decodes elsewhere than planned", { redirect: false }),
  "hexagent-no-turn": variant("hexagent whose risk leaves out the turn that a waiting call loses", { turns: 0 }),
  "hexagent-in-line": variant("hexagent whose calls wait in line for KV memory", { overtakes: undefined }),
  "hexagent-queued": variant("hexagent that puts calls into the engines' queues at once", { hold: false }),
  "hexagent+timed": variant("hexagent with prefill batches bounded by time", {}, timed),
  "hexagent+history": variant("hexagent that counts what workflows of the class went on to take", { history }),
  "hexagent+projected": variant("hexagent with all that is projected in its queue ranks", { rankBy: "projected" }),
  "hexagent+backfill": variant("hexagent that overtakes for KV memory only what it does not delay", {
    overtakes: "if-it-delays-none",
  }),
  "hexagent+chunked": variant("hexagent with prompts in chunks beside decoding", {}, { chunkedPrefill: true }),
  "hexagent+tail": variant("hexagent that holds first calls back while others are in danger", { tail }),
  "hexagent+roles": variant("hexagent that switches engines between prefill and decode", { roles }),
  "hexagent+beyond": variant("hexagent with history, and with prefill batches bounded by time", { history }, timed),
  "hexagent+beyond+roles": variant(
    "the same, with engines that switch roles",
    { history: historyWithRoles, roles },
    timed,
  ),
} as const satisfies Record<string, PolicyEntry>;
