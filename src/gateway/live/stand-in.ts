/**
 * Where a share that is over is told to have been, in a journal that goes on. That is where it was, unless this engine has left
 * or holds the model no more: then the new header has nothing to tell it with, and another that was free stands in.
 */

import { canServe } from "../../cost/candidate.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { ClusterState } from "../../state/cluster-state.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { StageNode } from "../../state/workflow-state.ts";

export type Stays = (engine: EngineId) => boolean;

/** Engines of the stage's shares as they are to be told; undefined if one that has left cannot be replaced. */
export function pickTold(cluster: ClusterState, node: StageNode, stays: Stays): EngineId[] | undefined {
  const { stage, shares, readyUs } = node;
  if (stage.kind === "tool") return [];
  const told: EngineId[] = [];
  for (const [index, { engine: id }] of shares.entries()) {
    const engine = cluster.engine(id);
    const isHere = isAt(engine, stage, index);
    if (isHere || (stays(id) && engine.isResident(stage.model))) {
      told.push(id);
      continue;
    }
    const handedOver = [...cluster].find((other) => isAt(other, stage, index));
    const taken = new Set([...told, ...shares.map((share) => share.engine), ...(handedOver ? [handedOver.id] : [])]);
    const prefills = handedOver !== undefined || stage.kind === "embed";
    const fits = (other: EngineState): boolean => {
      const { role } = other.holding.engine;
      if (taken.has(other.id) || !stays(other.id) || role === "decode" || (role === "prefill" && !prefills))
        return false;
      if (!other.isResident(stage.model) || !canServe(stage, other)) return false;
      return other.running.every(({ startUs }) => startUs > readyUs);
    };
    const standIn = [...cluster].find(fits);
    if (standIn === undefined && !stays(id)) return undefined;
    told.push(standIn?.id ?? id);
  }
  return told;
}

function isAt({ queue, running }: EngineState, { key }: VisibleModelStage, index: number): boolean {
  const isIt = ({ stage, share }: { readonly stage: VisibleModelStage; readonly share: number }): boolean =>
    stage.key === key && share === index;
  return queue.some(isIt) || running.some(isIt);
}
