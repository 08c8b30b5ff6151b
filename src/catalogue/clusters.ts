/**
 * Clusters that Fate knows by name. Their figures are physical parameters of benchmarks: written down before anything
 * was measured on them, and not to be changed to flatter a policy.
 */

import type { Cluster } from "../model/cluster.ts";
import { a100x8, h100x4a100x4, hetero8, workshop } from "./clusters/exclusive.ts";
import { batched4, both, ownAndApi, pairClusters, sharedPairs } from "./clusters/batched.ts";
import { tiny } from "./clusters/scaled.ts";

export { scaleCluster, scaleSpeeds, type SpeedScale } from "./clusters/scaled.ts";

const clusters: { readonly [id: string]: () => Cluster } = {
  "hetero-8": hetero8,
  "a100-8": a100x8,
  "h100-4-a100-4": h100x4a100x4,
  workshop,
  ...pairClusters,
  both,
  "shared-pairs": () => sharedPairs("shared-pairs", 2, 2),
  "shared-pairs-1-3": () => sharedPairs("shared-pairs-1-3", 1, 3),
  "batched-4": batched4,
  "own-and-api": ownAndApi,
  tiny,
};

export const clusterNames: readonly string[] = Object.keys(clusters);

/** The cluster of this name, made anew. */
export function namedCluster(id: string): Cluster | undefined {
  return Object.hasOwn(clusters, id) ? clusters[id]?.() : undefined;
}
