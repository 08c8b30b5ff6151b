/** Bounds of a cell's workflows, found once for all policies that run them one after another in a thread. */

import { boundsOf } from "../bound/bounds.ts";
import { shippedCalibration } from "../cost/shipped-calibration.ts";
import { createCostModel } from "../cost/cost-model.ts";
import { boundAgents, type AgentsBounds } from "./agents/bounds.ts";
import type { CellSpec } from "./cell.ts";
import type { Loaded } from "./load.ts";

export function findBounds(spec: CellSpec, { workload, models, cluster }: Loaded): readonly number[] {
  return remember(perWorkflow, spec, () => boundsOf(workload.workflows, models, cluster).map(({ lowerUs }) => lowerUs));
}

/** Of SLO scales, by the cluster as described: a policy may change how its engines batch. */
export function findAgentsBounds(spec: CellSpec, { workload, models, cluster }: Loaded): AgentsBounds {
  const [model] = cluster.engines[0]?.resident ?? [];
  const costs = createCostModel(cluster, models, shippedCalibration);
  return remember(ofScales, spec, () => boundAgents(workload.workflows, costs, model ?? ""));
}

const perWorkflow = new Map<string, readonly number[]>();
const ofScales = new Map<string, AgentsBounds>();
/** Cells of one workload follow each other. */
const mostKnown = 4;

function remember<Bounds>(known: Map<string, Bounds>, spec: CellSpec, find: () => Bounds): Bounds {
  const { workload: source, cluster: name, change, seed } = spec;
  const key = JSON.stringify([source, name, change, seed]);
  const found = known.get(key) ?? find();
  known.set(key, found);
  const [oldest] = known.keys();
  if (known.size > mostKnown && oldest !== undefined) known.delete(oldest);
  return found;
}
