import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ModelStage, Segment, Stage, Workflow, Workload } from "../../src/model/workflow.ts";
import { readAgenticMooncake } from "../../src/trace/agentic-mooncake.ts";
import { readMooncake } from "../../src/trace/mooncake.ts";
import { parseWorkloadFile } from "../../src/trace/workload-file.ts";
import { listLost, writeAgenticMooncake } from "../../src/trace/write-agentic-mooncake.ts";
import { attempt, broken, type Json, refusal, workloadDocument } from "./documents.ts";
import { portionOf } from "../support/portion.ts";

const options = { model: "llama-3.1-70b" };
const lines = (rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row)).join("\n");
const request = (timestamp: number, input: number, ids: number[], more: Record<string, Json> = {}): Json => ({
  timestamp,
  input_length: input,
  output_length: 10,
  hash_ids: ids,
  ...more,
});
const read = (...rows: unknown[]): readonly Workflow[] => readMooncake(lines(rows), "f", options);
const prompts = (workflow: Workflow | undefined): unknown[] =>
  (workflow?.stages ?? []).flatMap((stage) => (stage.kind === "tool" ? [] : [stage.prompt]));

test("blocks that never part are one segment, and a part of a block is a block of its own", () => {
  const text = (key: string, tokens: number): unknown => ({ kind: "text", key, tokens });
  const [first, second, third] = read(
    request(0, 2000, [1, 2, 3, 4]),
    request(1.5, 1536, [1, 2, 9]),
    request(2, 1000, [7]),
  );
  expect(prompts(first)).toEqual([[text("mooncake:1+1", 1024), text("mooncake:3+1", 976)]]);
  expect(prompts(second)).toEqual([[text("mooncake:1+1", 1024), text("mooncake:9", 512)]]);
  expect(prompts(third)).toEqual([[text("mooncake:7", 512), { kind: "own", tokens: 488 }]]);
  expect(second).toMatchObject({ id: "request-1", arrivalUs: 1500, reveal: "static" });
});

test("a session is a chain with its gaps", () => {
  const [workflow, ...others] = read(
    request(5, 512, [1], { session_id: "s" }),
    request(3, 512, [1], { session_id: "s" }),
    request(9, 512, [1], { session_id: "s", delay: 0 }),
  );
  expect(others).toEqual([]);
  expect(workflow).toMatchObject({ id: "session-s", arrivalUs: 3000, reveal: "online" });
  expect(
    workflow?.stages.map((stage) => [stage.id, stage.kind, ...stage.parents.map((parent) => parent.stage)]),
  ).toEqual([
    ["turn-0", "llm"],
    ["wait-1", "tool", "turn-0"],
    ["turn-1", "llm", "wait-1"],
    ["turn-2", "llm", "turn-1"],
  ]);
  expect(workflow?.stages[1]).toMatchObject({ actualUs: 2000 });
});

test("more blocks than tokens are refused", () => {
  expect(refusal(() => read(request(0, 512, [1, 2])))).toBe(
    "f: line 1: hash_ids: found 2 blocks, expected at most 1: 512 tokens in blocks of 512",
  );
});

test("segments hold all tokens, and prompts share exactly the blocks they shared", () => {
  const trace = fc.array(fc.tuple(fc.array(fc.nat({ max: 3 }), { maxLength: 6 }), fc.nat({ max: 7 })), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(trace, (drafts) => {
      const rows = drafts.map(([ids, spare]) => request(0, ids.length * 4 + spare, ids));
      const workflows = readMooncake(lines(rows), "f", { ...options, blockTokens: 4 });
      const blocks = workflows.map((workflow) => {
        const keys: string[] = [];
        for (const segment of prompts(workflow).flat() as { kind: string; key: string; tokens: number }[]) {
          if (segment.kind !== "text") continue;
          for (let at = 0; at < segment.tokens; at += 4) keys.push(`${segment.key}@${at}`);
        }
        return keys;
      });
      for (const [left, [leftIds]] of drafts.entries()) {
        const { input_length: tokens } = rows[left] as { input_length: number };
        const held = (prompts(workflows[left]).flat() as { tokens: number }[]).reduce(
          (sum, { tokens: n }) => sum + n,
          0,
        );
        expect(held).toBe(tokens);
        for (const [right, [rightIds]] of drafts.entries())
          expect(common(blocks[left] ?? [], blocks[right] ?? [])).toBe(common(leftIds, rightIds));
      }
    }),
    { numRuns: portionOf(300) },
  );
});

