import { expect, test } from "vitest";
import { describeWorkload } from "../../src/trace/describe.ts";
import { readFileSync } from "node:fs";
import { parseWorkloadFile } from "../../src/trace/workload-file.ts";

test("the example in numbers", () => {
  const { workload } = parseWorkloadFile(readFileSync("examples/workload.yaml", "utf8"), "workload.yaml");
  expect(describeWorkload(workload)).toStrictEqual({
    id: "example",
    workflows: 2,
    online: 1,
    stages: 7,
    stagesByKind: { llm: 4, embed: 1, tool: 2 },
    stagesByModel: [
      { model: "llama-3.1-8b", stages: 3 },
      { model: "embed-1.2b", stages: 1 },
      { model: "reader-3b", stages: 1 },
    ],
    stagesPerWorkflow: { p50: 3, p90: 4, max: 4 },
    depth: { p50: 3, p90: 4, max: 4 },
    width: { p50: 1, p90: 1, max: 1 },
    fanOut: { p50: 1, p90: 1, max: 1 },
    promptTokens: { p50: 4612, p90: 40600, max: 40600 },
    outputTokens: { p50: 610, p90: 3712, max: 3712 },
    totalPromptTokens: 54472,
    totalOutputTokens: 5092,
    shareablePromptShare: 3450 / 54472,
    toolUs: { p50: 210_000, p90: 8_400_000, max: 8_400_000 },
    firstArrivalUs: 0,
    lastArrivalUs: 2_000_000,
  });
});

test("nothing is described by zeros", () => {
  const description = describeWorkload({ id: "none", workflows: [] });
  expect(description).toMatchObject({ workflows: 0, stages: 0, shareablePromptShare: 0, lastArrivalUs: 0 });
});
