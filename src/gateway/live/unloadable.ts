/**
 * Models that engines are not asked to load for a while, left out of what policies are shown those engines to hold: or else they would
 * go on placing calls there, each of which is sent on when it comes up, and reckon with room for the model where there is none.
 */

import type { CostModel, EngineCosts } from "../../cost/cost-model.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { ClusterState } from "../../state/cluster-state.ts";
import type { EngineState, QueuedShare } from "../../state/engine-state.ts";
import { hasOther } from "./admission.ts";
import type { World } from "./world.ts";

export type Unloadable = { readonly engine: EngineId; readonly model: ModelId };

/**
 * Of what is paused, that which can be left out. What some stage could get nowhere else stays, since that is told at once what is
 * wrong there; and so does what an engine holds or works on all the same.
 */
export function pickUnloadable(world: World, paused: readonly Unloadable[]): readonly Unloadable[] {
  if (paused.length === 0) return paused;
  const { cluster, workflows } = world.state;
  return paused.filter(({ engine: id, model }) => {
    const pausing = paused.flatMap((each) => (each.model === model ? [each.engine] : []));
    const others = [...cluster].some(
      ({ up, id: other, holding }) => up && !pausing.includes(other) && holding.models.has(model),
    );
    if (!others || isInUse(cluster, id, model)) return false;
    return [...workflows.ready].every((stage) => stage.model !== model || hasOther(world, stage.key, ...pausing));
  });
}

function isInUse(cluster: ClusterState, id: EngineId, model: ModelId): boolean {
  const isHere = (engine: EngineState, { stage, decodeEngine }: QueuedShare): boolean =>
    stage.model === model && (engine.id === id || decodeEngine === id);
  if (cluster.engine(id).residents.some((resident) => resident.model === model)) return true;
  return [...cluster].some((engine) => [...engine.queue, ...engine.running].some((share) => isHere(engine, share)));
}

type Shown = { readonly cluster: ClusterState; readonly costs: CostModel };

/** The cluster and its costs as they are to be shown. */
export function withoutUnloadable(cluster: ClusterState, costs: CostModel, unloadable: readonly Unloadable[]): Shown {
  if (unloadable.length === 0) return { cluster, costs };
  const shown = costsWithout(costs, unloadable);
  const ids = new Set(unloadable.map(({ engine }) => engine));
  return { cluster: cluster.with([...ids].map((id) => cluster.engine(id).clone(shown.engine(id)))), costs: shown };
}

/** The last ones of each cost model: what policies work out of one they keep for as long as it is the same. */
const known = new WeakMap<CostModel, { readonly name: string; readonly costs: CostModel }>();

function costsWithout(costs: CostModel, unloadable: readonly Unloadable[]): CostModel {
  const name = JSON.stringify(unloadable);
  const last = known.get(costs);
  if (last?.name === name) return last.costs;
  const engines: EngineCosts[] = costs.engines.map((each) => {
    const gone = new Set(unloadable.flatMap(({ engine, model }) => (engine === each.engine.id ? [model] : [])));
    if (gone.size === 0) return each;
    return { ...each, models: new Map([...each.models].filter(([model]) => !gone.has(model))) };
  });
  const without = { ...costs, engines, engine: (id: EngineId) => engines[costs.engine(id).index] as EngineCosts };
  known.set(costs, { name, costs: without });
  return without;
}
