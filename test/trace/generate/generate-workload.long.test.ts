import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { families } from "../../../src/trace/generate/families.ts";
import { type GenerateOptions, generateWorkload } from "../../../src/trace/generate/generate-workload.ts";
import { InputError } from "../../../src/trace/input-error.ts";
import { expectWhole, lengthsOf } from "../whole.ts";

const names = Object.keys(families);

function generate(
  family: string,
  more: Partial<GenerateOptions> = {},
): ReturnType<typeof generateWorkload>["workload"] {
  return generateWorkload({ families: [family], count: 30, seed: 1, ...more }).workload;
}

describe.each(names)("%s", (family) => {
  test("is whole, and unlike from seed to seed and alike for one", () => {
    const workload = generate(family);
    expect(workload.workflows).toHaveLength(30);
    for (const workflow of workload.workflows) expectWhole(workflow);
    expect(new Set(workload.workflows.map(({ id }) => id)).size).toBe(30);
    expect(JSON.stringify(generate(family))).toBe(JSON.stringify(workload));
    expect(JSON.stringify(generate(family, { seed: 2 }).workflows)).not.toBe(JSON.stringify(workload.workflows));
  });

  test("a workflow depends neither on the count nor on the rate", () => {
    const few = generate(family, { count: 3, ratePerSecond: 2 }).workflows;
    const many = generate(family).workflows;
    expect(few.map((workflow) => ({ ...workflow, arrivalUs: 0 }))).toEqual(many.slice(0, 3));
    expect(few.map(({ arrivalUs }) => Math.sign(arrivalUs))).toEqual([0, 1, 1]);
  });

  test("the error changes estimates and nothing else", () => {
    const truth = generate(family, { error: 0 }).workflows;
    const blind = JSON.stringify(generate(family, { error: 0.8 }).workflows, withoutEstimates);
    for (const stage of truth.flatMap((workflow) => workflow.stages)) {
      if (stage.kind === "tool") expect(stage.estimateUs).toBe(stage.actualUs);
      else expect(stage.output.estimate).toBe(stage.output.actual);
    }
    if (!names.slice(0, names.indexOf("chat")).includes(family))
      expect(blind).toBe(JSON.stringify(truth, withoutEstimates));
  });
});

function withoutEstimates(key: string, value: unknown): unknown {
  return key.startsWith("estimate") ? undefined : value;
}

describe("generated workloads", () => {
  test("several families are mixed", () => {
    const { workload, models } = generateWorkload({ families: ["chat", "rag"], count: 40, seed: 1 });
    expect(new Set(workload.workflows.map((workflow) => workflow.class))).toEqual(new Set(["chat", "rag"]));
    expect(models.map((model) => model.id).sort()).toEqual([
      "embed-1.2b",
      "llama-3.1-70b",
      "llama-3.1-8b",
      "qwen2.5-32b",
    ]);
  });

  test("a rate is kept on average", () => {
    const arrivals = generate("chat", { count: 4000, ratePerSecond: 5 }).workflows.map(({ arrivalUs }) => arrivalUs);
    expect(arrivals).toEqual(arrivals.toSorted((left, right) => left - right));
    expect(Math.abs((arrivals.at(-1) ?? 0) / 1e6 / 800 - 1)).toBeLessThan(0.05);
  });

  test("an unknown family is refused with what was meant", () => {
    expect(() => generate("montge")).toThrow(InputError);
    expect(() => generate("montge")).toThrow("did you mean montage?");
    expect(() => generate("toString")).toThrow(InputError);
  });

  test("means of the agents are those of the traces", () => {
    const added = (family: string): readonly [number, number] => {
      const stages = generate(family, { count: 1500 }).workflows.flatMap((workflow) => workflow.stages);
      let input = 0;
      let output = 0;
      let calls = 0;
      const seen = new Set<string>();
      for (const stage of stages) {
        if (stage.kind === "tool") continue;
        calls++;
        output += stage.output.actual;
        for (const segment of stage.prompt) {
          if (segment.kind === "output" || (segment.kind === "text" && seen.has(segment.key))) continue;
          input += segment.tokens;
          if (segment.kind === "text" && segment.key.startsWith("own:")) seen.add(segment.key);
        }
        // Definitions of tools count for the call that brings them.
        if (family === "bfcl" && stage.id !== "call-0") input -= 400;
      }
      return [input / calls, output / calls];
    };
    const near = ([input, output]: readonly [number, number], wanted: readonly [number, number]): void => {
      expect(Math.abs(input / wanted[0] - 1)).toBeLessThan(0.06);
      expect(Math.abs(output / wanted[1] - 1)).toBeLessThan(0.06);
    };
    near(added("chat"), [256, 277]);
    near(added("lats"), [467, 73]);
    near(added("bfcl"), [735, 34]);
  });

  test("a tree search has about 160 calls", () => {
    const calls = generate("lats", { count: 200 }).workflows.map(
      (workflow) => workflow.stages.filter((stage) => stage.kind === "llm").length,
    );
    expect(calls.reduce((sum, count) => sum + count, 0) / calls.length).toBeCloseTo(160, -1);
  });

  test("mixed keeps its shares", () => {
    const { workflows } = generate("mixed", { count: 2000 });
    const share = (kind: string): number => workflows.filter((workflow) => workflow.class === kind).length / 2000;
    const wanted: readonly (readonly [string, number])[] = [
      ["chat", 0.4],
      ["bfcl", 0.3],
      ["lats", 0.2],
      ["mapred", 0.1],
    ];
    for (const [kind, part] of wanted) expect(Math.abs(share(kind) - part), kind).toBeLessThan(0.04);
  });

  test.each([0, 0.25, 0.5, 0.75, 0.9])("a share of %d of the prompts of a fan is one text", (sharedShare) => {
    for (const workflow of generate("fan", { sharedShare }).workflows) {
      for (const stage of workflow.stages) {
        if (stage.kind === "tool" || stage.id === "join") continue;
        const shared = stage.prompt.reduce((sum, part) => sum + (part.kind === "text" ? part.tokens : 0), 0);
        const all = stage.prompt.reduce((sum, part) => sum + (part.kind === "output" ? 0 : part.tokens), 0);
        expect(Math.abs(shared / all - sharedShare)).toBeLessThan(0.001);
      }
    }
  });

  test("graphs of a wanted size, and prompts that fit", () => {
    const sizes = fc.record({
      family: fc.constantFrom(...names.slice(0, names.indexOf("chat"))),
      seed: fc.nat(),
      least: fc.integer({ min: 5, max: 1000 }),
    });
    fc.assert(
      fc.property(sizes, ({ family, seed, least }) => {
        const { workflows } = generate(family, { seed, count: 1, tasks: { least, most: least } });
        for (const workflow of workflows) {
          expectWhole(workflow);
          expect(workflow.stages.length).toBeLessThan(1.5 * least + 60);
          for (const { prompt } of lengthsOf(workflow)) expect(prompt).toBeLessThanOrEqual(20_000);
        }
      }),
      { numRuns: 60 },
    );
  });
});
