/**
 * Knows of every stage how many steps away it is: gives up first the model that is needed last, loads ahead of need what the next
 * step needs, and keeps the prefixes of that step cached. Stages go where they end first, as in `greedy-finish`.
 *
 * Z. Pan et al., "KVFlow: Efficient Prefix Caching for Accelerating LLM-Based Multi-Agent Workflows" (NeurIPS 2025), as publicly
 * described. Departures: the source has one engine and no placement rule; it moves prefixes between host and GPU memory, where
 * here models move and prefixes are kept or lost; so its eviction order governs models, and of prefixes it only protects those
 * of the next step; its agents are the stages of a workflow, without the cycles of theirs; stages of different workflows compare directly.
 */

import type { Place } from "../../model/decision.ts";
import type { ModelId } from "../../model/model.ts";
import { oldestFirst } from "../choose.ts";
import { planEarliestFinish } from "../greedy-finish.ts";
import type { Policy, View } from "../policy.ts";
import { farthestFirst, planPrefetch } from "./prefetch.ts";
import { planRetain, type Retained } from "./retain.ts";
import { stepsByModel, stepsToExecution, type AwayOf } from "./steps.ts";
import type { ShardSettings } from "../shards.ts";

export function createKvflow({ mostShards }: ShardSettings): Policy {
  return (view) => {
    const steps = [...view.workflows.open.values()].flatMap((workflow) => [...stepsToExecution(workflow)]);
    const next = steps.flatMap(([{ stage }, away]) => (away === 1 && stage.kind !== "tool" ? [stage] : []));
    const awayOf = stepsByModel(steps);
    const placed = planEarliestFinish(view, oldestFirst(view), { hold: true, mostShards }).map((decision) =>
      decision.kind === "place" ? { ...decision, victims: victimsOf(view, decision, awayOf) } : decision,
    );
    const { retains, memory } = planRetain(view, next, (view.memory ?? {}) as Retained);
    return { decisions: [...placed, ...planPrefetch(view, next, placed, awayOf), ...retains], memory };
  };
}

/** The models of the engines, the one needed last first; of equals the one used longest ago. */
function victimsOf({ cluster }: View, { shares }: Place, awayOf: AwayOf): readonly ModelId[] {
  const residents = shares.flatMap(({ engine }) => cluster.engine(engine).residents);
  return [...new Set(farthestFirst(residents, awayOf))];
}