function common<T>(left: readonly T[], right: readonly T[]): number {
  const end = left.findIndex((entry, index) => entry !== right[index]);
  return end === -1 ? left.length : end;
}

const agentic = (...rows: unknown[]): readonly Workflow[] => readAgenticMooncake(lines(rows), "f", options);
const row = (id: string, waitFor: string[], more: Record<string, Json> = {}): Record<string, Json> => ({
  request_id: id,
  input_length: 100,
  output_length: 10,
  hash_ids: [1],
  wait_for: waitFor,
  ...more,
});
const graph = (workflow: Workflow | undefined): string =>
  (workflow?.stages ?? [])
    .map((stage) => `${stage.parents.map((parent) => parent.stage).join("+")}>${stage.id}`)
    .join(" ");

test("requests that wait for one another are a workflow, and waits are tool stages", () => {
  const workflows = agentic(
    row("a", [], { timestamp: 7 }),
    row("b", ["a"], {
      delay: 2,
      tool_wait_ms: 3,
      tool_events: [{ any: "thing" }],
      branches: ["x"],
      prefix_reset: true,
    }),
    row("other", [], { timestamp: 1 }),
    row("c", ["a", "b", "a"]),
  );
  expect(workflows.map(({ id, arrivalUs }) => [id, arrivalUs])).toEqual([
    ["other", 1000],
    ["a", 7000],
  ]);
  expect(graph(workflows[1])).toBe(">a a>b:wait b:wait>b a+b>c");
  expect(workflows[1]?.stages[1]).toMatchObject({ kind: "tool", actualUs: 5000 });
});

test("a session holds together, and its later roots wait for their time", () => {
  const [workflow] = agentic(
    row("a", [], { timestamp: 9, session_id: "s" }),
    row("b", [], { timestamp: 4, session_id: "s" }),
  );
  expect(workflow).toMatchObject({ id: "s", arrivalUs: 4000 });
  expect(graph(workflow)).toBe(">a:wait a:wait>a >b");
});

test("what nobody has asked for cannot be waited for", () => {
  expect(refusal(() => agentic(row("a", ["b"])))).toBe(
    'f: line 1: wait_for[0]: found "b", expected a request_id of this file',
  );
  expect(refusal(() => agentic(row("a", []), row("a", [])))).toContain('line 2: request_id: found "a" again');
});

/** What an agentic trace keeps of a workload. Tool stages go without names, as those between calls have none there. */
function kept({ workflows }: Workload): unknown {
  return workflows.map((workflow) => {
    const stages = new Map(workflow.stages.map((stage) => [stage.id, stage]));
    const name = (stage: Stage): string =>
      stage.kind === "tool"
        ? `${stage.actualUs}us(${stage.parents.map((parent) => nameOf(parent.stage)).join("+")})`
        : stage.id;
    const nameOf = (id: string): string => {
      const stage = stages.get(id);
      return stage === undefined ? "?" : name(stage);
    };
    const tokens = (stage: Stage): number[] =>
      stage.kind === "tool"
        ? []
        : [
            stage.output.actual,
            stage.prompt.reduce((sum, segment) => {
              if (segment.kind !== "output") return sum + segment.tokens;
              const source = stages.get(segment.stage);
              return sum + (source === undefined || source.kind === "tool" ? 0 : source.output.actual);
            }, 0),
          ];
    const shown = workflow.stages.map((stage) =>
      JSON.stringify([name(stage), stage.parents.map((parent) => nameOf(parent.stage)), tokens(stage)]),
    );
    return [workflow.id, workflow.arrivalUs, shown.toSorted()];
  });
}

