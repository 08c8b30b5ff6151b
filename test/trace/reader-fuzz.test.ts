/** Whatever comes in: whole workflows come out, or an InputError. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Workflow } from "../../src/model/workflow.ts";
import { annotateGraph } from "../../src/trace/annotate.ts";
import { readDify } from "../../src/trace/dify.ts";
import { readFlowise } from "../../src/trace/flowise.ts";
import { InputError } from "../../src/trace/input-error.ts";
import { readKvCacheTester } from "../../src/trace/kv-cache-tester.ts";
import { readLmcache } from "../../src/trace/lmcache.ts";
import { readMiniSweAgent } from "../../src/trace/mini-swe-agent.ts";
import type { TaskGraph } from "../../src/trace/task-graph.ts";
import { expectWhole } from "./whole.ts";
import { codePoint } from "../support/code-point.ts";
import { portionOf } from "../support/portion.ts";

const annotated = (graphs: readonly TaskGraph[]): readonly Workflow[] =>
  graphs.map((graph, index) => annotateGraph(graph, { seed: 1, id: `${index}` }));

const call = { t: 3, type: "n", model: "opus", in: 200, out: 5, api_time: 1, h: [2, 3, [7, 4]] };

type Case = { readonly read: (text: string) => readonly Workflow[]; readonly valid: readonly unknown[] };

const cases: { readonly [name: string]: Case } = {
  dify: {
    read: (text) => annotated(readDify(text, "f")),
    valid: [
      {
        app: { name: "A" },
        workflow: {
          graph: {
            nodes: [
              {
                id: "a",
                data: { type: "llm", title: "A", model: { name: "m" }, prompt_template: [{ text: "hello" }] },
              },
              { id: "b", data: { type: "iteration", title: "B" } },
              { id: "c", parentId: "b", data: { type: "llm", title: "C" } },
            ],
            edges: [
              { source: "a", target: "b" },
              { source: "b", target: "a" },
            ],
          },
        },
      },
      {
        file: "x",
        nodes: [
          { id: "a", type: "llm", title: "A" },
          { id: "b", type: "loop", parent: "a" },
        ],
        edges: [["a", "b", "s"]],
      },
    ],
  },
  flowise: {
    read: (text) => annotated(readFlowise(text, "f")),
    valid: [
      {
        nodes: [
          { id: "a", data: { name: "llmAgentflow", label: "A", inputs: { llmModel: "m" } } },
          { id: "b", parentNode: "c", data: { name: "agentAgentflow", label: "B" } },
          { id: "c", data: { name: "iterationAgentflow", label: "C" } },
        ],
        edges: [
          { source: "a", target: "c" },
          { source: "c", target: "a" },
        ],
      },
    ],
  },
  "kv-cache-tester": {
    read: (text) => readKvCacheTester(text, "f", { seed: 1 }),
    valid: [
      {
        id: "s",
        block_size: 64,
        requests: [
          { ...call, h: [0, 1, 2] },
          call,
          { t: 4, type: "subagent", requests: [{ ...call, h: [0, [5, 2]] }] },
          call,
        ],
      },
    ],
  },
  "mini-swe-agent": {
    read: (text) => readMiniSweAgent(text, "f", { seed: 1 }),
    valid: [
      {
        id: "r",
        steps: [
          [1, 100, 5, 0, 0, 1],
          [9, 150, 5, 0, 0, 1],
          [12, 120, 0, 0, 0, 1],
        ],
      },
    ],
  },
  lmcache: {
    read: (text) => readLmcache(text, "f", { seed: 1 }),
    valid: [
      {
        session: "s",
        calls: [
          { t: 0, in: 100, out: 5, prefixFrom: -1, prefixTok: 0 },
          { t: 1, in: 150, out: 0, prefixFrom: 0, prefixTok: 105 },
          { t: 2, in: 90, out: 5, prefixFrom: 1, prefixTok: 60 },
        ],
      },
    ],
  },
};

/** Runs of edits of a valid document: a value somewhere inside is replaced, dropped or put in twice. */
function mutate(value: unknown, picks: readonly number[], graft: unknown): unknown {
  const [pick = 0, ...rest] = picks;
  if (typeof value !== "object" || value === null || rest.length === 0) return graft;
  if (Array.isArray(value)) {
    const list: unknown[] = [...(value as readonly unknown[])];
    if (list.length === 0) return graft;
    const at = pick % list.length;
    if (pick % 7 === 0) list.splice(at, 1);
    else if (pick % 7 === 1) list.push(list[at]);
    else list[at] = mutate(list[at], rest, graft);
    return list;
  }
  const entries = Object.entries(value);
  const [key] = entries[pick % Math.max(1, entries.length)] ?? [];
  if (key === undefined) return graft;
  return Object.fromEntries(entries.map(([name, inner]) => [name, name === key ? mutate(inner, rest, graft) : inner]));
}

const tame = (read: Case["read"], text: string): void => {
  let workflows: readonly Workflow[];
  try {
    workflows = read(text);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return;
  }
  for (const workflow of workflows) expectWhole(workflow);
};

describe.each(Object.entries(cases))("%s", (_, { read, valid }) => {
  test("valid documents are read", () => {
    for (const document of valid) expect(read(JSON.stringify(document)).length).toBeGreaterThan(0);
  });

  test("any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: codePoint }), (text) => tame(read, text)),
      { numRuns: portionOf(300) },
    );
  });

  test("any JSON, alone and in lines", () => {
    fc.assert(
      fc.property(fc.array(fc.json(), { maxLength: 3 }), (values) => tame(read, values.join("\n"))),
      { numRuns: portionOf(300) },
    );
  });

  test("valid documents with something wrong", () => {
    const grafts = fc.oneof(
      fc.integer({ min: -2, max: 300 }),
      fc.double(),
      fc.constantFrom(
        "a",
        "b",
        "c",
        "llm",
        "iteration",
        "subagent",
        "__proto__",
        "constructor",
        "",
        null,
        [],
        {},
        1e300,
        2 ** 53,
      ),
      fc.jsonValue(),
    );
    const edits = fc.array(fc.tuple(fc.array(fc.nat(100), { minLength: 1, maxLength: 8 }), grafts), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...valid), edits, (document, list) => {
        const mutated = list.reduce<unknown>((value, [picks, graft]) => mutate(value, picks, graft), document);
        tame(read, JSON.stringify(mutated) ?? "");
      }),
      { numRuns: portionOf(1000) },
    );
  });
});
