import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { declaredShape } from "../../../src/gateway/declared/declared-shape.ts";
import { declaredSchema } from "../../../src/gateway/declared/write-schema.ts";
import { parseExpression } from "../../../src/gateway/declared/expression.ts";
import { parseDeclared, toDeclared, type DeclaredBounds } from "../../../src/gateway/declared/parse-declared.ts";
import type { WorkflowDefinition } from "../../../src/gateway/declared/wire.ts";
import { parseJsonOrYaml } from "../../../src/trace/parse-text.ts";
import { parseAs } from "../../../src/trace/shape.ts";
import { renderSchema } from "../../../src/trace/write-schemas.ts";
import { attempt, broken, refusal, type Json } from "../../trace/documents.ts";

const llm = { id: "a", kind: "llm", model: "m", prompt: "hello" };
const refused = (stages: readonly object[], rest: object = {}, bounds: DeclaredBounds = {}): string =>
  refusal(() => toDeclared({ ...rest, stages }, "f", bounds));

test("parents are whom a stage reads and whom it waits for, and come before it", () => {
  const text = `
    inputs: { topic: tea }
    stages:
      - { id: sum, kind: llm, model: m, prompt: "{{ stages.find.text }} {{ stages.plan.text }}", when: stages.gate.status == "ended" }
      - { id: gate, kind: tool, tool: t, after: [plan] }
      - { id: find, kind: tool, tool: t, body: { q: ["{{ stages.plan.text }}"] } }
      - { id: plan, kind: llm, model: m, system: "On {{ inputs.topic }}", prompt: go }
  `;
  const { stages } = parseDeclared(text, "w.yaml");
  expect(stages.map(({ id, parents }) => [id, parents])).toEqual([
    ["plan", []],
    ["gate", ["plan"]],
    ["find", ["plan"]],
    ["sum", ["gate", "find", "plan"]],
  ]);
});

test.each([
  ["declared-research.yaml", { topic: "tea" }, ["questions", "answers", "report", "second-look", "title"]],
  ["declared-look-up.yaml", { question: "Why?" }, ["keywords", "search", "answer", "doubts"]],
])("the example %s reads once its input is given", (file, inputs, ids) => {
  const text = readFileSync(`examples/workflows/${file}`, "utf8");
  expect(refusal(() => parseDeclared(text, file))).toContain("found null, expected a value: this input must be given");
  const value = parseJsonOrYaml(text, file) as { readonly inputs: object };
  const { stages } = toDeclared({ ...value, inputs: { ...value.inputs, ...inputs } }, file);
  expect(stages.map(({ id }) => id)).toEqual(ids);
});

test.each<[string, readonly object[], string]>([
  ["an unknown key", [{ ...llm, promt: "x" }], "f: stages[0].promt: found an unknown key, expected one of"],
  ["an unknown key, with a hint", [{ ...llm, temprature: 1 }], "did you mean temperature?"],
  ["an unknown kind", [{ ...llm, kind: "map" }], 'stages[0].kind: found "map", expected "llm" or "embed" or "tool"'],
  ["an id with a dot", [{ ...llm, id: "a.b" }], 'stages[0].id: found "a.b"'],
  ["a stage twice", [llm, llm], 'stages[1].id: found "a" again'],
  [
    "neither prompt nor messages",
    [{ id: "a", kind: "llm", model: "m" }],
    "stages[0].prompt: found nothing, expected either prompt or messages",
  ],
  [
    "both",
    [{ ...llm, messages: [{ role: "user", content: "x" }] }],
    "found messages as well, expected either prompt or messages",
  ],
  [
    "a cycle",
    [
      { ...llm, id: "a", after: ["b"] },
      { ...llm, id: "b", prompt: "{{ stages.a.text }}" },
    ],
    "f: stages: found a cycle b -> a -> b, expected no cycle",
  ],
  [
    "a parent that is nowhere",
    [
      { ...llm, id: "plan" },
      { ...llm, after: ["paln"] },
    ],
    'stages[1].after[0]: found "paln", expected a stage of this workflow; did you mean plan?',
  ],
  [
    "itself as a parent",
    [{ ...llm, prompt: "{{ stages.a.text }}" }],
    "stages[0].prompt: found a, the stage itself, expected another stage",
  ],
  [
    "a template that reads no stage",
    [{ ...llm, prompt: "{{ stages.b.text }}" }],
    'stages[0].prompt: found "b", expected a stage of this workflow',
  ],
  [
    "a template that reads no input",
    [{ ...llm, prompt: "{{ inputs.b }}" }],
    "stages[0].prompt: found inputs.b, expected an input",
  ],
  ["an unknown root", [{ ...llm, prompt: "{{ process.env }}" }], "found process.env, expected a path such as"],
  [
    "an item without a list",
    [{ ...llm, prompt: "{{ item }}" }],
    "found item, expected item and index only in prompts of a stage with over",
  ],
  ["an item in a condition", [{ ...llm, over: [1], when: "item > 1" }], "stages[0].when: found item"],
  [
    "data of plain text",
    [llm, { ...llm, id: "b", prompt: "{{ stages.a.json.x }}" }],
    "found stages.a.json.x, expected stages.a.text, or output: json or lines in a",
  ],
  [
    "a field that stages do not have",
    [llm, { ...llm, id: "b", prompt: "{{ stages.a.output }}" }],
    "found stages.a.output, expected stages.a.text, .json or .status",
  ],
  [
    "an open hole",
    [{ ...llm, prompt: "{{ inputs.x" }],
    "stages[0].prompt: found the end, expected and, or, a comparison or }}",
  ],
  ["a call", [{ ...llm, when: "eval(1)" }], "stages[0].when: found (, expected and, or, a comparison or the end"],
  [
    "an assignment",
    [{ ...llm, when: "inputs = 1" }],
    'stages[0].when: found "= 1", expected a path, a literal or an operator',
  ],
  ["a list that is more than a hole", [{ ...llm, over: "x {{ inputs.y }}" }], "stages[0].over: found"],
  [
    "a field that is the gateway's",
    [{ ...llm, params: { stream: true } }],
    "stages[0].params.stream: found a field that the stage's own keys write",
  ],
  [
    "a reserved key",
    [{ ...llm, params: { x: JSON.parse('{"__proto__":1}') as unknown } }],
    "found a reserved key, expected another name",
  ],
])("refuses %s", (_, stages, message) => {
  expect(refused(stages.map((stage) => JSON.parse(JSON.stringify(stage)) as object))).toContain(message);
});

