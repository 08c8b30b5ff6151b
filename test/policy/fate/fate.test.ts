/** What `fate` does that others do not, on graphs small enough to know the answer. */

import { expect, test } from "vitest";
import { policies } from "../../../src/policy/policies.ts";
import { batched, cluster, dag, firstUs, llm } from "../../support/build.ts";
import { enginesOf, makespanUs } from "../../support/placements.ts";
import { runPlain } from "../../support/run-plain.ts";

const small = "llama-3.1-8b";
const large = "qwen2.5-32b";
const resident = [small];

/** Two engines of one host, of which the first holds the small model. */
const half = (() => {
  const cold = cluster("h100 h100", { host: "host" });
  return { ...cold, engines: cold.engines.map((engine, index) => (index === 0 ? { ...engine, resident } : engine)) };
})();

test("a stage waits for the engine that holds its model where a load would take longer", () => {
  const journal = runPlain({ policy: "fate", workflows: [dag("a, b")], cluster: half });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0] });
  expect(firstUs(journal, "stage-place", "w/b")).toBe(firstUs(journal, "stage-end", "w/a"));
});

test("what is called next is loaded on an idle engine while its parent still runs", () => {
  const flow = dag("plan -> draft", (id) => ({
    model: id === "plan" ? small : large,
    output: { estimate: 400, actual: 400, limit: 800 },
  }));
  const ahead = runPlain({ policy: "fate", workflows: [flow], cluster: half });
  const load = ahead.events.find((event) => event.kind === "model-load-start" && event.model === large);
  expect(load).toMatchObject({ cause: "prefetch", engine: "engine-1", atUs: 0 });
  const never = runPlain({ policy: "fate-prefetch", workflows: [flow], cluster: half });
  expect(never.events.some((event) => event.kind === "model-load-start" && event.cause === "prefetch")).toBe(false);
  expect(makespanUs(ahead)).toBeLessThan(makespanUs(never));
});

test("with one step less ahead, what lies two steps away is not seen", () => {
  // A tool between them: the second call is two steps behind the first.
  const stages = [
    llm("plan", { output: { estimate: 400, actual: 400, limit: 800 } }),
    {
      id: "look-up",
      kind: "tool" as const,
      parents: [{ stage: "plan", bytes: 0 }],
      priority: 0,
      estimateUs: 2e6,
      actualUs: 2e6,
    },
    llm("draft", { model: large, parents: [{ stage: "look-up", bytes: 0 }] }),
  ];
  const workflows = [{ id: "w", arrivalUs: 0, reveal: "static" as const, stages }];
  const loadUs = (policy: "fate@horizon=1" | "fate@horizon=2"): number => {
    const { events } = runPlain({ policy, workflows, cluster: half });
    return events.find((event) => event.kind === "model-load-start" && event.model === large)?.atUs ?? -1;
  };
  expect(loadUs("fate@horizon=2")).toBe(0);
  expect(loadUs("fate@horizon=1")).toBeGreaterThan(0);
});

test("room is made by the model that is called last", () => {
  const middle = "phi-4-14.7b";
  const machines = cluster("h100", { resident: [small, middle], maxResident: 2, kvBytes: 4e9, memoryShare: 0.9 });
  // Least recently used is the small one, but it is called right after; the other never again.
  const model = (id: string) => ({ model: id === "first" ? "mistral-7b" : small });
  const journal = runPlain({ policy: "fate", workflows: [dag("first -> second", model)], cluster: machines });
  const evicted = journal.events.flatMap((event) => (event.kind === "model-evict" ? [event.model] : []));
  expect(evicted).toEqual([middle]);
});

test("a stage goes where what follows it can reach its output", () => {
  // The large model fits on the second and third engine only; nothing leads there from the first, and there is no store.
  const machines = cluster("l40s h100 h100", { resident: [small] });
  const links = machines.links.filter(({ from, to }) => from !== "host-0" && to !== "host-0");
  const apart = { ...machines, links };
  const flow = dag("a -> b", (id) => (id === "a" ? {} : { model: large }));
  // What came first keeps the two engines busy, so that the first engine would end `a` first.
  const busy = { ...dag("x, y"), id: "before" };
  const workflows = [busy, { ...flow, arrivalUs: 1 }];
  const seeing = runPlain({ policy: "fate", workflows, cluster: apart });
  expect(seeing.events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(2);
  expect(enginesOf(seeing)["a"]?.[0]).not.toBe(0);
});

/** About half a second of prefill, which shards divide, and as much of decode, which they do not. */
const divisible = () => ({
  items: 8,
  prompt: [{ kind: "own" as const, tokens: 16_000 }],
  output: { estimate: 800, actual: 800, limit: 1600 },
});
const pair = cluster("h100 h100", { resident, host: "host" });

test("items are split over two engines of a host where that ends earlier", () => {
  const options = { workflows: [dag("a", divisible)], cluster: pair };
  const split = runPlain({ policy: "fate", ...options });
  expect(enginesOf(split)).toEqual({ a: [0, 1] });
  const whole = runPlain({ policy: "fate-shards", ...options });
  expect(enginesOf(whole)).toEqual({ a: [0] });
  expect(makespanUs(split)).toBeLessThan(makespanUs(whole));
});

test("nothing is split while other stages wait for the engines: a split costs engine time", () => {
  const journal = runPlain({ policy: "fate", workflows: [dag("a, b", divisible)], cluster: pair });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [1] });
});

test("the workflow with the least work left goes first, and inside it the longest path", () => {
  const machines = cluster("h100", { resident });
  const long = { ...dag("a, b, c"), id: "long" };
  const short = { ...dag("d"), id: "short" };
  const journal = runPlain({ policy: "fate", workflows: [long, short], cluster: machines });
  const placed = journal.events.flatMap((event) => (event.kind === "stage-place" ? [event.stage] : []));
  expect(placed[0]).toBe("short/d");
  const paths = runPlain({ policy: "fate", workflows: [dag("a, b -> c")], cluster: machines });
  expect(enginesOf(paths)).toEqual({ a: [0], b: [0], c: [0] });
});

test("a batch is filled as far as it has places, and another one is begun before it grows too slow", () => {
  const machines = cluster("h100 h100", { resident, batching: { ...batched, maxSequences: 8 } });
  const journal = runPlain({ policy: "fate", workflows: [dag("a, b, c, d, e, f")], cluster: machines });
  const engines = Object.values(enginesOf(journal)).map(([engine]) => engine);
  expect(new Set(engines)).toEqual(new Set([0, 1]));
  const placedUs = ["a", "b", "c", "d", "e", "f"].map((id) => firstUs(journal, "stage-place", `w/${id}`));
  expect(Math.max(...placedUs)).toBe(0);
});

test("an ablation sees less, and never knows more: each ends what fate ends", () => {
  const names = Object.keys(policies).filter((name) => name.startsWith("fate")) as (keyof typeof policies)[];
  expect(names.length).toBeGreaterThan(15);
  for (const policy of names) {
    const { events } = runPlain({ policy, workflows: [dag("a, b -> c, d -> e")], cluster: half });
    expect({ policy, last: events.at(-1)?.kind }).toEqual({ policy, last: "workflow-end" });
  }
});
