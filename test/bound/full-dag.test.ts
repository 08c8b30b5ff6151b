import { describe, expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { boundsOf } from "../../src/bound/bounds.ts";
import { Decoder, inTimeOrder } from "../../src/bound/decode-plan.ts";
import { distanceTable } from "../../src/bound/distance.ts";
import { createFollower } from "../../src/bound/follower.ts";
import { defaultWarmStarts, fullDagPlan, runCold } from "../../src/bound/full-dag.ts";
import { toInstance, type Instance } from "../../src/bound/instance.ts";
import { planOfRun } from "../../src/bound/plan-of-run.ts";
import type { WholePlan } from "../../src/bound/plan.ts";
import { relaxByCpSat } from "../../src/bound/relax-by-cp-sat.ts";
import { Services } from "../../src/bound/services.ts";
import { createCostModel } from "../../src/cost/cost-model.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { cluster, dag, run } from "../support/build.ts";
import { exclusiveWorld, latencies } from "./support.ts";

const models = knownModels;

function instanceOf(workflow: Workflow, machines: Cluster, known = models): Instance | undefined {
  return toInstance(workflow, createCostModel(machines, known, shippedCalibration));
}

describe("a plan carried out", () => {
  test("takes as long as it was decoded to, where no two transfers want one way", () => {
    let compared = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const world = exclusiveWorld(seed);
      const machines: Cluster = { ...world.cluster, contention: "none" };
      for (const workflow of world.workflows.map((each) => ({ ...each, arrivalUs: 0 }))) {
        const instance = instanceOf(workflow, machines, world.models);
        if (instance === undefined) continue;
        const journal = run({
          workflows: [workflow],
          models: world.models,
          cluster: machines,
          policy: "heft-online",
        });
        let plan = planOfRun(instance, journal.events);
        if (plan === undefined) continue;
        const decoder = new Decoder(instance, new Services(instance));
        for (let round = 0; round < 4; round++) plan = inTimeOrder(plan, decoder.decode(plan));
        const { endUs } = decoder.decode(plan);
        if (endUs === Infinity) continue;
        const policy = createFollower(instance, plan);
        const carried = run({ workflows: [workflow], models: world.models, cluster: machines, policy });
        expect({ seed, id: workflow.id, us: latencies(carried).get(workflow.id) }).toEqual({
          seed,
          id: workflow.id,
          us: endUs,
        });
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(60);
  });

  test("loads the next model while its stage still waits", () => {
    const workflow = dag("a -> b", (id) => ({ model: id === "a" ? "llama-3.1-8b" : "phi-4-14.7b" }));
    const machines = cluster("h100 h100");
    const instance = instanceOf(workflow, machines) as Instance;
    const plan: WholePlan = { order: [0, 1], shares: [[{ engine: 0, items: 1 }], [{ engine: 1, items: 1 }]] };
    const { events } = run({ workflows: [workflow], cluster: machines, policy: createFollower(instance, plan) });
    const loads = events.filter(({ kind }) => kind === "model-load-start");
    expect(loads.map(({ atUs }) => atUs)).toEqual([0, 0]);
  });
});

describe("full-dag", () => {
  test("finds what trying everything finds on small workflows, and bounds stay below", async () => {
    for (const [drawing, change] of [
      ["a, b -> c -> d", {}],
      ["a -> b, c -> d", { model: "phi-4-14.7b" }],
      ["a -> b, c, d", {}],
    ] as const) {
      const workflow = dag(drawing, (id) => (id === "c" ? change : {}));
      const machines = cluster("h100 l40s");
      const instance = instanceOf(workflow, machines) as Instance;
      const bestUs = tryAll(workflow, machines, instance);
      const { latencyUs, lowerUs, modelBoundUs } = await fullDagPlan(workflow, models, machines, {
        plans: 1500,
        cpSatSeconds: 1,
      });
      expect(latencyUs).toBe(bestUs);
      expect(lowerUs).toBeLessThanOrEqual(bestUs);
      expect(modelBoundUs).toBeLessThanOrEqual(bestUs);
    }
  }, 60_000);

  test("is never slower than the policies it starts from, and the same each time", async () => {
    for (const seed of [3, 5, 8]) {
      const { workflows, cluster: machines, models: known } = exclusiveWorld(seed);
      for (const workflow of workflows) {
        const plan = await fullDagPlan(workflow, known, machines, { plans: 300 });
        const again = await fullDagPlan(workflow, known, machines, { plans: 300 });
        expect(plan).toEqual(again);
        expect(plan.latencyUs).toBeLessThanOrEqual(Math.min(...Object.values(plan.warmStartsUs)));
        if (plan.latencyUs < Infinity) expect(plan.lowerUs).toBeLessThanOrEqual(plan.latencyUs);
      }
    }
  });

  test("reports the best policy where engines batch", async () => {
    const machines = cluster("h100 h100", {
      batching: { kind: "batched", maxSequences: 8, prefillTokens: 2048, chunkedPrefill: true },
    });
    const { source, latencyUs, warmStartsUs } = await fullDagPlan(dag("a, b -> c"), models, machines);
    expect(Object.keys(defaultWarmStarts)).toContain(source);
    expect(latencyUs).toBe(warmStartsUs[source]);
  });

  test("a table says how far policies are from it", async () => {
    const machines = cluster("h100 l40s");
    const workflows = [dag("a -> b, c -> d"), dag("a, b, c", () => ({ items: 4 }), { id: "v" })];
    const table = await distanceTable(workflows, models, machines, { plans: 500, policies: defaultWarmStarts });
    for (const { toBest, toBound } of table.rows) {
      expect(toBest.mean).toBeGreaterThanOrEqual(1);
      expect(toBound.mean).toBeGreaterThanOrEqual(toBest.mean);
    }
    expect(table.plans).toHaveLength(2);
  });
});

test("CP-SAT's relaxed model bounds every run", async () => {
  let compared = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const { workflows, cluster: machines, models: known } = exclusiveWorld(seed);
    for (const workflow of workflows.slice(0, 2).map((each) => ({ ...each, arrivalUs: 0 }))) {
      const [bound] = boundsOf([workflow], known, machines, { start: "cold" });
      const { latencyUs } = runCold(workflow, known, machines, defaultWarmStarts["greedy-finish-sharded"]);
      if (bound === undefined || latencyUs === Infinity) continue;
      const costs = createCostModel(machines, known, shippedCalibration);
      const { boundUs } = await relaxByCpSat(workflow, costs, { lowerUs: 0, upperUs: latencyUs, cpSatSeconds: 0.2 });
      expect(boundUs).toBeLessThanOrEqual(latencyUs);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(8);
}, 60_000);

/** The least latency over all orders and all engines, without splits. */
function tryAll(workflow: Workflow, machines: Cluster, instance: Instance): number {
  const count = instance.stages.length;
  let bestUs = Infinity;
  const shares: { engine: number; items: number }[][] = [];
  const tryOrders = (order: readonly number[]): void => {
    if (order.length === count) {
      const policy = createFollower(instance, { order, shares });
      bestUs = Math.min(bestUs, runCold(workflow, models, machines, policy).latencyUs);
      return;
    }
    for (const [index, { node }] of instance.stages.entries()) {
      if (order.includes(index) || !node.parents.every((parent) => order.includes(parent.index))) continue;
      tryOrders([...order, index]);
    }
  };
  const tryEngines = (index: number): void => {
    if (index === count) return tryOrders([]);
    for (const engine of instance.stages[index]?.engines ?? []) {
      shares[index] = [{ engine, items: 1 }];
      tryEngines(index + 1);
    }
  };
  tryEngines(0);
  return bestUs;
}
