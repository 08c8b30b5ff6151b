import { describe, expect, test } from "vitest";
import type { ModelStage, Stage, Workflow } from "../../src/model/workflow.ts";
import { InputError } from "../../src/trace/input-error.ts";
import { readKvCacheTester } from "../../src/trace/kv-cache-tester.ts";
import { expectWhole, hasData, lengthsOf, readData } from "./whole.ts";

function call(t: number, tokens: number, out: number, h: readonly unknown[], more: object = {}): object {
  return { t, type: "n", model: "claude-opus-4", in: tokens, out, api_time: 2, h, ...more };
}

function read(...requests: readonly object[]): Workflow {
  const [workflow] = readKvCacheTester(JSON.stringify({ id: "s", block_size: 64, requests }), "f", { seed: 1 });
  if (workflow === undefined) throw new Error("no session");
  expectWhole(workflow);
  return workflow;
}

function drawn(workflow: Workflow): readonly string[] {
  return workflow.stages.map(({ id, parents }) => `${parents.map(({ stage }) => stage).join(",")}>${id}`);
}

function prompts(stages: readonly Stage[]): readonly string[] {
  return stages
    .filter((stage): stage is ModelStage => stage.kind !== "tool")
    .map(({ prompt }) =>
      prompt.map((part) => (part.kind === "text" ? `${part.key}=${part.tokens}` : part.kind)).join(" "),
    );
}

describe("kv-cache-tester", () => {
  test("calls form a chain with pauses of what their times leave", () => {
    const workflow = read(
      call(0, 130, 5, [0, [1, 2]]),
      call(5, 200, 6, [2, [3, 1]], { model: "claude-haiku-4" }),
      call(7, 200, 7, [3], { model: "claude-sonnet-4" }),
      call(1000, 256, 8, [3, 9]),
    );
    expect(workflow.reveal).toBe("online");
    expect(drawn(workflow)).toEqual([
      ">call-0",
      "call-0>pause-1",
      "pause-1>call-1",
      "call-1>call-2",
      "call-2>pause-3",
      "pause-3>call-3",
    ]);
    expect(workflow.stages[1]).toMatchObject({ kind: "tool", actualUs: 3_000_000 });
    expect(workflow.stages[4]).toMatchObject({ kind: "tool", actualUs: 60_000_000 });
    const models = workflow.stages.flatMap((stage) => (stage.kind === "tool" ? [] : [stage.model]));
    expect(models).toEqual(["llama-3.1-70b", "llama-3.1-8b", "qwen2.5-32b", "llama-3.1-70b"]);
    expect(lengthsOf(workflow).map(({ prompt, output }) => [prompt, output])).toEqual([
      [130, 5],
      [200, 6],
      [200, 7],
      [256, 8],
    ]);
  });

  test("segments end where prompts end or part, and nowhere else", () => {
    const workflow = read(
      call(0, 64 * 6, 1, [0, [1, 6]]),
      call(3, 64 * 8, 1, [4, [20, 4]]),
      call(6, 64 * 9 + 5, 1, [8, [40, 1]]),
      call(9, 64 * 7, 1, [4, [5, 2], 7]),
    );
    const cut = prompts(workflow.stages).map((line) => line.replaceAll(/s:(\d+)=/g, "$1="));
    const [first = "", second = "", third = "", fourth = ""] = cut;
    expect(first.split(" ").map((part) => part.split("=")[1])).toEqual(["256", "128"]);
    expect(second.split(" ").map((part) => part.split("=")[1])).toEqual(["256", "256"]);
    expect(third).toBe(`${second} ${third.split(" ")[2]} own`);
    // It goes on where the first one ended, though the one before it had parted from that.
    expect(fourth.startsWith(`${first} `)).toBe(true);
  });

  test("sub-agents between two calls run side by side", () => {
    const agent = (t: number): object => ({
      t,
      type: "subagent",
      requests: [call(0, 100, 3, [0, 500], { model: "claude-haiku-4" }), call(4, 170, 3, [1, 501])],
    });
    const workflow = read(call(0, 64, 1, [0, 1]), agent(50), agent(60), call(70, 130, 1, [1, 2]), agent(90));
    expect(drawn(workflow)).toEqual([
      ">call-0",
      "call-0>agent-0.call-0",
      "agent-0.call-0>agent-0.pause-1",
      "agent-0.pause-1>agent-0.call-1",
      "call-0>agent-1.call-0",
      "agent-1.call-0>agent-1.pause-1",
      "agent-1.pause-1>agent-1.call-1",
      "agent-0.call-1,agent-1.call-1>call-1",
      "call-1>agent-2.call-0",
      "agent-2.call-0>agent-2.pause-1",
      "agent-2.pause-1>agent-2.call-1",
    ]);
  });

  test("sessions can be cut, scaled and named otherwise", () => {
    const text = JSON.stringify({ requests: [call(0, 130, 50, [0, [1, 2]]), call(5, 900, 6, [2, [3, 10]])] });
    const options = { seed: 1, maxPromptTokens: 500, tokenScale: 0.5, modelsByName: { opus: "llama-3.1-8b" } };
    const [workflow] = readKvCacheTester(text, "f", options);
    expect(workflow?.stages).toHaveLength(1);
    expect(workflow?.stages[0]).toMatchObject({ model: "llama-3.1-8b", output: { actual: 25 } });
    expect(workflow?.id).toBe("session-0");
  });

  test.each([
    ["no line", ""],
    ["no call", JSON.stringify({ requests: [] })],
    ["more in common than there was", JSON.stringify({ requests: [call(0, 64, 1, [3])] })],
    ["a run that is none", JSON.stringify({ requests: [call(0, 640, 1, [0, ["a", 2]])] })],
    ["negative tokens", JSON.stringify({ requests: [call(0, -1, 1, [0])] })],
  ])("refuses %s", (_, text) => {
    expect(() => readKvCacheTester(text, "f", { seed: 1 })).toThrow(InputError);
  });

  test.skipIf(!hasData)("the tokens of the public sessions are those of the trace", () => {
    const text = readData("kv-cache-tester", "claude-code-traces.lcp.ndjson.gz");
    const workflows = readKvCacheTester(text, "f", { seed: 1, limit: 60 });
    const lines = text.trim().split("\n").slice(0, 60);
    for (const [index, workflow] of workflows.entries()) {
      expectWhole(workflow);
      const { totals } = JSON.parse(lines[index] ?? "") as { totals: { combined_tokens: { input: number } } };
      const total = lengthsOf(workflow).reduce((sum, { prompt }) => sum + prompt, 0);
      expect(total, workflow.id).toBe(totals.combined_tokens.input);
    }
  });
});
