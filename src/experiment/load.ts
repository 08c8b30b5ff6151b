/** Workloads and clusters of a cell, from their names. */

import { existsSync } from "node:fs";
import { tellTruth } from "../bound/tell-truth.ts";
import { batchedVersion } from "../catalogue/batched-version.ts";
import { clusterNames, namedCluster, scaleSpeeds } from "../catalogue/clusters.ts";
import { knownModels } from "../catalogue/models.ts";
import type { Cluster } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";
import { readCluster } from "../trace/cluster-file.ts";
import { meant } from "../trace/closest.ts";
import { InputError } from "../trace/input-error.ts";
import { generateWorkload, type GenerateOptions } from "../trace/generate/generate-workload.ts";
import { readWorkload } from "../trace/read-workload.ts";
import type { WorkloadAndModels } from "../trace/workload-file.ts";
import type { CellSpec, ClusterChange, GeneratedSource, WorkloadSource } from "./cell.ts";
import { loadAgents } from "./agents/source.ts";
import { loadRealDag } from "./real-dag.ts";

/** What a cell runs: `models` are those that stages call. */
export function loadCell(spec: CellSpec): Loaded {
  const { workload, ...rest } = loadUntold(spec);
  const { workflows } = workload;
  return { ...rest, workload: spec.told === true ? { ...workload, workflows: workflows.map(tellTruth) } : workload };
}

export type Loaded = WorkloadAndModels & { readonly cluster: Cluster };

function loadUntold({ workload: source, seed, cluster: name, change = {} }: CellSpec): Loaded {
  if (source.kind !== "real-dag" && source.kind !== "agents") {
    const loaded = loadWorkload(source, seed);
    return { ...loaded, cluster: changeCluster(loadCluster(name, loaded.models), change) };
  }
  // Arrivals of a benchmark may depend on the cluster that it is for.
  const cluster = changeCluster(loadCluster(name, []), change);
  const loaded = source.kind === "agents" ? loadAgents(source, seed, cluster) : loadRealDag(source, seed, cluster);
  return { ...loaded, cluster };
}

function changeCluster(cluster: Cluster, { batched, contention, ...speeds }: ClusterChange): Cluster {
  const scaled = Object.keys(speeds).length === 0 ? cluster : scaleSpeeds(cluster, speeds);
  const served = batched === undefined ? scaled : batchedVersion(scaled, batched);
  return contention === undefined ? served : { ...served, contention };
}

/** By the seed: all of a generated workload, and what a file leaves open. */
export function loadWorkload(source: WorkloadSource, seed: number): WorkloadAndModels {
  const { ratePerSecond } = source;
  if (source.kind === "generated") {
    const { oneAtATime = false } = source;
    const { workload, models } = generateWorkload(toGenerateOptions(source, seed));
    return { workload: oneAtATime ? { ...workload, oneAtATime } : workload, models };
  }
  const { kind: _kind, path, ratePerSecond: _rate, ...options } = source;
  if (options.model !== undefined) refuseUnknownModel("--model", options.model);
  for (const model of Object.values(options.modelsByName ?? {})) refuseUnknownModel("--models", model);
  return readWorkload(path, {
    ...options,
    seed,
    ...(ratePerSecond === undefined ? {} : { arrival: { kind: "poisson", meanGapUs: 1e6 / ratePerSecond } }),
  });
}

/** By the same seed always the same workflows. */
export function toGenerateOptions(source: GeneratedSource, seed: number): GenerateOptions {
  const { kind: _kind, oneAtATime: _oneAtATime, ...options } = source;
  if (options.model !== undefined) refuseUnknownModel("--model", options.model);
  return { ...options, seed };
}

function refuseUnknownModel(option: string, model: string): void {
  const names = knownModels.map(({ id }) => id);
  if (names.includes(model)) return;
  const expected = `a model that fate knows, such as llama-3.1-8b${meant(model, names)}`;
  throw new InputError(option, "", JSON.stringify(model), expected);
}

/** `models` are known beside those of the catalogue. */
function loadCluster(nameOrPath: string, models: readonly Model[]): Cluster {
  const named = namedCluster(nameOrPath);
  if (named !== undefined) return named;
  if (/[./\\]/.test(nameOrPath) || existsSync(nameOrPath)) return readCluster(nameOrPath, models);
  const expected = `a file or one of ${clusterNames.join(", ")}${meant(nameOrPath, clusterNames)}`;
  throw new InputError("--cluster", "", JSON.stringify(nameOrPath), expected);
}

/** A cluster may hold models that no stage names; it is known what they are too. */
export function withResident(models: readonly Model[], { engines }: Cluster): readonly Model[] {
  const missing = new Set(engines.flatMap((engine) => engine.resident));
  for (const { id } of models) missing.delete(id);
  return [...models, ...knownModels.filter(({ id }) => missing.has(id))];
}
