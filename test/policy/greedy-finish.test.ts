import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { createCostModel } from "../../src/cost/cost-model.ts";
import { canBegin, createPicture, foresee, toCandidate } from "../../src/policy/picture.ts";
import { policies } from "../../src/policy/policies.ts";
import type { View } from "../../src/policy/policy.ts";
import { batched, cluster, dag, firstUs, llm } from "../support/build.ts";
import { enginesOf, makespanUs } from "../support/placements.ts";
import { plainCalibration } from "../support/plain-calibration.ts";
import { runPlain } from "../support/run-plain.ts";

const resident = ["llama-3.1-8b"];
const warm = { resident };

/** Two engines of one host, of which the first holds the model. */
const half = (() => {
  const cold = cluster("h100 h100", { host: "host" });
  return { ...cold, engines: cold.engines.map((engine, index) => (index === 0 ? { ...engine, resident } : engine)) };
})();

test("stages that are ready at once do not pile on one engine", () => {
  for (const policy of ["greedy-finish", "greedy-commit", "heft-online", "heft"] as const) {
    const journal = runPlain({ policy, workflows: [dag("a, b")], cluster: cluster("h100 h100", warm) });
    expect({ policy, ...enginesOf(journal) }).toEqual({ policy, a: [0], b: [1] });
  }
});

test("a stage waits for the engine that holds its model where a load would take longer", () => {
  const journal = runPlain({ policy: "greedy-finish", workflows: [dag("a, b")], cluster: half });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0] });
  expect(firstUs(journal, "stage-place", "w/b")).toBe(firstUs(journal, "stage-end", "w/a"));
});

test("greedy-commit chooses the same engine, and queues there at once", () => {
  const journal = runPlain({ policy: "greedy-commit", workflows: [dag("a, b")], cluster: half });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0] });
  expect(firstUs(journal, "stage-place", "w/b")).toBe(0);
});

test("what is held moves to another engine when the one it waits for takes longer than expected", () => {
  const late = (id: string) => ({ output: { estimate: 100, actual: id === "a" ? 2000 : 100, limit: 2000 } });
  const workflows = [dag("a, b", late), { ...dag("c, d, e, f"), id: "later", arrivalUs: 1_000_000 }];
  const held = runPlain({ policy: "greedy-finish", workflows, cluster: half });
  const committed = runPlain({ policy: "greedy-commit", workflows, cluster: half });
  expect(enginesOf(committed)).toMatchObject({ a: [0], b: [0] });
  expect(enginesOf(held)).toMatchObject({ a: [0], b: [1] });
  expect(makespanUs(held)).toBeLessThan(makespanUs(committed));
});

test("a batched engine is filled at once as far as it has places", () => {
  const machines = cluster("h100", { ...warm, batching: { ...batched, maxSequences: 3 } });
  const journal = runPlain({ policy: "greedy-finish", workflows: [dag("a, b, c, d")], cluster: machines });
  const placedUs = ["a", "b", "c", "d"].map((id) => firstUs(journal, "stage-place", `w/${id}`));
  expect(placedUs.slice(0, 3)).toEqual([0, 0, 0]);
  expect(placedUs[3]).toBe(firstUs(journal, "stage-end", "w/a"));
});

test("the urgent stage chooses first, then the one whose workflow came first", () => {
  const stages = [llm("a"), llm("b"), llm("c", { priority: 1 })];
  const machines = cluster("h100", warm);
  const workflows = [{ id: "w", arrivalUs: 0, reveal: "static" as const, stages }];
  const journal = runPlain({ policy: "greedy-finish", workflows, cluster: machines });
  const placed = journal.events.flatMap((event) => (event.kind === "stage-place" ? [event.stage] : []));
  expect(placed).toEqual(["w/c", "w/a", "w/b"]);
});

/** About half a second of prefill, which shards divide, and as much of decode, which they do not. */
const divisible = () => ({
  items: 8,
  prompt: [{ kind: "own" as const, tokens: 16_000 }],
  output: { estimate: 800, actual: 800, limit: 1600 },
});
const sameHost = cluster("h100 h100", { ...warm, host: "host" });

test("items are split over two engines of a host where that ends earlier", () => {
  const options = { workflows: [dag("a", divisible)], cluster: sameHost };
  const sharded = runPlain({ policy: "greedy-finish-sharded", ...options });
  expect(enginesOf(sharded)).toEqual({ a: [0, 1] });
  const shares = sharded.events.flatMap((event) => (event.kind === "stage-place" ? event.shares : []));
  expect(shares.map(({ items }) => items)).toEqual([4, 4]);
  expect(makespanUs(sharded)).toBeLessThan(makespanUs(runPlain({ policy: "greedy-finish", ...options })));
});

test("items are not split over hosts, nor onto an engine that would have to load first", () => {
  for (const machines of [cluster("h100 h100", warm), half]) {
    const options = { workflows: [dag("a", divisible)], cluster: machines };
    expect(enginesOf(runPlain({ policy: "greedy-finish-sharded", ...options }))).toEqual({ a: [0] });
  }
});

test("items are not split while other stages wait for the engines", () => {
  const options = { workflows: [dag("a, b, c", divisible)], cluster: sameHost };
  expect(enginesOf(runPlain({ policy: "greedy-finish-sharded", ...options }))).toMatchObject({ a: [0], b: [1] });
});

test("the picture shows what a placement does, and leaves the cluster alone", () => {
  const machines = cluster("h100 h100", { batching: { ...batched, maxSequences: 2 } });
  const seen: unknown[] = [];
  const plan = (view: View) => {
    const picture = createPicture(view);
    const stage = view.ready[0];
    if (stage === undefined) return { decisions: [] };
    const alone = toCandidate(picture, stage, picture.cluster.at(0));
    foresee(picture, stage, alone);
    const after = picture.cluster.at(0);
    const beside = toCandidate(picture, stage, after);
    seen.push({
      begins: canBegin(stage, after),
      running: after.running.length,
      foreseen: after.foreseen.map(({ model }) => model),
      loads: [alone.shares[0]?.cost.loadUs, beside.shares[0]?.cost.loadUs],
      untouched: view.cluster.at(0).idle,
    });
    return policies["least-loaded"].plan(view);
  };
  runPlain({ policy: { plan, summary: "" }, workflows: [dag("a")], cluster: machines });
  const costs = createCostModel(machines, knownModels, plainCalibration);
  const loadUs = costs.engines[0]?.models.get("llama-3.1-8b")?.loadUs;
  expect(seen).toEqual([{ begins: false, running: 1, foreseen: resident, loads: [loadUs, 0], untouched: true }]);
});
