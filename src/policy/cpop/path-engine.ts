/** Chooses for each critical path the engine that is expected to be through with it first. */

import { canServe, waitUs } from "../../cost/candidate.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { WorkflowId } from "../../model/workflow.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { useModel } from "../../state/residency.ts";
import { workOnUs } from "../heft/mean-costs.ts";
import type { View } from "../policy.ts";
import type { Critical } from "./critical-path.ts";

type Paths = Readonly<Record<WorkflowId, Critical>>;

/**
 * For paths without an engine that is up, in order of arrival. What is left of the paths of other workflows counts as taken
 * time on the engines they were promised. Of equal engines the one named first. Costs a look at every engine for each path.
 */
export function choosePathEngines(view: View, paths: Paths): Paths {
  const promisedUs = new Map<EngineId, number>();
  const chosen: Record<WorkflowId, Critical> = {};
  const homeless: WorkflowId[] = [];
  for (const id of view.workflows.open.keys()) {
    const critical = paths[id];
    if (critical === undefined) continue;
    const home = critical.engine === undefined ? undefined : view.cluster.engine(critical.engine);
    chosen[id] = critical;
    if (home?.up === true) promise(home, critical);
    else homeless.push(id);
  }
  for (const id of homeless) {
    const { engine: _down, ...critical } = chosen[id] as Critical;
    const engine = pickPathEngine(view, leftOf(view, critical), (candidate) => promisedUs.get(candidate.id) ?? 0);
    chosen[id] = engine === undefined ? critical : { ...critical, engine: engine.id };
    if (engine !== undefined) promise(engine, critical);
  }
  return chosen;

  function promise(engine: EngineState, critical: Critical): void {
    const us = pathUs(view, leftOf(view, critical), engine);
    promisedUs.set(engine.id, (promisedUs.get(engine.id) ?? 0) + us);
  }
}

/** The model calls of the path that are not placed yet. */
function leftOf({ workflows }: View, { path }: Critical): readonly VisibleModelStage[] {
  return path.flatMap((key) => {
    const { stage, status } = workflows.node(key);
    return stage.kind !== "tool" && (status === "waiting" || status === "ready") ? [stage] : [];
  });
}

/** The engine that can take the most stages of the path, and of those the one that is through first. */
function pickPathEngine(
  view: View,
  path: readonly VisibleModelStage[],
  promisedUs: (engine: EngineState) => number,
): EngineState | undefined {
  let best: { readonly engine: EngineState; readonly able: number; readonly endUs: number } | undefined;
  for (const engine of view.cluster) {
    if (!engine.open || engine.role === "decode") continue;
    const able = path.filter((stage) => canServe(stage, engine)).length;
    const places =
      engine.holding.engine.batching.kind === "exclusive" ? 1 : engine.holding.engine.batching.maxSequences;
    const endUs = waitUs(view, engine) + promisedUs(engine) / places + pathUs(view, path, engine);
    if (able > 0 && (best === undefined || (best.able - able || endUs - best.endUs) < 0))
      best = { engine, able, endUs };
  }
  return best?.engine;
}

/** Work and loads of the stages that the engine can take, one after another. */
function pathUs({ costs }: View, path: readonly VisibleModelStage[], engine: EngineState): number {
  const { holding, slowFactor } = engine;
  const room = { memoryBytes: holding.memoryBytes, maxResident: holding.engine.maxResident };
  const onEngine = costs.engines[holding.index];
  let residents = engine.foreseen;
  let us = 0;
  for (const stage of path) {
    const held = onEngine?.models.get(stage.model);
    if (onEngine === undefined || held === undefined || !canServe(stage, engine)) continue;
    if (!residents.some(({ model }) => model === stage.model)) us += held.loadUs;
    residents = useModel(residents, room, stage.model, held.footprintBytes);
    us += workOnUs(onEngine, stage) ?? 0;
  }
  return Math.round(us * slowFactor);
}
