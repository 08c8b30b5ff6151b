import { expect, test } from "vitest";
import { tellTruth } from "../../src/bound/tell-truth.ts";
import type { Stage } from "../../src/model/workflow.ts";
import { dag, llm } from "../support/build.ts";

test("everything is estimated as it comes true", () => {
  const tool: Stage = { id: "t", kind: "tool", parents: [], priority: 0, estimateUs: 5, actualUs: 9 };
  const long = llm("a", { output: { estimate: 100, actual: 300, limit: 400 } });
  const not = llm("b", { branch: { chance: 0.7, runs: false } });
  const { reveal, stages } = tellTruth(dag("x", undefined, { reveal: "online", stages: [tool, long, not] }));
  expect(reveal).toBe("static");
  expect(stages).toEqual([
    { ...tool, estimateUs: 9 },
    { ...long, output: { estimate: 300, actual: 300, limit: 400 } },
    { ...not, branch: { chance: 0, runs: false } },
  ]);
});
