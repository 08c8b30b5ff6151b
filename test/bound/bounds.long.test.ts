import { expect, test } from "vitest";
import { namedCluster } from "../../src/catalogue/clusters.ts";
import { loadRealDag } from "../../src/experiment/real-dag.ts";
import { randomWorld } from "../support/random-world.ts";
import { exclusiveWorld, expectAbove } from "./support.ts";

test("no policy is faster than the bound in many exclusive worlds", () => {
  let ended = 0;
  for (let seed = 1000; seed < 1060; seed++) ended += expectAbove(exclusiveWorld(seed));
  expect(ended).toBeGreaterThan(300);
});

test("no policy is faster than the bound in many worlds of every sort", () => {
  let ended = 0;
  for (let seed = 2000; seed < 2075; seed++) ended += expectAbove(randomWorld(seed));
  expect(ended).toBeGreaterThan(350);
});

test.each([
  ["hetero-8", 101],
  ["a100-8", 102],
  ["h100-4-a100-4", 103],
])("no policy is faster than the bound on graphs on %s", (id, seed) => {
  const machines = namedCluster(id);
  if (machines === undefined) throw new Error(id);
  const { workload, models } = loadRealDag({ kind: "real-dag", count: 8 }, seed, machines);
  expectAbove({ seed, cluster: machines, models, workflows: workload.workflows });
});
