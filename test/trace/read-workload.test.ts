import fc from "fast-check";
import { expect, test } from "vitest";
import { detectFormat } from "../../src/trace/detect-format.ts";
import { parseWorkload, type ReadOptions, workloadFormats } from "../../src/trace/read-workload.ts";
import { parseWorkloadFile, writeWorkload } from "../../src/trace/workload-file.ts";
import { attempt, broken, type Json, refusal } from "./documents.ts";
import { codePoint } from "../support/code-point.ts";
import { portionOf } from "../support/portion.ts";

/** A small document of each format, as the lines that a file has. */
const documents: { readonly [format: string]: readonly Json[] } = {
  fate: [
    {
      version: 1,
      id: "w",
      workflows: [{ id: "a", stages: [{ id: "t", kind: "tool", actualUs: 1 }] }],
    },
  ],
  wfformat: [
    {
      name: "blast",
      schemaVersion: "1.5",
      workflow: {
        specification: {
          tasks: [
            { name: "a", id: "a", parents: [], children: ["b"], outputFiles: ["f"] },
            { name: "b", id: "b", parents: ["a"], children: [], inputFiles: ["f"] },
          ],
          files: [{ id: "f", sizeInBytes: 9 }],
        },
      },
    },
  ],
  wfinstances: [
    {
      file: "m.json",
      app: "x/montage",
      tasks: [
        { n: "a", p: [], eb: [], r: 2 },
        { n: "b", p: [0], eb: [5], r: 1 },
      ],
    },
    { file: "m.json", app: "x/montage", tasks: [{ n: "a", p: [], eb: [] }] },
  ],
  mooncake: [
    { timestamp: 9, input_length: 600, output_length: 5, hash_ids: [1, 2] },
    { timestamp: 1, input_length: 600, output_length: 5, hash_ids: [1, 3] },
  ],
  "agentic-mooncake": [
    { request_id: "a", timestamp: 1, input_length: 600, output_length: 5, hash_ids: [1, 2] },
    { request_id: "b", wait_for: ["a"], tool_wait_ms: 2, input_length: 600, output_length: 5, hash_ids: [1, 3] },
  ],
  dify: [
    {
      file: "a.yml",
      name: "a",
      mode: "advanced-chat",
      nodes: [
        { id: "1", type: "start", title: "start" },
        { id: "2", type: "llm", title: "LLM", llm: true, promptTokens: 30 },
        { id: "3", type: "answer", title: "answer" },
      ],
      edges: [
        ["1", "2", "source"],
        ["2", "3", "source"],
      ],
    },
  ],
  flowise: [
    {
      file: "agentflowsv2/a.json",
      nodes: [
        { id: "startAgentflow_0", type: "startAgentflow", label: "Start" },
        { id: "llmAgentflow_0", type: "llmAgentflow", label: "LLM", llm: true },
      ],
      edges: [["startAgentflow_0", "llmAgentflow_0"]],
    },
  ],
  "kv-cache-tester": [
    {
      models: ["m"],
      block_size: 64,
      hash_id_scope: "local",
      tool_tokens: 10,
      system_tokens: 20,
      requests: [
        { t: 0, type: "n", model: "m", in: 200, out: 20, api_time: 2, think_time: 0, h: [0, [1, 3]] },
        { t: 5, type: "n", model: "m", in: 300, out: 30, api_time: 2, think_time: 1, h: [3, 9] },
      ],
    },
  ],
  "mini-swe-agent": [
    {
      id: "repo__1",
      resolved: true,
      exit: "Submitted",
      cost: 0.1,
      steps: [
        [1763508908, 3881, 126, 0, 80, 13207],
        [1763508913, 4932, 82, 2132, 0, 1942],
      ],
    },
  ],
  lmcache: [
    {
      session: "s",
      calls: [
        { t: 0, in: 303, out: 326, prefixFrom: -1, prefixTok: 0 },
        { t: 2.7, in: 865, out: 179, prefixFrom: 0, prefixTok: 279 },
      ],
    },
  ],
};

