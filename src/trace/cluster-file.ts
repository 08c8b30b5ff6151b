/** The cluster file, JSON or YAML. What may be left out, and what it then is, stands in `cluster-shape.ts`. */

import { gpuKinds } from "../catalogue/gpus.ts";
import type { Cluster } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";
import { clusterShape } from "./cluster-shape.ts";
import { parseJsonOrYaml } from "./parse-text.ts";
import { readText } from "./read-text.ts";
import { parseAs } from "./shape.ts";
import { validateCluster } from "./validate-cluster.ts";
import { withLines } from "./with-lines.ts";
import { modelsById } from "./workload-file.ts";

/** The cluster described in a file. `models` are known beside those of the catalogue. */
export function readCluster(path: string, models: readonly Model[] = []): Cluster {
  return parseClusterFile(readText(path), path, models);
}

export function parseClusterFile(text: string, file: string, models: readonly Model[] = []): Cluster {
  return withLines(text, file, () => parseWhole(text, file, models));
}

function parseWhole(text: string, file: string, models: readonly Model[]): Cluster {
  const { version: _, ...entry } = parseAs(clusterShape, parseJsonOrYaml(text, file), file);
  const described = new Set(entry.gpus.map((gpu) => gpu.id));
  const named = new Set(entry.devices.map((device) => device.gpu));
  const fromCatalogue = gpuKinds.filter((gpu) => named.has(gpu.id) && !described.has(gpu.id));
  const cluster: Cluster = { ...entry, gpus: [...entry.gpus, ...fromCatalogue] };
  validateCluster(cluster, modelsById(models), { file, label: "" });
  return cluster;
}
