/** All policies by name. A new one is a file and a line here. */

import type { PolicyEntry } from "./policy.ts";
import { roundRobin } from "./round-robin.ts";

export const policies = {
  "round-robin": { plan: roundRobin, summary: "each stage on the next engine in turn" },
} as const satisfies Record<string, PolicyEntry>;
