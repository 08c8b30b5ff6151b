import { describe, expect, test } from "vitest";
import { annotateGraph } from "../../src/trace/annotate.ts";
import { readDify } from "../../src/trace/dify.ts";
import { InputError } from "../../src/trace/input-error.ts";
import { expectWhole, hasData, readData } from "./whole.ts";

const exported = `
app:
  mode: workflow
  name: Translate
kind: app
workflow:
  graph:
    nodes:
      - {id: start, type: custom, data: {type: start, title: Start}}
      - {id: note, type: custom-note, data: {type: "", title: "", text: hello}}
      - id: find
        type: custom
        data: {type: knowledge-retrieval, title: Find}
      - id: draft
        type: custom
        data:
          type: llm
          title: Draft
          model: {provider: x, name: gpt-4o}
          prompt_template: [{role: system, text: "${"x".repeat(400)}"}]
      - {id: each, type: custom, data: {type: iteration, title: Each}}
      - {id: each-start, type: custom-iteration-start, parentId: each, data: {type: iteration-start, title: ""}}
      - {id: polish, type: custom, parentId: each, data: {type: llm, title: Polish, model: {name: gpt-4o}}}
      - {id: end, type: custom, data: {type: end, title: End}}
    edges:
      - {source: start, target: find, type: custom}
      - {source: find, target: draft}
      - {source: draft, target: each}
      - {source: each-start, target: polish}
      - {source: each, target: end}
`;

describe("dify", () => {
  test("an exported application", () => {
    const [graph, ...others] = readDify(exported, "translate.yml");
    expect(others).toEqual([]);
    expect(graph?.name).toBe("Translate");
    expect(
      graph?.tasks.map(({ name, kind, category, parents }) => [name, kind, category, parents.map(({ task }) => task)]),
    ).toEqual([
      ["Find", "embed", "dify:Translate:knowledge-retrieval", []],
      ["Draft", "llm", "dify:Translate:gpt-4o", [0]],
      ["Polish", "llm", "dify:Translate:gpt-4o", [1]],
      ["Polish", "llm", "dify:Translate:gpt-4o", [1]],
      ["Polish", "llm", "dify:Translate:gpt-4o", [1]],
    ]);
    expect(graph?.tasks[1]?.promptTokens).toBe(100);
    if (graph !== undefined) expectWhole(annotateGraph(graph, { seed: 1 }));
  });

  test("one graph a line, and those without a language model passed over", () => {
    const line = (type: string): string =>
      JSON.stringify({
        file: "a.yml",
        name: "A",
        nodes: [{ id: "x", type, title: "X", model: "m" }],
        edges: [["x", "gone", "source"]],
      });
    const graphs = readDify(`${line("llm")}\n${line("code")}\n${line("constructor")}\n`, "f");
    expect(graphs.map((graph) => graph.tasks.map((task) => task.category))).toEqual([["dify:A:m"]]);
    expect(() => readDify(line("code"), "f")).toThrow("a graph without a call of a language model");
    expect(() => readDify(`${line("code")}\n${line("tool")}`, "f")).toThrow("2 graphs without a call");
  });

  test.each([
    ["nothing", ""],
    ["another document", "a: 1"],
    ["broken YAML", "a: [1"],
    ["broken JSON", "{"],
  ])("refuses %s", (_, text) => expect(() => readDify(text, "f")).toThrow(InputError));

  test.skipIf(!hasData)("the public applications", () => {
    const graphs = readDify(readData("dify", "dify-dags.ndjson"), "f");
    // 7 of the 46 call no language model.
    expect(graphs).toHaveLength(39);
    for (const graph of graphs) expectWhole(annotateGraph(graph, { seed: 1 }));
  });
});
