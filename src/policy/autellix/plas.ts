/**
 * Serves calls in order of the service that their workflow has had so far, least first; long calls on the workflow's home engine,
 * short ones where they can begin first.
 *
 * PLAS and the load balancer of M. Luo et al., "Autellix: An Efficient Serving Engine for LLM Agents as General Programs" (2025;
 * NSDI 2026 as Agentix), as publicly described. Departures: service is engine time at mean costs, not measured time; priorities are
 * not cut into levels, nothing that runs is preempted or demoted, and nothing is promoted for having waited; a workflow has a
 * home for each model that it calls, its first engine; a call is long from far more tokens on than the 2048 of the source, see
 * docs/settings.md; the least loaded engine is the one that can begin first, loads included,
 * because engines here do not all hold one model.
 */

import type { Policy } from "../policy.ts";
import { createMeanCosts } from "../heft/mean-costs.ts";
import { attainedUs } from "./attained.ts";
import { orderByAttained } from "./order.ts";
import type { Placement } from "./placements.ts";

export function createPlas(place: Placement): Policy {
  return (view) => {
    const means = createMeanCosts(view);
    const workflows = new Set(view.ready.map(({ key }) => view.workflows.node(key).workflow));
    const attained = new Map([...workflows].map((workflow) => [workflow.id, attainedUs(workflow, means)]));
    return place(
      view,
      orderByAttained(view, ({ workflow }) => attained.get(workflow) ?? 0),
    );
  };
}
