/** Autellix's load balancer: a long call goes to its workflow's home engine, a short one where it can begin first. */

import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { WorkflowId } from "../../model/workflow.ts";
import { pickThenEarliest, planByChoice, untilBeginUs } from "../place-by-choice.ts";
import type { Plan, View } from "../policy.ts";

/** Where the first call of each open workflow went, by model. */
type Homes = Readonly<Record<WorkflowId, Readonly<Record<ModelId, EngineId>>>>;

/** Calls with at least so many prompt tokens have a cached prefix worth going home for; the figure is Autellix's. */
const longPromptTokens = 2048;

/** Lets the ready stages choose in order of least attained service, which is their place in an engine's queue as well. */
export function planByAttained(view: View, attainedOf: (stage: VisibleModelStage) => number): Plan {
  const attained = new Map(view.ready.map((stage) => [stage, attainedOf(stage)]));
  const rankOf = (stage: VisibleModelStage): number => attained.get(stage) ?? 0;
  const stages = [...view.ready].sort(
    (left, right) => right.priority - left.priority || rankOf(left) - rankOf(right) || left.ordinal - right.ordinal,
  );
  const homes = keepOpen(view);
  const decisions = planByChoice(view, stages, {
    hold: false,
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
