/** Clusters whose engines batch otherwise: exclusive ones that batch, and batching ones as a policy wants them to. */

import { strict as assert } from "node:assert";
import type { Batching, Cluster } from "../model/cluster.ts";

/**
 * The same machines, models and memory, with `maxSequences` side by side on each engine. The KV memory of each model stays
 * what it was: 8 GB on the named clusters, five prompts of median length for the largest model and thirteen for an 8B one.
 */
export function batchedVersion(cluster: Cluster, maxSequences: number): Cluster {
  assert(Number.isInteger(maxSequences) && maxSequences > 0, `a batch is of 1 sequence or more, not ${maxSequences}`);
  const batching = { kind: "batched", maxSequences, prefillTokens: 8192, chunkedPrefill: true } as const;
  return {
    ...cluster,
    id: `${cluster.id}-batched-${maxSequences}`,
    engines: cluster.engines.map((engine) => ({ ...engine, batching })),
  };
}

type BatchingChange = Partial<Pick<Extract<Batching, { kind: "batched" }>, "chunkedPrefill" | "prefillUs">>;

/** The same cluster, with its batching engines batching as asked for. */
export function batchingAs(cluster: Cluster, change: BatchingChange = {}): Cluster {
  if (Object.keys(change).length === 0) return cluster;
  const engines = cluster.engines.map((engine) =>
    engine.batching.kind === "batched" ? { ...engine, batching: { ...engine.batching, ...change } } : engine,
  );
  return { ...cluster, engines };
}
