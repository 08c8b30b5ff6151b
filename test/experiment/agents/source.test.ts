import { describe, expect, test } from "vitest";
import { namedCluster } from "../../../src/catalogue/clusters.ts";
import { createCostModel } from "../../../src/cost/cost-model.ts";
import { shippedCalibration } from "../../../src/cost/shipped-calibration.ts";
import { fluidTimeUs } from "../../../src/experiment/agents/fluid-capacity.ts";
import { loadAgents, type AgentsSource } from "../../../src/experiment/agents/source.ts";
import { addWork, leastPieces } from "../../../src/experiment/agents/work.ts";
import type { Cluster } from "../../../src/model/cluster.ts";
import type { Workflow } from "../../../src/model/workflow.ts";

const source: AgentsSource = { kind: "agents", workload: "bfcl", load: 1.5, error: 0, count: 40 };
const cluster = (name: string): Cluster => namedCluster(name) as Cluster;
const load = (change: Partial<AgentsSource>, seed = 1, name = "het1"): readonly Workflow[] =>
  loadAgents({ ...source, ...change }, seed, cluster(name)).workload.workflows;

/** Without what is only believed. */
const truth = (workflows: readonly Workflow[]): unknown =>
  JSON.parse(JSON.stringify(workflows, (key, value: unknown) => (key.startsWith("estimate") ? undefined : value)));

describe("a workload", () => {
  test("is truly the same whatever the error of the estimates", () => {
    const [exact, off] = [load({ error: 0 }), load({ error: 0.3 })];
    expect(truth(off)).toEqual(truth(exact));
    expect(off).not.toEqual(exact);
    for (const { stages } of exact)
      for (const stage of stages)
        if (stage.kind === "tool") expect(stage.estimateUs).toBe(stage.actualUs);
        else expect(stage.output.estimate).toBe(stage.output.actual);
  });

  test("is of the same workflows at any load, which come that much closer together", () => {
    const [slow, fast] = [load({ load: 0.9 }), load({ load: 3 })];
    const gaps = slow.map(({ arrivalUs }, index) => arrivalUs * (0.9 / 3) - (fast[index]?.arrivalUs ?? 0));
    expect(Math.max(...gaps.map(Math.abs))).toBeLessThan(1);
    const stages = (list: readonly Workflow[]) => list.map((workflow) => workflow.stages);
    expect(stages(fast)).toEqual(stages(slow));
  });

  test("arrives, in the long run, over the time that the fluid takes at load 1", () => {
    const many = load({ load: 1, count: 2000, workload: "chat" });
    const work = addWork(leastPieces(many, false).flat());
    const { models } = loadAgents(source, 1, cluster("het1"));
    const costs = createCostModel(cluster("het1"), models, shippedCalibration);
    const spanUs = many.at(-1)?.arrivalUs ?? 0;
    expect(spanUs / fluidTimeUs(costs, "llama-3.1-70b", work)).toBeGreaterThan(0.94);
    expect(spanUs / fluidTimeUs(costs, "llama-3.1-70b", work)).toBeLessThan(1.06);
  });

  test("is of another seed other workflows, and calls the model of the cluster", () => {
    expect(load({}, 2)).not.toEqual(load({}, 1));
    expect(loadAgents(source, 1, cluster("qhet")).models.map(({ id }) => id)).toEqual(["qwen3-235b-a22b"]);
    expect(loadAgents(source, 1, cluster("homo")).models.map(({ id }) => id)).toEqual(["llama-3.1-70b"]);
  });
});

describe("the least work", () => {
  const workflows = load({ workload: "chat", count: 5 });
  const [first] = workflows;
  const calls = first?.stages.flatMap((stage) => (stage.kind === "tool" ? [] : [stage])) ?? [];
  const own = calls.map(({ prompt }) => {
    const last = prompt.at(-1);
    return last?.kind === "text" || last?.kind === "own" ? last.tokens : 0;
  });
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const written = calls.map(({ output }) => output.actual);

  test("takes each turn in once, and what was written before it where that is not cached", () => {
    expect(calls.length).toBeGreaterThan(1);
    const [apart, there] = [false, true].map((stays) => addWork(leastPieces(workflows, stays)[0] ?? []));
    expect(there?.prefillTokens).toBe(sum(own));
    expect(apart?.prefillTokens).toBe(sum(own) + sum(written.slice(0, -1)));
    // A conversation without repetition: each token attends to all before it and to itself.
    const whole = apart?.prefillTokens ?? 0;
    expect(apart?.prefillPairs).toBe((whole * (whole + 1)) / 2);
    expect(apart?.prompts).toBe(calls.length);
  });

  test("decodes all tokens but each call's first, which comes with its prompt", () => {
    const work = addWork(leastPieces(workflows, false)[0] ?? []);
    expect(work.decodeTokens).toBe(sum(written) - calls.length);
    let contextTokens = 0;
    let before = 0;
    for (const [turn, tokens] of own.entries()) {
      before += tokens;
      for (let step = 0; step < (written[turn] ?? 0) - 1; step++) contextTokens += before + step;
      before += written[turn] ?? 0;
    }
    expect(work.contextTokens).toBe(contextTokens);
  });

  test("leaves out what other workflows have in their prompts too", () => {
    const bfcl = load({ count: 100 });
    const alone = bfcl.map((workflow) => addWork(leastPieces([workflow], false).flat()).prefillTokens);
    const together = leastPieces(bfcl, false).map((pieces) => addWork(pieces).prefillTokens);
    // Definitions of tools, out of eight sets.
    expect(new Set(alone.map((tokens, index) => tokens - (together[index] ?? 0)))).toEqual(new Set([400]));
  });
});
