import { describe, expect, test } from "vitest";
import { namedCluster } from "../../src/catalogue/clusters.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import { boundsOf } from "../../src/bound/bounds.ts";
import { loadRealDag } from "../../src/experiment/real-dag.ts";
import { cluster, dag, run } from "../support/build.ts";
import { randomWorld } from "../support/random-world.ts";
import { exclusiveWorld, expectAbove, latencies } from "./support.ts";

describe("no policy is faster than the bound", () => {
  test("in worlds of engines that run one share at a time", () => {
    let ended = 0;
    for (let seed = 1; seed <= 30; seed++) ended += expectAbove(exclusiveWorld(seed));
    expect(ended).toBeGreaterThan(150);
  });

  test("in worlds with batched engines and pairs", () => {
    let ended = 0;
    for (let seed = 1; seed <= 20; seed++) ended += expectAbove(randomWorld(seed));
    expect(ended).toBeGreaterThan(100);
  });

  test.each(["hetero-8", "a100-8"])("on generated graphs on %s", (id) => {
    const machines = namedCluster(id);
    if (machines === undefined) throw new Error(id);
    const { workload, models } = loadRealDag({ kind: "real-dag", count: 6 }, 101, machines);
    expectAbove({ seed: 101, cluster: machines, models, workflows: workload.workflows });
  });
});

describe("what the bound knows", () => {
  const models = knownModels;

  test("a single stage alone takes exactly the bound from a cold cluster", () => {
    const workflow = dag("only");
    const machines = cluster("h100 h100");
    const took = latencies(run({ workflows: [workflow], cluster: machines }));
    expect(boundsOf([workflow], models, machines, { start: "cold" })[0]?.lowerUs).toBe(took.get("w"));
  });

  test("a chain alone takes exactly the bound where one engine is all there is", () => {
    const workflow = dag("plan -> draft -> check");
    const machines = cluster("h100");
    const took = latencies(run({ workflows: [workflow], cluster: machines }));
    expect(boundsOf([workflow], models, machines, { start: "cold" })[0]?.terms.pathUs).toBe(took.get("w"));
  });

  test("two engines share eight equal stages, and one of them must load the model", () => {
    const workflow = dag("a, b, c, d, e, f, g, h");
    const one = boundsOf([dag("a")], models, cluster("h100"))[0]?.lowerUs ?? 0;
    const warm = boundsOf([workflow], models, cluster("h100 h100"))[0]?.lowerUs ?? 0;
    const cold = boundsOf([workflow], models, cluster("h100 h100"), { start: "cold" })[0]?.lowerUs ?? 0;
    expect(warm).toBeGreaterThan(3.99 * one);
    expect(warm).toBeLessThanOrEqual(4 * one);
    expect(cold).toBeGreaterThan(warm + 2_000_000);
  });

  test("what the cluster holds at the start needs no load", () => {
    const there = cluster("h100", { resident: ["llama-3.1-8b"] });
    const [cold] = boundsOf([dag("a")], models, there, { start: "cold" });
    const [any] = boundsOf([dag("a")], models, there);
    expect(cold?.lowerUs).toBe(any?.lowerUs);
  });

  test("two models on an engine that holds one cannot both lie ready", () => {
    const workflow = dag("a, b", (id) => (id === "b" ? { model: "phi-4-14.7b" } : {}));
    const sum = ["llama-3.1-8b", "phi-4-14.7b"]
      .map((model) => boundsOf([dag("a", () => ({ model }))], models, cluster("h100"))[0]?.lowerUs ?? 0)
      .reduce((left, right) => left + right);
    const [bound] = boundsOf([workflow], models, cluster("h100"));
    expect(bound?.lowerUs).toBeGreaterThan(sum + 2_000_000);
  });

  test("a stage that can run nowhere has no latency", () => {
    const workflow = dag("a", () => ({ allow: { labels: ["nowhere"] } }));
    expect(boundsOf([workflow], models, cluster("h100"))[0]?.lowerUs).toBe(Infinity);
  });

  test("a branch that is not taken costs nothing", () => {
    const taken = dag("a -> b -> c");
    const not = dag("a -> b -> c", (id) => (id === "b" ? { branch: { chance: 0.5, runs: false } } : {}));
    const [all] = boundsOf([taken], models, cluster("h100"));
    const [first] = boundsOf([not], models, cluster("h100"));
    const [alone] = boundsOf([dag("a")], models, cluster("h100"));
    expect(first?.lowerUs).toBe(alone?.lowerUs);
    expect(all?.lowerUs).toBeGreaterThan(first?.lowerUs ?? Infinity);
  });
});
