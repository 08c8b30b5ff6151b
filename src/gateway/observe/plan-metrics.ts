/** Plans and what became of their decisions. */

import type { JournalEvent } from "../../model/event.ts";
import { createCounters, createHistograms, type Section } from "./series.ts";

/** A plan that was made, or given up for another one. */
export type PlanTaken = {
  readonly where: "in-place" | "thread";
  readonly durationUs: number;
  /** Why another planner's answer was taken in its stead, such as `deadline`. */
  readonly fallback?: string;
};

export const shortBounds = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];

export function createPlanMetrics(): Section & {
  readonly see: (event: JournalEvent) => void;
  readonly plan: (plan: PlanTaken) => void;
} {
  const families = planFamilies();
  const plans = families.plans.at();
  const decided = families.decided.at();
  const placed = families.carriedOut.at("place");
  const prefetched = families.carriedOut.at("prefetch");
  const evicted = families.carriedOut.at("evict");
  const retained = families.carriedOut.at("retain");
  const see = (event: JournalEvent): void => {
    switch (event.kind) {
      case "plan":
        plans.value += 1;
        decided.value += event.decisions;
        return;
      case "stage-place":
        placed.value += 1;
        return;
      case "model-load-start":
        if (event.cause === "prefetch") prefetched.value += 1;
        return;
      case "model-evict":
        if (event.cause === "policy") evicted.value += 1;
        return;
      case "prefix-retain":
        retained.value += 1;
        return;
      case "decision-reject":
        families.rejected.at(event.decision, event.reason).value += 1;
        return;
      default:
        return;
    }
  };
  const plan = ({ where, durationUs, fallback }: PlanTaken): void => {
    families.duration.observe(families.duration.at(where), durationUs);
    if (fallback !== undefined) families.fallbacks.at(fallback).value += 1;
  };
  return { see, plan, families: Object.values(families) };
}

function planFamilies() {
  return {
    plans: createCounters({ name: "fate_plans_total", help: "Plans with something to do." }),
    decided: createCounters({ name: "fate_plan_decisions_total", help: "Decisions in them, deferrals included." }),
    carriedOut: createCounters({
      name: "fate_decisions_total",
      help: "Decisions carried out, by kind. What is neither here nor rejected was a deferral.",
      labels: ["kind"],
    }),
    rejected: createCounters({
      name: "fate_decisions_rejected_total",
      help: "Decisions that the world no longer allowed.",
      labels: ["kind", "reason"],
    }),
    duration: createHistograms(
      { name: "fate_plan_duration_seconds", help: "Time to make a plan.", labels: ["where"], scale: 1e6 },
      shortBounds,
    ),
    fallbacks: createCounters({
      name: "fate_planner_fallbacks_total",
      help: "Plans given up for another planner's, by reason.",
      labels: ["reason"],
    }),
  };
}
