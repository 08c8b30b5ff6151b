import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseWorkloadFile, writeWorkload } from "../../src/trace/workload-file.ts";
import { attempt, broken, refusal, workloadDocument } from "./documents.ts";
import { portionOf } from "../support/portion.ts";

const stage = { id: "s", kind: "llm", model: "llama-3.1-8b", prompt: [], output: { actual: 5 } };
const withStages = (...stages: unknown[]): string =>
  JSON.stringify({ version: 1, id: "w", workflows: [{ id: "a", stages }] });
const parse = (text: string): ReturnType<typeof parseWorkloadFile> => parseWorkloadFile(text, "f");

test("the example reads, and its own model stands before those of the catalogue", () => {
  const { workload, models } = parseWorkloadFile(readFileSync("examples/workload.yaml", "utf8"), "workload.yaml");
  expect(workload.workflows.map((workflow) => workflow.stages.length)).toEqual([4, 3]);
  expect(models.map((model) => model.id)).toEqual(["reader-3b", "embed-1.2b", "llama-3.1-8b"]);
});

test("what is left out has its default", () => {
  const { workload } = parse(withStages(stage, { id: "t", kind: "tool", actualUs: 7 }));
  expect(workload.workflows).toStrictEqual([
    {
      id: "a",
      arrivalUs: 0,
      reveal: "static",
      stages: [
        {
          kind: "llm",
          id: "s",
          parents: [],
          priority: 0,
          model: "llama-3.1-8b",
          prompt: [],
          items: 1,
          output: { actual: 5, estimate: 5, limit: 4096 },
        },
        { kind: "tool", id: "t", parents: [], priority: 0, estimateUs: 7, actualUs: 7 },
      ],
    },
  ]);
});

test("stages are put behind their parents, others stay where they are", () => {
  const named = (id: string, ...parents: string[]): unknown => ({
    ...stage,
    id,
    parents: parents.map((parent) => ({ stage: parent })),
  });
  const { workload } = parse(withStages(named("z"), named("d", "c"), named("b"), named("c", "b"), named("a")));
  expect(workload.workflows[0]?.stages.map(({ id }) => id)).toEqual(["z", "b", "c", "d", "a"]);
});

test("workflows come by arrival, equal ones as in the file", () => {
  const workflows = [3, 1, 1, 0].map((arrivalUs, index) => ({ id: `${index}`, arrivalUs, stages: [stage] }));
  const { workload } = parse(JSON.stringify({ version: 1, id: "w", workflows }));
  expect(workload.workflows.map(({ id }) => id)).toEqual(["3", "1", "2", "0"]);
});

test.each([
  [
    "an unknown model",
    [{ ...stage, model: "llama-3.1-8c" }],
    'stages[0].model: found "llama-3.1-8c", expected a model of the catalogue or one described in the file; did you mean llama-3.1-8b?',
  ],
  ["an unknown key", [{ ...stage, promt: [] }], "stages[0].promt: found an unknown key, expected one of"],
  ["a missing key", [{ ...stage, model: undefined }], "stages[0].model: found nothing, expected text of 1 to 300"],
  [
    "an unknown kind",
    [{ ...stage, kind: "llmm" }],
    'stages[0].kind: found "llmm", expected "llm" or "embed" or "tool"',
  ],
  [
    "an unknown parent",
    [{ ...stage, parents: [{ stage: "x" }] }],
    'stages[0].parents[0].stage: found "x", expected a stage of this workflow',
  ],
  [
    "a parent twice",
    [stage, { ...stage, id: "b", parents: [{ stage: "s" }, { stage: "s" }] }],
    'stages[1].parents[1].stage: found "s" again',
  ],
  ["a stage twice", [stage, stage], 'stages[1].id: found "s" again, expected an id of its own'],
  [
    "an output above its limit",
    [{ ...stage, output: { actual: 5, limit: 4 } }],
    "stages[0].output.actual: found 5, expected at most limit, 4",
  ],
  [
    "an estimate above its limit",
    [{ ...stage, output: { actual: 1, estimate: 9, limit: 4 } }],
    "stages[0].output.estimate: found 9",
  ],
  [
    "a branch without a chance",
    [{ ...stage, branch: { runs: true } }],
    "stages[0].branch.chance: found nothing, expected a number from 0 to 1",
  ],
  [
    "a chance above 1",
    [{ ...stage, branch: { chance: 1.2, runs: true } }],
    "stages[0].branch.chance: found 1.2, expected a number from 0 to 1",
  ],
  [
    "a branch that does not come as it is certain to",
    [{ ...stage, branch: { chance: 1, runs: false } }],
    "stages[0].branch.runs: found false, expected true, as chance is 1",
  ],
  [
    "a tool that runs without a chance",
    [{ id: "t", kind: "tool", actualUs: 1, branch: { chance: 0, runs: true } }],
    "stages[0].branch.runs: found true, expected false, as chance is 0",
  ],
  ["no items", [{ ...stage, items: 0 }], "stages[0].items: found 0, expected a whole number from 1 to 1000000"],
  [
    "text from a tool",
    [
      { id: "t", kind: "tool", actualUs: 1 },
      { ...stage, parents: [{ stage: "t" }], prompt: [{ kind: "output", stage: "t" }] },
    ],
    "stages[1].prompt[0].stage: found t, tool stage, expected an llm stage",
  ],
  [
    "text from a stranger",
    [stage, { ...stage, id: "b", prompt: [{ kind: "output", stage: "s" }] }],
    "stages[1].prompt[0].stage: found s, expected an ancestor",
  ],
  ["its own text", [{ ...stage, prompt: [{ kind: "output", stage: "s" }] }], "expected an ancestor"],
  ["an embedding that writes", [{ ...stage, kind: "embed" }], "stages[0].output: found 5 tokens, expected none"],
  ["no stages", [], "stages: found 0 entries, expected a list of 1 to 100000"],
  ["a slash in a stage's id", [{ ...stage, id: "a/b" }], 'stages[0].id: found "a/b"'],
])("refuses %s, and says where", (_, stages, message) => {
  expect(refusal(() => parse(withStages(...stages)))).toContain(message);
});

