/** What a policy sees of the engines: the state itself, or the state as it was some time ago. */

import type { JournalEvent } from "../model/event.ts";
import type { VisibleStage } from "../model/visible.ts";
import { applyToCluster } from "../state/apply-to-cluster.ts";
import { ClusterState } from "../state/cluster-state.ts";
import type { World } from "./world.ts";

/** A cluster state that follows the world's, `staleUs` late; the world's own if that is 0. */
export function observeCluster(world: World, staleUs: number): ClusterState {
  if (staleUs === 0) return world.state.cluster;
  const observed = ClusterState.create(world.costs.engines);
  world.listen((event) => {
    const stage = placedStage(world, event);
    world.after(staleUs, () => {
      applyToCluster(observed, () => stage as VisibleStage, event);
      world.changed = true;
    });
  });
  return observed;
}

/** Late, the workflow may be over: what the placement is about must be remembered now. */
function placedStage(world: World, event: JournalEvent): VisibleStage | undefined {
  return event.kind === "stage-place" ? world.state.workflows.node(event.stage).stage : undefined;
}