test("outputs are stages of the workflow; unless said, those that nothing else reads", () => {
  const stages = [llm, { ...llm, id: "b", prompt: "{{ stages.a.text }}" }, { ...llm, id: "c" }];
  expect(toDeclared({ stages }, "f").outputs).toEqual(["b", "c"]);
  expect(toDeclared({ stages, outputs: ["a"] }, "f").outputs).toEqual(["a"]);
  expect(refused(stages, { outputs: ["a", "x"] })).toContain(
    'outputs[1]: found "x", expected a stage of this workflow',
  );
  expect(refused(stages, { outputs: ["a", "a"] })).toContain('outputs[1]: found "a" again');
});

describe("what a gateway knows", () => {
  test("its models and tools, with hints", () => {
    expect(refused([llm], {}, { models: ["mm", "n"] })).toBe(
      'f: stages[0].model: found "m", expected a model that this gateway knows (mm, n); did you mean mm?',
    );
    expect(refused([{ id: "t", kind: "tool", tool: "x" }], {}, { tools: [] })).toContain(
      "a tool that this gateway knows (none)",
    );
    expect(refused([llm], {}, { models: ["m"], embedding: new Set(["m"]) })).toContain('found "m", which only embeds');
  });

  test("its limits", () => {
    expect(refused([llm, { ...llm, id: "b" }], {}, { maxStages: 1 })).toContain("found 2 stages, expected at most 1");
    expect(refused([{ ...llm, over: [1, 2] }], {}, { maxItems: 1 })).toContain("found 2 items, expected at most 1");
    const fan = [llm, { ...llm, id: "b", after: ["a"] }, { ...llm, id: "c", after: ["a", "b"] }];
    expect(refused(fan, {}, { maxEdges: 2 })).toBe(
      "f: stages[2]: found 3 parents, with those of the stages before it, expected at most 2, as this gateway is configured",
    );
    expect(refused(fan.slice(0, 2), { outputs: ["x"] }, { maxEdges: 1 })).toContain("outputs");
  });

  test("how many holes and conditions there are", () => {
    const holes = [
      { ...llm, prompt: "{{ index }}{{ index }}", over: [1] },
      { ...llm, id: "b", when: "true", prompt: "{{ 1 }}" },
    ];
    expect(refused(holes, {}, { maxHoles: 3 })).toBe(
      "f: stages[1].prompt: found more than 3 holes and conditions, expected fewer in all of the workflow",
    );
    expect(toDeclared({ stages: holes }, "f", { maxHoles: 4 }).stages).toHaveLength(2);
  });

  test("how much is compared of inputs, over all stages", () => {
    const inputs = { list: [1, 2, 3], long: "aaaa" };
    const of = (when: string) => [
      { ...llm, prompt: "{{ inputs.long == 'aaab' }}" },
      { ...llm, id: "b", when, prompt: "{{ stages.a.text }}" },
    ];
    const bounds = { maxCompared: 10 };
    expect(
      refused(of("inputs.list contains 4 or inputs.list contains 1 and inputs.list contains 2"), { inputs }, bounds),
    ).toBe(
      "f: stages[1].when: found comparisons look at more than 10 characters and entries, expected less to compare of inputs in all of the workflow",
    );
    const two = "inputs.list contains 4 or inputs.list contains 3";
    // What is not looked at costs nothing, and what stages write is not known yet.
    for (const when of [two, `${two} or inputs.list contains 2`, `${two} and inputs.list contains stages.a.text`])
      expect(toDeclared({ inputs, stages: of(when) }, "f", bounds).stages).toHaveLength(2);
  });

  test("inputs must be given, and be read by something", () => {
    const reads = [{ ...llm, prompt: "{{ inputs.topic }}" }];
    expect(refused(reads, { inputs: { topic: null } })).toContain(
      "inputs.topic: found null, expected a value: this input must be given",
    );
    expect(refused(reads, { inputs: { topic: 1, topci: 2 } })).toContain(
      "inputs.topci: found an input that nothing reads, expected one of topic; did you mean topic?",
    );
  });
});

