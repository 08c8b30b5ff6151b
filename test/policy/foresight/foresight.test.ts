/** What `foresight` does, on graphs small enough to know the answer, and whom it asks where it has no plan of its own. */

import { expect, onTestFinished, test, vi } from "vitest";
import { foresightPolicies } from "../../../src/policy/foresight/ablations.ts";
import { Search } from "../../../src/policy/foresight/search.ts";
import type { Policy, PolicyEntry } from "../../../src/policy/policy.ts";
import { policies } from "../../../src/policy/policies.ts";
import { batched, cluster, dag, firstUs } from "../../support/build.ts";
import { enginesOf, makespanUs } from "../../support/placements.ts";
import { runPlain } from "../../support/run-plain.ts";
import { half, large, small, threeAndOne } from "../../support/three-and-one.ts";

const planThenDraft = dag("plan -> draft", (id) => ({
  model: id === "plan" ? small : large,
  output: { estimate: 400, actual: 400, limit: 800 },
}));

test("a stage waits for the engine that holds its model where a load would take longer", () => {
  const journal = runPlain({ policy: foresightPolicies["foresight"], workflows: [dag("a, b")], cluster: half });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0] });
  expect(firstUs(journal, "stage-place", "w/b")).toBe(firstUs(journal, "stage-end", "w/a"));
});

test("three stages share the engine that holds their model, and the other one loads what is called last: the README's example", () => {
  const journal = runPlain({ policy: foresightPolicies["foresight"], workflows: [threeAndOne], cluster: half });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0], c: [0], d: [1] });
  const load = journal.events.find((event) => event.kind === "model-load-start");
  expect(load).toMatchObject({ model: large, engine: "engine-1", atUs: 0, cause: "prefetch" });
  const greedy = runPlain({ policy: "greedy-finish", workflows: [threeAndOne], cluster: half });
  expect(makespanUs(journal)).toBeLessThan(0.75 * makespanUs(greedy));
});

test("what the plan has next is loaded while its engine is idle", () => {
  const ahead = runPlain({ policy: foresightPolicies["foresight-preload"], workflows: [planThenDraft], cluster: half });
  const load = ahead.events.find((event) => event.kind === "model-load-start" && event.model === large);
  expect(load).toMatchObject({ cause: "prefetch", engine: "engine-1", atUs: 0 });
  const never = runPlain({
    policy: foresightPolicies["foresight-prefetch"],
    workflows: [planThenDraft],
    cluster: half,
  });
  expect(never.events.some((event) => event.kind === "model-load-start" && event.cause === "prefetch")).toBe(false);
  expect(makespanUs(ahead)).toBeLessThan(makespanUs(never));
});

test("an engine that the plan leaves idle loads what other workflows called, and only while the plan goes on", () => {
  const first = { ...planThenDraft, id: "first" };
  const second = { ...dag("a -> b", () => ({ output: { estimate: 800, actual: 800, limit: 900 } })), id: "second" };
  const run = (policy: "foresight" | "foresight-preload") =>
    runPlain({
      policy: foresightPolicies[policy],
      cluster: cluster("h100 h100 h100", { host: "host", maxResident: 2, kvBytes: 5e9 }),
      workflows: [first, second],
      oneAtATime: true,
    });
  const loadsOf = (policy: "foresight" | "foresight-preload") =>
    run(policy).events.filter((event) => event.kind === "model-load-start").length;
  expect(loadsOf("foresight")).toBeGreaterThan(loadsOf("foresight-preload"));
  expect(run("foresight").events.at(-1)?.kind).toBe("workflow-end");
});

test("where some engines batch and some do not it is fate", () => {
  const flows = [dag("a, b, c -> d, e -> f", (id) => ({ model: id < "c" ? small : large }))];
  const machines = cluster("h100 h100", { batching: batched });
  const [first, ...others] = machines.engines;
  const exclusive = { ...first!, batching: { kind: "exclusive", maxSequences: 8 } } as const;
  const onMixed = { workflows: flows, cluster: { ...machines, engines: [exclusive, ...others] } };
  expect(runPlain({ policy: foresightPolicies["foresight"], ...onMixed }).events).toEqual(
    runPlain({ policy: "fate", ...onMixed }).events,
  );
});

test("on batched engines it lets nobody join for whom KV memory would run out before the batch has ended", () => {
  const names = Array.from({ length: 24 }, (_, index) => `s${index}`).join(", ");
  const tight = cluster("h100", { batching: batched, kvBytes: 1e9, resident: [small] });
  const flows = [dag(`${names} -> z`, () => ({ output: { estimate: 900, actual: 900, limit: 1200 } }))];
  const preemptions = (policy: "foresight" | "round-robin") =>
    runPlain({ policy: policies[policy], workflows: flows, cluster: tight }).events.filter(
      ({ kind }) => kind === "share-preempt",
    ).length;
  expect(preemptions("foresight")).toBe(0);
  expect(preemptions("round-robin")).toBeGreaterThan(0);
});

