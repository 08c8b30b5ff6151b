/** Where the simple policies put stages, on graphs small enough to say it by hand. */

import { expect, test } from "vitest";
import type { Engine } from "../../src/model/cluster.ts";
import { agentPolicies } from "../../src/policy/agents/entries.ts";
import { policies } from "../../src/policy/policies.ts";
import { cluster, dag, llm } from "../support/build.ts";
import { enginesOf } from "../support/placements.ts";
import { runPlain } from "../support/run-plain.ts";

const models = { a: "llama-3.1-8b", b: "phi-4-14.7b" };

test("round-robin goes through the engines in turn, from one plan to the next", () => {
  const journal = runPlain({ workflows: [dag("a, b, c -> d, e")], cluster: cluster("h100 h100 h100") });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [1], c: [2], d: [0], e: [1] });
});

test("round-robin passes over engines that cannot hold the model", () => {
  const workflows = [dag("a, b, c", () => ({ model: "qwen2.5-32b" }))];
  const journal = runPlain({ workflows, cluster: cluster("l40s h100 h100") });
  expect(enginesOf(journal)).toEqual({ a: [1], b: [2], c: [1] });
});

test("least-loaded spreads what is ready at once, and then fills up the engine that is done", () => {
  const short = (id: string) => (id === "b" ? { output: { estimate: 10, actual: 10, limit: 40 } } : {});
  const journal = runPlain({
    policy: "least-loaded",
    workflows: [
      dag("a, b", short),
      { ...dag("c"), id: "later", arrivalUs: 2_800_000 },
      { ...dag("d"), id: "last", arrivalUs: 2_800_001 },
    ],
    cluster: cluster("h100 h100"),
  });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [1], c: [1], d: [0] });
});

test("random and power-of-two use every engine, and only those that may be used", () => {
  const names = Array.from({ length: 60 }, (_, index) => `s${index}`).join(", ");
  const workflows = [dag(names, () => ({ model: "qwen2.5-32b" }))];
  const machines = cluster("h100 l40s h100 h100");
  for (const policy of ["random", "power-of-two"] as const) {
    const used = Object.values(enginesOf(runPlain({ policy, workflows, cluster: machines }))).flat();
    const counts = [0, 1, 2, 3].map((engine) => used.filter((index) => index === engine).length);
    expect(counts[1]).toBe(0);
    for (const engine of [0, 2, 3]) expect(counts[engine]).toBeGreaterThan(10);
  }
});

test("of two engines power-of-two evens the load out further than random does", () => {
  const names = Array.from({ length: 400 }, (_, index) => `s${index}`).join(", ");
  const largest = (policy: "random" | "power-of-two"): number => {
    const machines = cluster(Array.from({ length: 20 }, () => "h100").join(" "));
    const used = Object.values(enginesOf(runPlain({ policy, workflows: [dag(names)], cluster: machines }))).flat();
    return Math.max(...machines.engines.map((_, engine) => used.filter((index) => index === engine).length));
  };
  expect(largest("power-of-two")).toBeLessThan(24);
  expect(largest("random")).toBeGreaterThan(26);
});

test("model-affinity keeps every model on the engine that has it", () => {
  const workflows = [dag("a1, b1 -> b2, a2", (id) => ({ model: models[id.slice(0, 1) as "a" | "b"] }))];
  const journal = runPlain({ policy: "model-affinity", workflows, cluster: cluster("h100 h100") });
  expect(enginesOf(journal)).toEqual({ a1: [0], b1: [1], b2: [1], a2: [0] });
  expect(journal.events.filter(({ kind }) => kind === "model-load-start")).toHaveLength(2);
});

test("model-affinity brings no second copy up, even for stages that are ready at once", () => {
  const journal = runPlain({
    policy: "model-affinity",
    workflows: [dag("a, b, c")],
    cluster: cluster("h100 h100"),
  });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0], c: [0] });
});

const roles = (machines: readonly Engine["role"][]) => {
  const built = cluster(machines.map(() => "h100").join(" "));
  return { ...built, engines: built.engines.map((engine, index) => ({ ...engine, role: machines[index] ?? "both" })) };
};

test("every policy hands over from prefill engines to decode engines", () => {
  const machines = roles(["prefill", "decode", "decode"]);
  for (const [name, policy] of Object.entries(policies)) {
    const { events } = runPlain({ policy, workflows: [dag("a, b, c, d")], cluster: machines });
    const decoded = events.flatMap((event) => (event.kind === "decode-start" ? [event.engine] : []));
    expect({ name, count: decoded.length }).toEqual({ name, count: 4 });
    // Those for agents take decode engines for batching ones, on which calls that go together lose little.
    if (!(name in agentPolicies)) expect({ name, uses: new Set(decoded).size }).toEqual({ name, uses: 2 });
  }
});

test("an embedding on a prefill engine needs no decode engine", () => {
  const workflows = [
    dag("a", () => ({ kind: "embed", model: "embed-1.2b", output: { estimate: 0, actual: 0, limit: 0 } })),
  ];
  for (const [name, policy] of Object.entries(policies)) {
    const journal = runPlain({ policy, workflows, cluster: roles(["prefill"]) });
    expect({ name, end: journal.events.at(-1)?.kind }).toEqual({ name, end: "workflow-end" });
  }
});

test("a stage that no engine may take is deferred, and its workflow given up for that reason", () => {
  const stages = [llm("a", { allow: { labels: ["nowhere"] } })];
  for (const [name, policy] of Object.entries(policies)) {
    const journal = runPlain({ policy, workflows: [{ id: "w", arrivalUs: 0, reveal: "static", stages }] });
    expect({ name, end: journal.events.at(-1) }).toMatchObject({
      end: { kind: "workflow-abandon", reason: "no-engine" },
    });
  }
});