test("a workload keeps graph, tokens and arrivals through the agentic format", () => {
  fc.assert(
    fc.property(workloadDocument, (document) => {
      const { workload } = parseWorkloadFile(JSON.stringify(document), "f");
      // Calls of nothing at all are tool stages there.
      fc.pre(!JSON.stringify(kept(workload)).includes(",[0,0]]"));
      const workflows = readAgenticMooncake(writeAgenticMooncake(workload), "g", options);
      expect(kept({ id: "w", workflows })).toEqual(kept(workload));
    }),
    { numRuns: portionOf(500) },
  );
});

test("broken traces are workflows or an InputError", () => {
  const plain: Json = [request(0, 2000, [1, 2, 3]), request(3, 900, [1, 2], { session_id: "s", delay: 3 })];
  const woven: Json = [row("a", [], { timestamp: 1 }), row("b", ["a"], { tool_wait_ms: 3, session_id: "s" })];
  fc.assert(
    fc.property(broken(fc.constant(plain)), broken(fc.constant(woven)), (one, other) => {
      attempt(() => readMooncake(lines(Array.isArray(one) ? one : [one]), "f", options));
      attempt(() => readAgenticMooncake(lines(Array.isArray(other) ? other : [other]), "f", options));
    }),
    { numRuns: portionOf(1000) },
  );
});

describe("what a trace cannot tell is said", () => {
  const text: Segment = { kind: "text", key: "k", tokens: 1024 };
  const call = (id: string, parents: readonly string[], more: Partial<ModelStage> = {}): ModelStage => ({
    kind: "llm",
    id,
    parents: parents.map((stage) => ({ stage, bytes: 0 })),
    priority: 0,
    model: "m",
    prompt: [text, { kind: "own", tokens: 100 }],
    output: { estimate: 10, actual: 10, limit: 10 },
    items: 1,
    ...more,
  });
  const lost = (second: Partial<ModelStage>, more: Partial<Workflow> = {}): readonly string[] => {
    const stages = [call("a", []), call("b", ["a"], second)];
    return listLost({ id: "w", workflows: [{ id: "w", arrivalUs: 0, reveal: "online", stages, ...more }] });
  };

  test("nothing of what it tells", () => {
    expect(lost({})).toEqual([]);
    expect(lost({ prompt: [text, { kind: "output", stage: "a" }] })).toEqual([]);
  });

  test.for<[string, Partial<ModelStage>, Partial<Workflow>?]>([
    ["which of 2 models a call is for", { model: "n" }],
    ["that 1 of 2 calls embed", { kind: "embed" }],
    ["items of 1 of 2 calls", { items: 3 }],
    ["estimates and limits of 1 of 2 outputs", { output: { estimate: 9, actual: 10, limit: 10 } }],
    ["estimates and limits of 1 of 2 outputs", { output: { estimate: 10, actual: 10, limit: 20 } }],
    ["bytes that 1 of 2 stages read", { parents: [{ stage: "a", bytes: 8 }] }],
    ["branches of 1 of 2 stages, which all run", { branch: { chance: 0.5, runs: false } }],
    ["priorities of 1 of 2 stages", { priority: 1 }],
    ["where 1 of 2 calls may run", { allow: { labels: ["fast"] } }],
    ["that all workflows show their whole graph", {}, { reveal: "static" }],
    ["deadlines of all workflows", {}, { sloScale: 2 }],
    ["classes and tenants of all workflows", {}, { class: "chat" }],
    [
      "what 1 of 2 prompts share beyond their last whole block of 512 tokens",
      { prompt: [text, { ...text, key: "l", tokens: 100 }] },
    ],
  ])("%s", ([phrase, second, more]) => {
    expect(lost(second, more)).toEqual([phrase]);
  });
});
