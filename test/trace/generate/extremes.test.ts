import { describe, expect, test } from "vitest";
import type { Workflow } from "../../../src/model/workflow.ts";
import { describeWorkload } from "../../../src/trace/describe.ts";
import { generateWorkload, type GenerateOptions } from "../../../src/trace/generate/generate-workload.ts";

const generate = (family: string, more: Partial<GenerateOptions> = {}) =>
  generateWorkload({ families: [family], count: 10, seed: 2, ...more }).workload;

const modelsOf = (workflows: readonly Workflow[]): number =>
  new Set(workflows.flatMap(({ stages }) => stages.flatMap((stage) => (stage.kind === "tool" ? [] : stage.model))))
    .size;

describe("graphs beyond what is recorded", () => {
  test("a deep chain is 40 stages deep or more, or as deep as asked for", () => {
    for (const { stages } of generate("deep-chain").workflows) expect(stages.length).toBeGreaterThanOrEqual(40);
    const { depth, width } = describeWorkload(generate("deep-chain", { tasks: { least: 80, most: 80 } }));
    expect([depth.p50, depth.max, width.max]).toEqual([80, 80, 1]);
  });

  test("a wide fan is 62 stages wide or more, or as wide as asked for", () => {
    for (const { stages } of generate("wide-fan").workflows) expect(stages.length).toBeGreaterThanOrEqual(64);
    const { depth, width, fanOut } = describeWorkload(generate("wide-fan", { tasks: { least: 130, most: 130 } }));
    expect([depth.max, width.max, fanOut.max]).toEqual([3, 128, 128]);
  });

  test.each(["deep-chain", "wide-fan"])("%s uses few models or many", (family) => {
    const few = [{ model: "llama-3.1-8b", kind: "llm", share: 1 }] as const;
    expect(modelsOf(generate(family, { models: few }).workflows)).toBe(1);
    const ids = ["llama-3.1-8b", "phi-4-14.7b", "qwen2.5-32b", "qwen3-32b", "vision-10.6b", "llama-3.1-70b"];
    const many = ids.flatMap((id) => [
      { model: id, kind: "llm", share: 1 } as const,
      ...(id === "vision-10.6b" ? [] : [{ model: `${id}-int4`, kind: "llm", share: 1 } as const]),
    ]);
    expect(modelsOf(generate(family, { models: many }).workflows)).toBeGreaterThanOrEqual(8);
  });
});
