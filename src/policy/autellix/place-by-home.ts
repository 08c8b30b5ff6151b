/** Autellix's load balancer: a long call goes to its workflow's home engine, a short one where it can begin first. */

import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { WorkflowId } from "../../model/workflow.ts";
import { pickThenEarliest, planByChoice, untilBeginUs } from "../place-by-choice.ts";
import type { Plan, View } from "../policy.ts";
import type { Order } from "./order.ts";

/** Where the first call of each open workflow went, by model. */
type Homes = Readonly<Record<WorkflowId, Readonly<Record<ModelId, EngineId>>>>;

/** Calls with at least so many prompt tokens have a cached prefix worth going home for. */
const longPromptTokens = 24_576;

export function placeByHome(view: View, { stages, rankOf }: Order, mostShards: number): Plan {
  const homes = keepOpen(view);
  const decisions = planByChoice(view, stages, {
    hold: false,
    mostShards,
    rankOf,
    pick: (candidates, stage, picture) => {
      const home = homes[stage.workflow]?.[stage.model];
      const atHome = candidates.filter(({ shares }) => shares[0]?.engine.id === home);
      const choices = stage.promptTokens >= longPromptTokens && atHome.length > 0 ? atHome : candidates;
      const chosen = pickThenEarliest(choices, (candidate) => untilBeginUs(picture, stage, candidate));
      const engine = chosen?.shares[0]?.engine.id;
      if (engine !== undefined && atHome.length === 0)
        homes[stage.workflow] = { ...homes[stage.workflow], [stage.model]: engine };
      return chosen;
    },
  });
  return { decisions, memory: homes };
}

function keepOpen({ memory, workflows }: View): Record<WorkflowId, Homes[WorkflowId]> {
  return Object.fromEntries(Object.entries((memory ?? {}) as Homes).filter(([id]) => workflows.open.has(id)));
}
