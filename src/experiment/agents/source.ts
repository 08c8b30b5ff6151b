/** Workloads of the benchmark `agents`: workflows of one family in a Poisson stream at a load of the cluster's fluid capacity. */

import { strict as assert } from "node:assert";
import { createCostModel } from "../../cost/cost-model.ts";
import { shippedCalibration } from "../../cost/shipped-calibration.ts";
import type { Cluster } from "../../model/cluster.ts";
import { drawExponential } from "../../random/distributions.ts";
import { createRng } from "../../random/rng.ts";
import { generateWorkload } from "../../trace/generate/generate-workload.ts";
import type { WorkloadAndModels } from "../../trace/workload-file.ts";
import { fluidTimeUs } from "./fluid-capacity.ts";
import { addWork, leastPieces } from "./work.ts";

export type AgentsSource = {
  readonly kind: "agents";
  /** A family of generated workflows. */
  readonly workload: string;
  /** The mean rate of arrivals, as a multiple of what the cluster could keep up with if work were a fluid. */
  readonly load: number;
  /** Standard deviation of the logarithm of estimated over actual lengths and times; it changes nothing else. */
  readonly error: number;
  readonly count: number;
};

/** Calls go to the one model that the cluster holds. */
export function loadAgents(source: AgentsSource, seed: number, cluster: Cluster): WorkloadAndModels {
  const key = JSON.stringify([source, seed, cluster]);
  if (last?.key !== key) last = { key, loaded: generate(source, seed, cluster) };
  return last.loaded;
}

/** Cells of one seed follow each other, under many policies. */
let last: { readonly key: string; readonly loaded: WorkloadAndModels } | undefined;

function generate(
  { workload: family, load, error, count }: AgentsSource,
  seed: number,
  cluster: Cluster,
): WorkloadAndModels {
  const [model] = cluster.engines[0]?.resident ?? [];
  assert(model !== undefined, `no model is resident on the first engine of ${cluster.id}`);
  const { workload, models } = generateWorkload({ families: [family], count, seed, error, model });
  const costs = createCostModel(cluster, models, shippedCalibration);
  const work = addWork(leastPieces(workload.workflows, keepsOutputs(cluster)).flat());
  const gapUs = fluidTimeUs(costs, model, work) / count / load;
  const rng = createRng(seed, "arrival");
  let atUs = 0;
  const workflows = workload.workflows.map((workflow) => {
    const arrivalUs = Math.round(atUs);
    atUs += drawExponential(rng, gapUs);
    return { ...workflow, arrivalUs };
  });
  return { workload: { id: `agents-${family}-${load}-error-${error}-seed-${seed}`, workflows }, models };
}

/** An engine that does both phases caches what it wrote; one that decodes only never takes in a prompt. */
function keepsOutputs({ engines }: Cluster): boolean {
  return engines.some(({ role }) => role === "both");
}
