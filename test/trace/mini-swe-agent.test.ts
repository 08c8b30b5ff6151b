import { describe, expect, test } from "vitest";
import { InputError } from "../../src/trace/input-error.ts";
import { readMiniSweAgent } from "../../src/trace/mini-swe-agent.ts";
import { expectWhole, hasData, lengthsOf, readData } from "./whole.ts";

const run = (steps: readonly (readonly number[])[]): string => JSON.stringify({ id: "a/b", steps });

describe("mini-swe-agent", () => {
  test("a prompt is the prompt before it, what came of that, and what is new", () => {
    const [workflow] = readMiniSweAgent(
      run([
        [100, 1000, 50, 0, 0, 9],
        [110, 1200, 30, 0, 0, 9],
        [110.5, 1260, 10, 0, 0, 9],
      ]),
      "f",
      { seed: 1 },
    );
    if (workflow === undefined) throw new Error("no run");
    expectWhole(workflow);
    expect(workflow.id).toBe("a_b");
    const first = { kind: "text", key: "a_b:0", tokens: 1000 };
    const second = [first, { kind: "output", stage: "call-0" }, { kind: "text", key: "a_b:1", tokens: 150 }];
    const third = [...second, { kind: "output", stage: "call-1" }, { kind: "text", key: "a_b:2", tokens: 30 }];
    expect(workflow.stages.map((stage) => (stage.kind === "tool" ? stage.actualUs : stage.prompt))).toEqual([
      [first],
      9_200_000, // 10 s between the calls, less 0.3 s and 50 tokens at 100 a second
      second,
      third,
    ]);
  });

  test("an output that does not come back whole is new text; a shorter prompt keeps what fits", () => {
    const [workflow] = readMiniSweAgent(
      run([
        [0, 1000, 500, 0, 0, 9],
        [1, 1100, 50, 0, 0, 9],
        [2, 1050, 50, 0, 0, 9],
      ]),
      "f",
      { seed: 1 },
    );
    expect(workflow?.stages.flatMap((stage) => (stage.kind === "tool" ? [] : [stage.prompt]))).toEqual([
      [{ kind: "text", key: "a_b:0", tokens: 1000 }],
      [
        { kind: "text", key: "a_b:0", tokens: 1000 },
        { kind: "text", key: "a_b:1", tokens: 100 },
      ],
      [
        { kind: "text", key: "a_b:0", tokens: 1000 },
        { kind: "text", key: "a_b:2", tokens: 50 },
      ],
    ]);
  });

  test("runs of one name get numbers, and a Poisson stream if asked for", () => {
    const two = `${run([[0, 10, 1, 0, 0, 0]])}\n${run([[0, 10, 1, 0, 0, 0]])}`;
    const workflows = readMiniSweAgent(two, "f", { seed: 1, ratePerSecond: 0.1 });
    expect(workflows.map(({ id }) => id)).toEqual(["a_b", "a_b#2"]);
    expect(workflows.map(({ arrivalUs }) => arrivalUs > 0)).toEqual([false, true]);
  });

  test.each([
    ["nothing", ""],
    ["no step", run([])],
    ["a step of one number", run([[1]])],
  ])("refuses %s", (_, text) => {
    expect(() => readMiniSweAgent(text, "f", { seed: 1 })).toThrow(InputError);
  });

  test.skipIf(!hasData)("the tokens of the public runs are those of the trace", () => {
    const text = readData("mini-swe-agent-gemini3pro", "steps.ndjson.gz");
    const steps = text
      .trim()
      .split("\n")
      .flatMap((line) => (JSON.parse(line) as { steps: number[][] }).steps);
    const lengths = readMiniSweAgent(text, "f", { seed: 1 }).flatMap((workflow) => {
      expectWhole(workflow);
      return lengthsOf(workflow);
    });
    expect(lengths.map(({ prompt }) => prompt)).toEqual(steps.map((step) => step[1]));
    expect(lengths.map(({ output }) => output)).toEqual(steps.map((step) => Math.max(1, step[2] ?? 0)));
  });
});
