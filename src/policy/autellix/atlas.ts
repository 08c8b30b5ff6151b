/**
 * Serves calls in order of the service along their longest chain of ancestors, least first; long calls on the workflow's home
 * engine, short ones where they can begin first.
 *
 * ATLAS, `p(c) = max over parents (p + t)`, and the load balancer of M. Luo et al., "Autellix: An Efficient Serving Engine for LLM
 * Agents as General Programs" (2025; NSDI 2026 as Agentix), as publicly described. Departures: those of `plas.ts`; and `p` follows
 * the edges of the workflow, where the source knows only which calls a thread has made.
 */

import type { Policy } from "../policy.ts";
import { createMeanCosts } from "../heft/mean-costs.ts";
import { chainAttainedUs } from "./attained.ts";
import { orderByAttained } from "./order.ts";
import type { Placement } from "./placements.ts";

export function createAtlas(place: Placement): Policy {
  return (view) => {
    const means = createMeanCosts(view);
    const workflows = new Set(view.ready.map(({ key }) => view.workflows.node(key).workflow));
    const attained = new Map([...workflows].map((workflow) => [workflow.id, chainAttainedUs(workflow, means)]));
    return place(
      view,
      orderByAttained(view, ({ key, workflow }) => attained.get(workflow)?.get(key) ?? 0),
    );
  };
}
