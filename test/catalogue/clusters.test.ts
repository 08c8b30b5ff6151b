import { describe, expect, test } from "vitest";
import { clusterNames, namedCluster, scaleCluster, scaleSpeeds } from "../../src/catalogue/clusters.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import { createHoldings } from "../../src/model/holding.ts";
import { annotationModels, workshopModels } from "../../src/trace/annotate/models.ts";
import { parseClusterFile } from "../../src/trace/cluster-file.ts";
import { generateWorkload } from "../../src/trace/generate/generate-workload.ts";

function named(id: string): Cluster {
  const cluster = namedCluster(id);
  if (cluster === undefined) throw new Error(`no cluster ${id}`);
  return cluster;
}

/** Which engines hold the model. */
function holders(cluster: Cluster, model: string): readonly string[] {
  return createHoldings(cluster, knownModels).flatMap(({ engine, models }) => (models.has(model) ? [engine.id] : []));
}

describe("named clusters", () => {
  test.each([...clusterNames])("%s reads back as the cluster it is", (id) => {
    const cluster = named(id);
    const text = JSON.stringify({ version: 1, ...cluster });
    expect(parseClusterFile(text, `${id}.json`, knownModels)).toEqual(cluster);
    expect(cluster.id).toBe(id);
  });

  test("an unknown name is no cluster", () => {
    expect(namedCluster("toString")).toBeUndefined();
    expect(namedCluster("hetero-9")).toBeUndefined();
  });

  test("the largest model fits on the H200 alone, small ones share a device", () => {
    const cluster = named("hetero-8");
    expect(holders(cluster, "llama-3.1-70b-fp8")).toEqual(["h200-0", "h200-1"]);
    expect(holders(cluster, "qwen2.5-32b")).toEqual(["h200-0", "h200-1", "h100-0", "h100-1", "a100-0", "a100-1"]);
    expect(holders(cluster, "llama-3.1-8b")).toHaveLength(8);
  });

  test("what cannot pass a link passes the store", () => {
    const { links, store } = named("hetero-8");
    const ways = links.map((link) => `${link.from}>${link.to}`);
    expect(ways).not.toContain("h200>l40s");
    expect(ways).not.toContain("l40s>h100");
    expect(ways).toContain("a100>l40s");
    expect(store?.bytesPerSecond).toBe(4e8);
  });

  test.each(["hetero-8", "a100-8", "h100-4-a100-4"])("%s serves all models of the annotation", (id) => {
    for (const { model } of annotationModels) expect(holders(named(id), model), model).not.toHaveLength(0);
  });

  test("no engine of the workshop holds its five models at once", () => {
    const cluster = named("workshop");
    for (const { model } of workshopModels) expect(holders(cluster, model), model).not.toHaveLength(0);
    for (const { engine, memoryBytes, models } of createHoldings(cluster, knownModels)) {
      const together = workshopModels.reduce(
        (sum, { model }) => sum + (models.get(model)?.footprintBytes ?? Infinity),
        0,
      );
      expect(together, engine.id).toBeGreaterThan(memoryBytes);
    }
  });

  test("het3-kv has a tenth of the KV memory of het3", () => {
    const tokens = (id: string): number | undefined =>
      createHoldings(named(id), knownModels)[0]?.models.get("llama-3.1-70b")?.kvCapacityTokens;
    expect(Math.floor((tokens("het3") ?? 0) / 10)).toBe(tokens("het3-kv"));
  });

  test("engines and devices of the pairs are as many as described", () => {
    const count = (id: string): string => {
      const { engines, devices } = named(id);
      const role = (wanted: string): number => engines.filter((engine) => engine.role === wanted).length;
      return `${role("prefill")} | ${role("decode")} on ${devices.length}`;
    };
    expect(["homo", "het1", "het2", "het3", "qhom", "qhet"].map(count)).toEqual([
      "8 | 8 on 64",
      "8 | 8 on 64",
      "10 | 8 on 72",
      "12 | 4 on 64",
      "4 | 4 on 64",
      "4 | 4 on 64",
    ]);
  });

  test("the API of own-and-api holds what rag and map-reduce call for good, and own engines any of it", () => {
    const cluster = named("own-and-api");
    const { workflows } = generateWorkload({ families: ["rag", "map-reduce"], count: 20, seed: 1 }).workload;
    const stages = workflows.flatMap((workflow) => workflow.stages);
    const called = new Set(stages.flatMap((stage) => (stage.kind === "tool" ? [] : [stage.model])));
    const api = cluster.engines.at(-1);
    expect([...called].sort()).toEqual([...(api?.resident ?? [])].sort());
    expect(api).toMatchObject({ maxResident: called.size, models: api?.resident, batching: { mixesModels: true } });
    for (const model of called) expect(holders(cluster, model), model).toHaveLength(5);
  });

  test("speeds of loading and of the ways between hosts are scaled apart, and nothing else changes", () => {
    const cluster = named("hetero-8");
    expect(scaleSpeeds(cluster, {})).toEqual(cluster);
    const slow = scaleSpeeds(cluster, { load: 0.25, links: 0.1 });
    expect(slow.id).toBe("hetero-8-load-x0.25-links-x0.1");
    expect(slow.hosts[0]).toEqual({ ...cluster.hosts[0], loadBytesPerSecond: 3e9 });
    expect(slow.links[0]).toEqual({ ...cluster.links[0], bytesPerSecond: 1e9 });
    expect(slow.store).toEqual({ ...cluster.store, bytesPerSecond: 4e7 });
    expect(scaleSpeeds(cluster, { load: 2 })).toEqual({
      ...cluster,
      id: "hetero-8-load-x2",
      hosts: cluster.hosts.map((host) => ({ ...host, loadBytesPerSecond: host.loadBytesPerSecond * 2 })),
    });
    expect(scaleSpeeds(named("tiny"), { links: 0.5 }).store?.bytesPerSecond).toBe(2e9);
    expect(() => scaleSpeeds(cluster, { links: 0 })).toThrow("above 0");
  });

  test("a scaled cluster has as many engines as asked for, and links that do not explode", () => {
    const cluster = scaleCluster(1001);
    expect(cluster.engines).toHaveLength(1001);
    expect(cluster.hosts).toHaveLength(126);
    expect(cluster.links.length).toBeLessThan(16 * 126);
    expect(new Set(cluster.engines.map((engine) => engine.id)).size).toBe(1001);
  });
});
