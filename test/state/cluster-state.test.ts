import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { createHoldings } from "../../src/model/holding.ts";
import { ClusterState } from "../../src/state/cluster-state.ts";
import { applyToCluster } from "../../src/state/apply-to-cluster.ts";
import { cluster } from "../support/build.ts";

const none = (): never => {
  throw new Error("no placement here");
};

test("what a fork changes, its base does not see; what it did not change, it reads from the base", () => {
  const base = ClusterState.create(createHoldings(cluster("h100 h100", { resident: ["llama-3.1-8b"] }), knownModels));
  const fork = base.fork();
  const evict = {
    kind: "model-evict",
    atUs: 1,
    sequence: 1,
    engine: "engine-0",
    model: "llama-3.1-8b",
    cause: "policy",
  } as const;
  applyToCluster(fork, none, evict);
  fork
    .engine("engine-0")
    .changePrefixes("llama-3.1-8b")
    .insert([{ hash: 1, tokens: 10 }], 1, 100, 0);
  fork.occupyLink("a>b", 7);
  expect([
    base.engine("engine-0").isResident("llama-3.1-8b"),
    fork.engine("engine-0").isResident("llama-3.1-8b"),
  ]).toEqual([true, false]);
  expect(base.engine("engine-0").prefixes.size).toBe(0);
  expect([base.linkFreeAtUs("a>b"), fork.linkFreeAtUs("a>b")]).toEqual([0, 7]);
  expect(fork.engine("engine-1")).toBe(base.engine("engine-1"));
});

test("a fork of a fork stands on both", () => {
  const base = ClusterState.create(createHoldings(cluster("h100 h100"), knownModels));
  const first = base.fork();
  first.change("engine-0").slowFactor = 2;
  const second = first.fork();
  second.change("engine-1").slowFactor = 3;
  expect([...second].map((engine) => engine.slowFactor)).toEqual([2, 3]);
  expect([...first].map((engine) => engine.slowFactor)).toEqual([2, 1]);
  expect([...base].map((engine) => engine.slowFactor)).toEqual([1, 1]);
});