const lines = (rows: Json): string =>
  (Array.isArray(rows) ? rows : [rows]).map((row) => JSON.stringify(row)).join("\n");
const formats = Object.keys(documents);

test("there is a document for every format", () => {
  expect(["auto", ...formats].toSorted()).toEqual(workloadFormats.toSorted());
});

test.each(formats)("%s is known by its content, reads, and is written as our own", (format) => {
  const text = lines([...(documents[format] ?? [])]);
  const found = parseWorkload(text, "trace");
  expect(found.format).toBe(format);
  expect(found.workload.workflows.length).toBeGreaterThan(0);
  expect(parseWorkload(text, "trace", { format })).toStrictEqual(found);
  const { workload, models } = found;
  expect(parseWorkloadFile(writeWorkload(workload, models), "own")).toStrictEqual({ workload, models });
});

test("a document over several lines is known by its outermost keys, and YAML of Dify by its kind", () => {
  for (const format of ["fate", "wfformat", "flowise"])
    expect(parseWorkload(JSON.stringify(documents[format]?.[0], null, 2), "trace").format).toBe(format);
  expect(detectFormat("app:\n  mode: workflow\nkind: app\n", "a.yml")).toBe("dify");
  expect(detectFormat("version: 1\n", "a.yml")).toBe("fate");
});

test.each(formats)("broken %s is a workload or an InputError", (format) => {
  const document: fc.Arbitrary<Json> = fc.constant([...(documents[format] ?? [])]);
  fc.assert(
    fc.property(broken(document), fc.boolean(), (found, known) => {
      const outcome = attempt(() => parseWorkload(lines(found), "trace", known ? { format } : {}));
      if (!outcome.ok) return;
      const { workload, models } = outcome.value;
      expect(parseWorkloadFile(writeWorkload(workload, models), "own").workload).toStrictEqual(workload);
    }),
    { numRuns: portionOf(400) },
  );
});

test.each(workloadFormats)("any text and any JSON as %s is a workload or an InputError", (format) => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: codePoint, maxLength: 30 }), fc.json()), (text) => {
      attempt(() => parseWorkload(text, "trace", { format }));
    }),
    { numRuns: portionOf(200) },
  );
});

const mooncake = (options: ReadOptions): (readonly [string, number])[] =>
  parseWorkload(lines([...(documents["mooncake"] ?? [])]), "trace", options).workload.workflows.map(
    ({ id, arrivalUs }) => [id, arrivalUs] as const,
  );

test("arrivals are the trace's, all at once, or drawn by seed", () => {
  expect(mooncake({})).toEqual([
    ["request-1", 1000],
    ["request-0", 9000],
  ]);
  expect(mooncake({ arrival: { kind: "together" } }).map(([, atUs]) => atUs)).toEqual([0, 0]);
  const arrival = { kind: "poisson", meanGapUs: 1e6 } as const;
  const drawn = mooncake({ arrival, seed: 3 });
  expect(drawn).toEqual(mooncake({ arrival, seed: 3 }));
  expect(drawn).not.toEqual(mooncake({ arrival, seed: 4 }));
});

test("a limit takes the first", () => {
  expect(mooncake({ limit: 1 })).toHaveLength(1);
});

test("what is not known is said", () => {
  expect(refusal(() => parseWorkload('{"a":1}', "f"))).toContain('found an object with "a", expected a known format');
  expect(refusal(() => parseWorkload("", "f"))).toContain("f: found nothing, expected a workload");
  expect(refusal(() => parseWorkload("{}", "f", { format: "csv" }))).toContain(
    'found format "csv", expected one of auto',
  );
  expect(refusal(() => mooncake({ model: "llama-3.1-7b" }))).toContain("did you mean llama-3.1-");
});
