import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Workflow } from "../../src/model/workflow.ts";
import { annotateGraph } from "../../src/trace/annotate.ts";
import { annotationModels, pickModel } from "../../src/trace/annotate/models.ts";
import type { Task, TaskGraph } from "../../src/trace/task-graph.ts";
import { readWfinstances } from "../../src/trace/wfinstances.ts";
import { expectWhole, hasData, lengthsOf, quantile, readData } from "./whole.ts";
import { portionOf } from "../support/portion.ts";

function graph(
  ...tasks: readonly (Partial<Task> & { readonly name: string; readonly below?: readonly number[] })[]
): TaskGraph {
  return {
    name: "drawn",
    family: "test",
    tasks: tasks.map(({ below = [], ...task }) => ({
      category: "work",
      parents: below.map((parent) => ({ task: parent, bytes: 100 })),
      ...task,
    })),
  };
}

function modelStages(workflow: Workflow): readonly Extract<Workflow["stages"][number], { kind: "llm" | "embed" }>[] {
  return workflow.stages.filter((stage) => stage.kind !== "tool");
}

const diamond = graph(
  { name: "split" },
  { name: "left", below: [0], kind: "llm" },
  { name: "right", below: [0], category: "fetch", kind: "tool", runtimeSeconds: 2 },
  { name: "merge", below: [1, 2], category: "merge", kind: "llm" },
);