test("a fault in a file of several lines has its line, of shape and of sense", () => {
  const head = "version: 1\nid: w\nworkflows:\n  - id: a\n    stages:\n";
  const tool = (text: string): string => `      - { kind: tool, actualUs: 1, ${text} }\n`;
  expect(refusal(() => parse(`${head}${tool("id: s")}${tool("id: t, actual: 2")}`))).toMatch(
    /^f: line 7: workflows\[0\]\.stages\[1\]\.actual: found an unknown key/,
  );
  expect(refusal(() => parse(`${head}${tool("id: s")}${tool("id: s")}`))).toMatch(
    /^f: line 7: workflows\[0\]\.stages\[1\]/,
  );
});

test("names the cycle", () => {
  const ring = (id: string, parent: string): unknown => ({ ...stage, id, parents: [{ stage: parent }] });
  expect(refusal(() => parse(withStages(ring("a", "c"), ring("b", "a"), ring("c", "b"))))).toBe(
    "f: workflows[0].stages: found a cycle b -> c -> a -> b, expected no cycle",
  );
});

test("a grandparent's text may be repeated", () => {
  const below = (id: string, parent: string, ...texts: string[]): unknown => ({
    ...stage,
    id,
    parents: [{ stage: parent }],
    prompt: texts.map((source) => ({ kind: "output", stage: source })),
  });
  expect(attempt(() => parse(withStages(stage, below("b", "s"), below("c", "b", "s", "b")))).ok).toBe(true);
});

test("workload lines name the line", () => {
  const lines = [
    JSON.stringify({ version: 1, id: "w" }),
    JSON.stringify({ id: "a", stages: [stage] }),
    JSON.stringify({ id: "a", stages: [{ ...stage, items: "many" }] }),
  ];
  expect(refusal(() => parse(lines.join("\n")))).toBe(
    'f: line 3: stages[0].items: found "many", expected a whole number from 1 to 1000000',
  );
  expect(parse(lines.slice(0, 2).join("\n")).workload.workflows).toHaveLength(1);
});

test("a cap of its own does not follow from the true length, but is one of few", () => {
  const limit = (actual: number): number | undefined => {
    const first = parse(withStages({ ...stage, output: { actual } })).workload.workflows[0]?.stages[0];
    return first?.kind === "llm" ? first.output.limit : undefined;
  };
  expect([0, 4095, 4096, 5000, 8191, 8192].map(limit)).toEqual([4096, 4096, 8192, 8192, 8192, 16384]);
});

test("what is written reads back to the same", () => {
  fc.assert(
    fc.property(workloadDocument, (document) => {
      const { workload, models } = parse(JSON.stringify(document));
      expect(parseWorkloadFile(writeWorkload(workload, models), "g.ndjson")).toStrictEqual({ workload, models });
    }),
    { numRuns: portionOf(300) },
  );
});

test("JSON, YAML and lines say the same", () => {
  fc.assert(
    fc.property(workloadDocument, (document) => {
      const { workflows, ...header } = document as { workflows: unknown[] };
      const whole = parse(JSON.stringify(document));
      expect(parseWorkloadFile(JSON.stringify(document, null, 1), "f.yaml")).toStrictEqual(whole);
      const lines = [header, ...workflows].map((line) => JSON.stringify(line)).join("\r\n");
      expect(parseWorkloadFile(lines, "f.ndjson")).toStrictEqual(whole);
    }),
    { numRuns: portionOf(100) },
  );
});

test("a workload without workflows reads back too", () => {
  const empty = { workload: { id: "w", workflows: [] }, models: [] };
  expect(parse(writeWorkload(empty.workload, empty.models))).toStrictEqual(empty);
});

test("a broken document is a workload or an InputError", () => {
  fc.assert(
    fc.property(broken(workloadDocument), fc.boolean(), (document, yaml) => {
      const outcome = attempt(() => parseWorkloadFile(JSON.stringify(document), yaml ? "f.yaml" : "f.json"));
      if (outcome.ok) {
        const { workload, models } = outcome.value;
        expect(parse(writeWorkload(workload, models)).workload).toStrictEqual(workload);
      }
    }),
    { numRuns: portionOf(500) },
  );
});
