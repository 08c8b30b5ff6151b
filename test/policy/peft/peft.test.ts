import { expect, test } from "vitest";
import type { Cluster } from "../../../src/model/cluster.ts";
import type { Stage, Workflow } from "../../../src/model/workflow.ts";
import { workOnUs } from "../../../src/policy/heft/mean-costs.ts";
import { createPlaces, optimisticCosts } from "../../../src/policy/peft/optimistic-costs.ts";
import { policies } from "../../../src/policy/policies.ts";
import { cluster, dag, llm } from "../../support/build.ts";
import { enginesOf } from "../../support/placements.ts";
import { runPlain } from "../../support/run-plain.ts";

const warm = { resident: ["llama-3.1-8b"] };
const after = (stage: string, bytes = 4000) => ({ parents: [{ stage, bytes }] });

function flow(stages: readonly Stage[]): Workflow {
  return { id: "w", arrivalUs: 0, reveal: "static", stages };
}

/** The table on arrival with a transfer of `transferUs`, and what a stage takes on each place. */
function tableOf(workflow: Workflow, machines: Cluster, transferUs: number) {
  let found: { after: Record<string, readonly number[]>; rank: Record<string, number>; workUs: number[] } | undefined;
  const plan = (view: Parameters<typeof policies.peft.plan>[0]) => {
    const [open] = view.workflows.open.values();
    const [stage] = view.ready;
    if (open !== undefined && stage !== undefined && found === undefined) {
      const places = createPlaces(view);
      const costs = [...optimisticCosts(open, places, () => transferUs)];
      found = {
        after: Object.fromEntries(costs.map(([key, { afterUs }]) => [key.slice(2), afterUs])),
        rank: Object.fromEntries(costs.map(([key, { rankUs }]) => [key.slice(2), rankUs])),
        workUs: places.list.map(({ engine }) => workOnUs(engine, stage) ?? -1),
      };
    }
    return policies["least-loaded"].plan(view);
  };
  runPlain({ policy: { plan, summary: "" }, workflows: [workflow], cluster: machines });
  if (found === undefined) throw new Error("nothing was ready");
  return found;
}

test("alike engines of one host are one place, and what follows is the longest path of work", () => {
  const { after: us, workUs } = tableOf(dag("a -> b, c -> d"), cluster("h100 h100", { host: "host" }), 1e9);
  const [work = 0] = workUs;
  expect(us).toEqual({ a: [work + work], b: [work], c: [work], d: [0] });
});

test("what follows goes to the faster host, unless the transfer costs more than it saves", () => {
  const { after: us, rank, workUs } = tableOf(dag("a -> b"), cluster("h100 l40s l40s"), 1000);
  const [fast = 0, slow = 0] = workUs;
  expect(slow).toBeGreaterThan(fast + 1000);
  expect(us).toEqual({ a: [fast, fast + 1000, fast + 1000], b: [0, 0, 0] });
  expect(rank["a"]).toBeCloseTo((3 * fast + 2000) / 3, 6);
  const far = tableOf(dag("a -> b"), cluster("h100 l40s"), 1e9);
  expect(far.after).toEqual({ a: [fast, slow], b: [0, 0] });
});

test("tools take their time wherever their parents ran", () => {
  const tool: Stage = { id: "tool", kind: "tool", priority: 0, estimateUs: 7e6, actualUs: 7e6, ...after("a") };
  const { after: us, workUs } = tableOf(flow([llm("a"), tool, llm("b", after("tool"))]), cluster("h100 l40s"), 1e9);
  const fast = workUs[0] ?? 0;
  expect(us).toEqual({ a: [7e6 + fast, 7e6 + fast], tool: [fast, fast], b: [0, 0] });
});

test("the stage with the most to follow goes first, whichever was revealed first", () => {
  const stages = [llm("short"), llm("long"), llm("next", after("long")), llm("last", after("next"))];
  const journal = runPlain({ policy: "peft", workflows: [flow(stages)], cluster: cluster("h100", warm) });
  const started = journal.events.flatMap((event) => (event.kind === "share-start" ? [event.stage] : []));
  expect(started).toEqual(["w/long", "w/next", "w/short", "w/last"]);
});

test("a stage ends later if what follows is spared a long transfer", () => {
  const cold = cluster("l40s h100");
  const half = {
    ...cold,
    engines: cold.engines.map((engine, index) => (index === 0 ? { ...engine, ...warm } : engine)),
  };
  const run = (policy: "peft" | "greedy-finish", bytes: number) => {
    const stages = [llm("a"), llm("b", { ...after("a", bytes), model: "qwen2.5-32b" })];
    return enginesOf(runPlain({ policy, workflows: [flow(stages)], cluster: half }));
  };
  expect(run("greedy-finish", 100e9)).toEqual({ a: [0], b: [1] });
  expect(run("peft", 100e9)).toEqual({ a: [1], b: [1] });
  expect(run("peft", 4000)).toEqual({ a: [0], b: [1] });
});
