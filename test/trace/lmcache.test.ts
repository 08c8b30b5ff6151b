import { describe, expect, test } from "vitest";
import type { Workflow } from "../../src/model/workflow.ts";
import { InputError } from "../../src/trace/input-error.ts";
import { readLmcache } from "../../src/trace/lmcache.ts";
import { expectWhole, hasData, lengthsOf, readData } from "./whole.ts";

type Row = readonly [t: number, tokens: number, out: number, prefixFrom: number, prefixTok: number];

function session(...rows: readonly Row[]): string {
  const calls = rows.map(([t, tokens, out, prefixFrom, prefixTok]) => ({ t, in: tokens, out, prefixFrom, prefixTok }));
  return JSON.stringify({ session: "s", calls });
}

function prompts(workflow: Workflow | undefined): readonly string[] {
  if (workflow === undefined) throw new Error("no session");
  expectWhole(workflow);
  return workflow.stages.flatMap((stage) =>
    stage.kind === "tool"
      ? []
      : [
          stage.prompt
            .map((part) => (part.kind === "text" ? part.key.slice(2) : part.kind === "output" ? part.stage : "own"))
            .join(" "),
        ],
  );
}

describe("lmcache", () => {
  test("texts are cut where later prompts leave them", () => {
    const [workflow] = readLmcache(
      session([0, 100, 10, -1, 0], [1, 90, 5, 0, 40], [2, 80, 5, 0, 70], [3, 45, 5, 1, 20]),
      "f",
      { seed: 1 },
    );
    expect(prompts(workflow)).toEqual([
      "0:0-20 0:20-40 0:40-70 0:70-100",
      "0:0-20 0:20-40 1:0-50",
      "0:0-20 0:20-40 0:40-70 2:0-10",
      "0:0-20 3:0-25",
    ]);
    expect(lengthsOf(workflow as Workflow).map(({ prompt }) => prompt)).toEqual([100, 90, 80, 45]);
  });

  test("an output is taken over whole or not at all", () => {
    const [workflow] = readLmcache(
      session([0, 100, 10, -1, 0], [1, 150, 5, 0, 110], [2, 150, 5, 0, 105], [3, 200, 5, 1, 155]),
      "f",
      { seed: 1 },
    );
    expect(prompts(workflow)).toEqual([
      "0:0-100",
      "0:0-100 call-0 1:0-40",
      "0:0-100 2:0-50",
      "0:0-100 call-0 1:0-40 call-1 3:0-45",
    ]);
  });

  test.each([
    ["nothing", ""],
    ["a prefix of a later call", session([0, 10, 1, 0, 5])],
    ["no calls", session()],
    ["half a token", session([0, 1.5, 1, -1, 0])],
  ])("refuses %s", (_, text) => {
    expect(() => readLmcache(text, "f", { seed: 1 })).toThrow(InputError);
  });

  test.skipIf(!hasData).each(["magagent", "miniswe", "taubench"])("the tokens of %s are those of the trace", (name) => {
    const text = readData("lmcache-agent-trace", `${name}.ndjson.gz`);
    type Entry = { in: number; out: number; prefixFrom: number; prefixTok: number };
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { calls: Entry[] });
    for (const [index, workflow] of readLmcache(text, "f", { seed: 1 }).entries()) {
      expectWhole(workflow);
      const calls = lines[index]?.calls ?? [];
      const lengths = lengthsOf(workflow);
      expect(lengths.map(({ prompt }) => prompt)).toEqual(calls.map((call) => Math.max(1, call.in)));
      expect(lengths.map(({ output }) => output)).toEqual(calls.map((call) => Math.max(1, call.out)));
    }
  });
});
