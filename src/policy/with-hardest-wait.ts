/**
 * Any policy, with a bound on how long it may hold a stage back: what has waited longer goes where it ends first, ahead of all
 * that is queued there, and the engine takes nothing else until it has begun. Every reordering needs such a bound, or a stage of
 * a rarely used model starves.
 */

import type { Decision } from "../model/decision.ts";
import { pickEarliestWhole, toPlace } from "./greedy-finish.ts";
import { createPicture, foresee } from "./picture.ts";
import type { Policy } from "./policy.ts";

/** Smaller than any rank that a policy gives. */
const overdueRank = -1e15;

export function withHardestWait(plan: Policy, mostUs: number): Policy {
  return (view) => {
    const isOverdue = (key: string): boolean => view.nowUs - view.workflows.node(key).readyUs >= mostUs;
    const overdue = view.ready.filter(({ key }) => isOverdue(key));
    if (overdue.length === 0) return plan(view);
    const picture = { ...view, ...createPicture(view) };
    const decisions: Decision[] = [];
    for (const stage of overdue) {
      const best = pickEarliestWhole(picture, stage);
      if (best === undefined) continue;
      decisions.push({ ...toPlace(stage, best), rank: overdueRank, reason: "waited longest" });
      foresee(picture, stage, best);
    }
    const placed = new Set(decisions.map((decision) => (decision.kind === "place" ? decision.stage : "")));
    const rest = plan({ ...picture, ready: view.ready.filter(({ key }) => !placed.has(key)) });
    return { ...rest, decisions: [...decisions, ...rest.decisions] };
  };
}