describe("annotation", () => {
  test("equal seeds give equal bytes, others do not", () => {
    const text = (seed: number): string => JSON.stringify(annotateGraph(diamond, { seed }));
    expect(text(1)).toBe(text(1));
    expect(text(1)).not.toBe(text(2));
  });

  test("keeps the graph", () => {
    const workflow = annotateGraph(diamond, { seed: 1, id: "w", arrivalUs: 7, reveal: "online" });
    expectWhole(workflow);
    expect([workflow.id, workflow.arrivalUs, workflow.reveal, workflow.class]).toEqual(["w", 7, "online", "test"]);
    expect(workflow.stages.map(({ id, kind, parents }) => [id, kind, parents.map((parent) => parent.stage)])).toEqual([
      ["split", expect.stringMatching(/llm|embed/), []],
      ["left", "llm", ["split"]],
      ["right", "tool", ["split"]],
      ["merge", "llm", ["left", "right"]],
    ]);
    expect(workflow.stages[2]).toMatchObject({ actualUs: 2_000_000 });
  });

  test("without error the estimates are the truth", () => {
    for (const stage of annotateGraph(diamond, { seed: 3, error: 0 }).stages) {
      if (stage.kind === "tool") expect(stage.estimateUs).toBe(stage.actualUs);
      else expect(stage.output.estimate).toBe(stage.output.actual);
    }
  });

  test("one category has one model and one system prompt in all workflows of a seed", () => {
    const found = new Set<string>();
    for (let index = 0; index < 40; index++) {
      for (const stage of modelStages(annotateGraph(diamond, { seed: 5, id: `w-${index}` }))) {
        const [first] = stage.prompt;
        if (first?.kind === "text" && first.key.startsWith("system:"))
          found.add(`${first.key} ${first.tokens} ${stage.model}`);
      }
    }
    expect(new Set([...found].map((entry) => entry.split(" ")[0]))).toEqual(new Set(["system:merge", "system:work"]));
    expect(found.size).toBe(2);
  });

  test("a workflow does not depend on which others there are, nor a task's lengths on later tasks", () => {
    const longer = { ...diamond, tasks: [...diamond.tasks, { name: "more", category: "work", parents: [] }] };
    const short = annotateGraph(diamond, { seed: 5 }).stages;
    expect(annotateGraph(longer, { seed: 5 }).stages.slice(0, short.length)).toEqual(short);
  });

  test("the limit tells nothing of the length", () => {
    const stages = Array.from({ length: 30 }, (_, index) =>
      modelStages(annotateGraph(diamond, { seed: index })),
    ).flat();
    expect(new Set(stages.filter(({ kind }) => kind === "llm").map(({ output }) => output.limit))).toEqual(
      new Set([4096]),
    );
  });

  test("a continuation repeats its parent's whole prompt and output", () => {
    const chain = graph({ name: "a", kind: "llm" }, { name: "b", kind: "llm", below: [0] });
    let continued = 0;
    for (let index = 0; index < 200; index++) {
      const [first, second] = modelStages(annotateGraph(chain, { seed: 1, id: `w-${index}` }));
      if (first === undefined || second === undefined) continue;
      if (second.prompt.length <= first.prompt.length) continue;
      const head = second.prompt.slice(0, first.prompt.length);
      if (JSON.stringify(head) !== JSON.stringify(first.prompt)) continue;
      continued++;
      expect(second.prompt.slice(first.prompt.length)).toEqual([
        { kind: "output", stage: "a" },
        { kind: "own", tokens: expect.any(Number) },
      ]);
      expect(first.prompt.at(-1)).toMatchObject({ kind: "text", key: `own:w-${index}/a` });
    }
    // 40% of the second stages of one item, if the first has one item too.
    expect(continued).toBeGreaterThan(40);
    expect(continued).toBeLessThan(90);
  });

  test("shares of models are those asked for", () => {
    const counts = new Map<string, number>();
    for (let index = 0; index < 20_000; index++) {
      const { model } = pickModel(1, `category-${index}`, undefined, annotationModels);
      counts.set(model, (counts.get(model) ?? 0) + 1);
    }
    for (const { model, share } of annotationModels)
      expect(Math.abs((counts.get(model) ?? 0) / 200 - share), model).toBeLessThan(1.5);
  });

  test("output lengths follow runtimes", () => {
    const tasks = Array.from({ length: 400 }, (_, index) => ({
      name: `t-${index}`,
      kind: "llm" as const,
      runtimeSeconds: 1 + index,
    }));
    const outputs = modelStages(annotateGraph(graph(...tasks), { seed: 1 })).map(
      (stage) => stage.output.actual / stage.items,
    );
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(outputs.slice(300))).toBeGreaterThan(1.5 * mean(outputs.slice(0, 100)));
  });

  test("any acyclic graph becomes a whole workflow", () => {
    const anyTask = fc.record({
      name: fc.string(),
      category: fc.string(),
      kind: fc.constantFrom("llm", "embed", "tool", undefined),
      runtimeSeconds: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined }),
      promptTokens: fc.option(fc.nat(1e6), { nil: undefined }),
      below: fc.array(fc.nat(40), { maxLength: 6 }),
    });
    const anyGraph = fc.array(anyTask, { minLength: 1, maxLength: 40 }).map((tasks): TaskGraph => {
      const built = tasks.map(({ below, kind, runtimeSeconds, promptTokens, ...task }, index) => ({
        ...task,
        parents:
          index === 0 ? [] : [...new Set(below.map((at) => at % index))].map((at) => ({ task: at, bytes: at * 1e9 })),
        ...(kind === undefined ? {} : { kind }),
        ...(runtimeSeconds === undefined ? {} : { runtimeSeconds }),
        ...(promptTokens === undefined ? {} : { promptTokens }),
      }));
      return { name: "any", family: "any", tasks: built };
    });
    fc.assert(
      fc.property(anyGraph, fc.nat(), (drawn, seed) => {
        const workflow = annotateGraph(drawn, { seed });
        expectWhole(workflow);
        for (const { prompt } of lengthsOf(workflow)) expect(prompt).toBeLessThanOrEqual(20_000);
      }),
      { numRuns: portionOf(200) },
    );
  });

  test.skipIf(!hasData)("prompts of WfInstances graphs of 5 to 300 tasks have the lengths of the prototype", () => {
    const graphs = readWfinstances(readData("wfinstances", "wfinstances-compact.ndjson.gz"), "wfinstances").filter(
      ({ tasks }) => tasks.length >= 5 && tasks.length <= 300,
    );
    const families = [...Map.groupBy(graphs, ({ family }) => family).values()];
    const prompts: number[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      for (const family of families) {
        const drawn = family[seed % family.length];
        if (drawn === undefined) continue;
        const workflow = annotateGraph(drawn, { seed });
        expectWhole(workflow);
        prompts.push(...lengthsOf(workflow).map(({ perItem }) => perItem));
      }
    }
    // One item's prompt: p50 4.6k and p90 11k were wanted.
    expect(quantile(prompts, 0.5)).toBeGreaterThan(4200);
    expect(quantile(prompts, 0.5)).toBeLessThan(5200);
    expect(quantile(prompts, 0.9)).toBeGreaterThan(9500);
    expect(quantile(prompts, 0.9)).toBeLessThan(12_500);
  });
});