test("on batched engines it plans what is declared and goes on from there where workflows are revealed as they go", () => {
  const declared = dag("a, b -> c", () => ({}), { id: "declared" });
  const revealed = dag("a -> b", () => ({}), { id: "revealed", reveal: "online", arrivalUs: 60e6 });
  const again = dag("a -> b", () => ({}), { id: "again", arrivalUs: 120e6 });
  const journal = runPlain({
    policy: foresightPolicies["foresight"],
    workflows: [declared, revealed, again],
    cluster: cluster("h100 h100", { batching: batched }),
  });
  expect(journal.events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(3);
});

test.for([
  ["static", 0],
  ["online", 1],
] as const)(
  "on batched engines a %s workflow of one stage goes to engine %i: only what is revealed as it goes spares last copies",
  ([reveal, engine]) => {
    const machines = cluster("h100 h100 h100", { host: "host", kvBytes: 4e9, batching: batched });
    const held = [[large], [small], [small]];
    const engines = machines.engines.map((each, index) => ({ ...each, resident: held[index]! }));
    const journal = runPlain({
      policy: foresightPolicies["foresight"],
      cluster: { ...machines, engines },
      workflows: [dag("a", () => ({ model: "phi-4-14.7b" }), { reveal })],
    });
    expect(enginesOf(journal)).toEqual({ a: [engine] });
  },
);

test("it comes to rest with a stage that no engine can read the inputs of, though every record brings the question back later", () => {
  let asked = 0;
  const { plan, ...entry } = foresightPolicies.foresight;
  const counted: Policy = (view) => {
    asked += 1;
    if (asked > 100) throw new Error("asked again and again");
    return plan(view);
  };
  const apart = dag("plan -> draft", (id) => ({ allow: { engines: [id === "plan" ? "engine-0" : "engine-1"] } }));
  const journal = runPlain({
    policy: { ...entry, plan: counted },
    workflows: [apart],
    cluster: cluster("h100 h100", {}, { links: [] }),
    faults: { staleUs: 300_000 },
  });
  expect(journal.events.at(-1)).toMatchObject({ kind: "workflow-abandon", reason: "unreachable" });
});

test("a search is asked between any two plans whether it is due, and ends there with a plan no worse than it began with", () => {
  const makespans = [0, 1, 40, Infinity].map((most) => {
    const { plan, ...entry } = foresightPolicies.foresight;
    const hurried: Policy = (view) => {
      // When the workflow comes, it is asked before each of two more plans to start from, too.
      const last = view.memory === undefined ? 2 + most : most;
      let asked = 0;
      const made = plan({ ...view, isDue: () => ++asked > last });
      expect(asked).toBeLessThanOrEqual(last + 1);
      return made;
    };
    return makespanUs(runPlain({ policy: { ...entry, plan: hurried }, workflows: [threeAndOne], cluster: half }));
  });
  const unsearched = runPlain({
    policy: foresightPolicies["foresight-search"],
    workflows: [threeAndOne],
    cluster: half,
  });
  expect(makespans[0]).toBe(makespanUs(unsearched));
  expect(makespans.at(-1)).toBeLessThan(makespans[0]!);
});

test("once a plan is due no more of them are laid out than one from scratch and the last one", () => {
  const judged = vi.spyOn(Search.prototype, "judge");
  onTestFinished(() => judged.mockRestore());
  const { plan, ...entry } = foresightPolicies["foresight-search"];
  const counts: number[] = [];
  const late: Policy = (view) => {
    judged.mockClear();
    const made = plan({ ...view, isDue: () => counts.length !== 1 });
    counts.push(judged.mock.calls.length);
    return made;
  };
  const flows = Array.from({ length: 3 }, (_, index) => ({ ...dag("a"), id: `w${index}`, arrivalUs: index * 1000 }));
  runPlain({ policy: { ...entry, plan: late }, workflows: flows, cluster: half });
  expect(counts.slice(0, 3)).toEqual([1, 5, 2]);
});

test("ready stages outside the plan get the engines that it does not use", () => {
  const names = Array.from({ length: 300 }, (_, index) => `s${index}`).join(", ");
  const journal = runPlain({
    policy: foresightPolicies["foresight-search"],
    workflows: [dag(names)],
    cluster: cluster("h100 h100"),
  });
  expect(journal.events.filter(({ kind }) => kind === "stage-end")).toHaveLength(300);
});

test.for([
  ["a deadline that cannot wait", { deadlineUs: 1e6 }, 0],
  ["a scale of its own length that cannot wait", { sloScale: 1.5 }, 0],
  ["a larger priority", {}, 2],
] as const)("of two alike the one with %s goes first", ([, due, priority]) => {
  const later = dag("a", () => ({ priority }), { id: "urgent", ...due });
  const journal = runPlain({
    policy: foresightPolicies["foresight"],
    workflows: [dag("a", () => ({}), { id: "patient" }), later],
    cluster: cluster("h100", { resident: [small] }),
  });
  expect(firstUs(journal, "stage-place", "urgent/a")).toBe(0);
  expect(firstUs(journal, "stage-place", "patient/a")).toBeGreaterThan(0);
});

test.for([
  ["one stage at a time", 260, {}],
  ["one stage at a time, beside a few that are ready", 250, {}],
  ["in batches", 260, { batching: batched }],
] as const)("a plan full of stages that wait for a tool leaves no engine idle: %s", ([, count, change]) => {
  const waiting = Array.from({ length: count }, (_, index) => `w${index}`);
  const ready = Array.from({ length: count + 10 }, (_, index) => `r${index}`);
  const patient = dag(`t -> ${waiting.join(", ")}`, () => ({}), { id: "patient" });
  const tool = { id: "t", kind: "tool", parents: [], priority: 0, estimateUs: 600e6, actualUs: 600e6 } as const;
  const world = {
    workflows: [
      { ...patient, stages: patient.stages.map((stage) => (stage.id === "t" ? tool : stage)) },
      // More work than the other, so that it comes second.
      dag(ready.join(", "), () => ({}), { id: "ready", arrivalUs: 1_000_000 }),
    ],
    cluster: cluster("h100 h100", { resident: [small], ...change }),
  };
  const lastUs = (policy: PolicyEntry): number => {
    const journal = runPlain({ ...world, policy });
    return Math.max(...ready.map((stage) => firstUs(journal, "stage-end", `ready/${stage}`)));
  };
  expect(lastUs(foresightPolicies["foresight-search"])).toBeLessThan(1.1 * lastUs(policies["greedy-finish"]));
});