test("faults of the text say where", () => {
  expect(refusal(() => parseDeclared('{"stages": [}', "w.json"))).toBe('w.json: line 1:13: found "}", expected JSON');
  expect(refusal(() => parseDeclared("stages: [", "w.yaml"))).toContain("w.yaml: line 1:");
});

const definition: WorkflowDefinition = {
  name: "n",
  outputs: ["e"],
  class: "c",
  deadlineMs: 5,
  sloScale: 2,
  inputs: { topic: { deep: [1, null] }, list: ["x"] },
  stages: [
    {
      id: "t",
      kind: "tool",
      tool: "look",
      query: { q: "{{ inputs.topic.deep[0] }}" },
      body: { x: ["{{ inputs.list }}"] },
      expectMs: 3,
    },
    {
      id: "plan",
      kind: "llm",
      model: "m",
      system: "s",
      prompt: "p {{ stages.t.json }}",
      after: [],
      when: "stages.t.json.n > 1",
      chance: 0.2,
      priority: 1,
      retries: 0,
      onError: "skip",
      output: "lines",
      maxTokens: 9,
      expectTokens: 4,
      temperature: 0,
      topP: 1,
      seed: 3,
      stop: ["x"],
      params: { response_format: { type: "text" } },
      allow: { labels: ["l"] },
    } as const,
    {
      id: "map",
      kind: "llm",
      model: "m",
      over: "{{ stages.plan.json }}",
      messages: [{ role: "user", content: "{{ item }}" }],
    },
    { id: "e", kind: "embed", model: "m", prompt: "{{ stages.map.text }}", over: ["a", { b: 1 }] },
  ],
};

test("the published schema is that of the shape; if not, run `node src/gateway/declared/write-schema.ts`", () => {
  expect(readFileSync("schema/declared-workflow.schema.json", "utf8")).toBe(renderSchema(declaredSchema));
});

test("the schema and the parser accept the same documents", () => {
  const validate = new Ajv2020({ strict: true, strictTypes: false }).compile(declaredSchema);
  const document = fc.constant(JSON.parse(JSON.stringify(definition)) as Json);
  const seen = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(broken(document), (found) => {
      const value: unknown = JSON.parse(JSON.stringify(found));
      const outcome = attempt(() => parseAs(declaredShape, value, "f"));
      // What JSON Schema cannot say: a key that no value may have.
      fc.pre(outcome.ok || outcome.error.found !== "a reserved key");
      expect({ accepts: validate(value), found }).toEqual({ accepts: outcome.ok, found });
      seen[outcome.ok ? "accepted" : "refused"]++;
    }),
    { numRuns: 200 },
  );
  expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(10);
});

test("whatever it is given, the parser answers with a workflow in order or with where it stopped", () => {
  expect(toDeclared(definition, "f").stages.map(({ id }) => id)).toEqual(["t", "plan", "map", "e"]);
  fc.assert(
    fc.property(broken(fc.constant(JSON.parse(JSON.stringify(definition)) as Json)), (found) => {
      const outcome = attempt(() => toDeclared(found, "f"));
      if (!outcome.ok) {
        expect(outcome.error.message).toMatch(/^f: .*found .*, expected /s);
        return;
      }
      const seen = new Set<string>();
      for (const { id, parents } of outcome.value.stages) {
        expect(parents.every((parent) => seen.has(parent))).toBe(true);
        seen.add(id);
      }
    }),
    { numRuns: 200 },
  );
});

test("the workflow that docs/workflows.md begins with, and its conditions", () => {
  const page = readFileSync("docs/workflows.md", "utf8");
  const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, block = ""]) => block);
  const whole = blocks.find((block) => block.startsWith("# tea.yaml")) ?? "";
  const value = parseJsonOrYaml(whole, "tea.yaml") as object;
  expect(toDeclared({ ...value, inputs: { topic: "tea" } }, "tea.yaml").outputs).toEqual(["report"]);
  const when = blocks.flatMap((block) => /^when: (.*)$/m.exec(block)?.[1] ?? []);
  expect(when.map((text) => parseExpression(text).kind)).toEqual(["both"]);
});
