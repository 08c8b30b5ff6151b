import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { canServe, candidateCost, isFeasible, waitUs, type Known } from "../../src/cost/candidate.ts";
import { createCostModel } from "../../src/cost/cost-model.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import type { CostTerms } from "../../src/model/decision.ts";
import { gigabytes } from "../../src/model/units.ts";
import type { VisibleModelStage } from "../../src/model/visible.ts";
import { createState } from "../../src/state/apply.ts";
import { cluster, firstUs, llm, run } from "../support/build.ts";

/** A ready stage that reads a gigabyte from a parent on the first host, and what is known then. */
function known(machines: Cluster): { readonly now: Known; readonly stage: VisibleModelStage } {
  const costs = createCostModel(machines, knownModels, shippedCalibration);
  const { cluster: state, workflows } = createState(costs.engines);
  const workflow = { id: "w", arriveUs: 0, reveal: "static", stages: new Map(), openStages: 0 } as const;
  const parent = {
    key: "w/p",
    workflow: "w",
    id: "p",
    ordinal: 0,
    parents: [],
    priority: 0,
    kind: "tool",
    toolUs: 1,
  } as const;
  workflows.reveal({ ...workflow }, parent);
  workflows.node("w/p").outputHosts = ["host-0"];
  const stage: VisibleModelStage = {
    ...parent,
    key: "w/s",
    id: "s",
    ordinal: 1,
    kind: "llm",
    parents: [{ stage: "w/p", bytes: gigabytes(1) }],
    model: "llama-3.1-8b",
    chain: [
      { hash: 1, tokens: 600 },
      { hash: 2, tokens: 400 },
    ],
    sharedLinks: 1,
    promptTokens: 1000,
    outputTokens: 100,
    limitTokens: 400,
    items: 1,
  };
  return { now: { nowUs: 0, cluster: state, workflows, costs }, stage };
}

const terms = (machines: Cluster, engine: string, change?: (now: Known) => void): CostTerms => {
  const { now, stage } = known(machines);
  change?.(now);
  return candidateCost(now, stage, now.cluster.engine(engine), { items: 1, shards: 1 });
};

test("a load is free where the model is resident", () => {
  const there = cluster("h100 h100", { resident: ["llama-3.1-8b"] });
  expect(terms(there, "engine-0").loadUs).toBe(0);
  expect(terms(cluster("h100 h100"), "engine-0").loadUs).toBeGreaterThan(1e6);
});

test("a transfer is free where the output lies, and waits for the way to be free elsewhere", () => {
  const machines = cluster("h100 h100");
  expect(terms(machines, "engine-0").transferUs).toBe(0);
  expect(terms(machines, "engine-1").transferUs).toBe(100_050);
  expect(terms(machines, "engine-1", (now) => now.cluster.occupyLink("host-0>host-1", 7)).transferUs).toBe(100_057);
});

test("without contention a transfer waits for no other, on the way or of its own stage", () => {
  const machines = cluster("h100 h100", {}, { contention: "none" });
  expect(terms(machines, "engine-1", (now) => now.cluster.occupyLink("host-0>host-1", 7)).transferUs).toBe(100_050);
  const { now, stage } = known(machines);
  const twice = { ...stage, parents: [...stage.parents, ...stage.parents] };
  const transferUs = (of: Known): number =>
    candidateCost(of, twice, of.cluster.engine("engine-1"), { items: 1, shards: 1 }).transferUs;
  expect([transferUs(now), transferUs(known(cluster("h100 h100")).now)]).toEqual([100_050, 200_100]);
});

test("only what no cached prefix covers is prefilled", () => {
  const machines = cluster("h100 h100");
  const cold = terms(machines, "engine-0").prefillUs;
  const warm = terms(machines, "engine-0", ({ cluster: state }) => {
    state
      .engine("engine-0")
      .changePrefixes("llama-3.1-8b")
      .insert([{ hash: 1, tokens: 600 }], 1, 1e6, 0);
  }).prefillUs;
  expect(warm).toBeLessThan(cold);
  expect(warm).toBeGreaterThan(0);
});

test("without a link the store is the way, without either there is none", () => {
  const none = cluster("h100 h100", {}, { links: [] });
  const stored = { ...none, store: { bytesPerSecond: gigabytes(0.4), latencyUs: 10 } };
  expect(terms(stored, "engine-1").transferUs).toBe(2_500_010);
  const { now, stage } = known(none);
  expect([...now.cluster].map((engine) => isFeasible(now, stage, engine))).toEqual([true, false]);
});

test("outputs do not leave a zone that keeps them", () => {
  const open = cluster("h100 h100");
  const closed: Cluster = {
    ...open,
    zones: [{ id: "eu", keepsOutputs: true }],
    hosts: open.hosts.map((host) => (host.id === "host-0" ? { ...host, zone: "eu" } : host)),
  };
  const { now, stage } = known(closed);
  expect([...now.cluster].map((engine) => isFeasible(now, stage, engine))).toEqual([true, false]);
});

test("an engine serves what it may, can hold, and has KV memory for", () => {
  const { now, stage } = known(cluster("h100 l40s", { labels: ["fast"] }));
  const [big, small] = [now.cluster.at(0), now.cluster.at(1)];
  expect(canServe({ ...stage, allow: { labels: ["fast"] } }, big)).toBe(true);
  expect(canServe({ ...stage, allow: { labels: ["fast", "eu"] } }, big)).toBe(false);
  expect(canServe({ ...stage, allow: { engines: ["engine-1"] } }, big)).toBe(false);
  const long = { ...stage, model: "phi-4-14.7b", promptTokens: 100_000, chain: [{ hash: 1, tokens: 100_000 }] };
  expect([canServe(long, big), canServe(long, small)]).toEqual([true, false]);
});

test("an exclusive engine is waited for until all it has is done, a batched one until there is a place", () => {
  const { now } = known(cluster("h100"));
  expect(waitUs(now, now.cluster.at(0))).toBe(0);
  const busy = run({
    cluster: cluster("h100"),
    workflows: [{ id: "w", arrivalUs: 0, reveal: "static", stages: [llm("a"), llm("b")] }],
  });
  expect(firstUs(busy, "share-start", "w/b")).toBe(firstUs(busy, "stage-end", "w/a"));
});
