/**
 * Foresight on engines that prefill and decode apart: the order and the placement of `hexagent`, with care for what each call costs
 * those behind it: prompt work has a price while calls wait, batches are short where that holds nobody up, and engines switch roles.
 */

import { createHexagent } from "../../agents/hexagent.ts";
import { hexagentDefaults } from "../../agents/settings.ts";
import type { Policy } from "../../policy.ts";
import { createCare } from "./care.ts";
import { createPlanner } from "./plan/planner.ts";
import { createServing } from "./serving.ts";
import type { PairsSettings } from "./settings.ts";

export function createPairs({ care, plan, serving, ...settings }: PairsSettings): Policy {
  return createHexagent({
    ...hexagentDefaults,
    ...settings,
    care: createCare(care),
    plan: createPlanner(plan),
    ...(serving === undefined ? {} : { serving: createServing(serving) }),
  });
}
