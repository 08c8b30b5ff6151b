import { expect, test } from "vitest";
import { batchedVersion } from "../../src/catalogue/batched-version.ts";
import { namedCluster } from "../../src/catalogue/clusters.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import { createHoldings } from "../../src/model/holding.ts";
import { parseClusterFile } from "../../src/trace/cluster-file.ts";

const benchmarked = ["hetero-8", "a100-8", "h100-4-a100-4"] as const;

test.each(benchmarked)("a batched %s is a cluster, with the same room for models and KV", (id) => {
  const cluster = namedCluster(id);
  if (cluster === undefined) throw new Error(`no cluster ${id}`);
  const batched = batchedVersion(cluster, 64);
  expect(parseClusterFile(JSON.stringify({ version: 1, ...batched }), "batched.json", knownModels)).toEqual(batched);
  const roomOf = (each: typeof cluster): unknown =>
    createHoldings(each, knownModels).map(({ models }) =>
      [...models].map(([name, held]) => [name, held.kvCapacityTokens]),
    );
  expect(roomOf(batched)).toEqual(roomOf(cluster));
  expect(new Set(batched.engines.map(({ batching }) => batching.kind))).toEqual(new Set(["batched"]));
});

test("the KV memory of the largest benchmarked model takes five prompts of median length, that of an 8B one thirteen", () => {
  const cluster = namedCluster("hetero-8");
  if (cluster === undefined) throw new Error("no cluster hetero-8");
  const [first] = createHoldings(batchedVersion(cluster, 64), knownModels);
  const prompts = (model: string): number => Math.floor((first?.models.get(model)?.kvCapacityTokens ?? 0) / 4600);
  expect([prompts("llama-3.1-70b-fp8"), prompts("llama-3.1-8b")]).toEqual([5, 13]);
});
