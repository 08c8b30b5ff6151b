import { describe, expect, test } from "vitest";
import { annotateGraph } from "../../src/trace/annotate.ts";
import { readFlowise } from "../../src/trace/flowise.ts";
import { InputError } from "../../src/trace/input-error.ts";
import { expectWhole, hasData, readData } from "./whole.ts";

const node = (id: string, name: string, more: object = {}): object => ({
  id,
  type: "agentFlow",
  data: { id, name, label: id.toUpperCase(), inputs: { llmModel: "chatOpenAI" } },
  ...more,
});

const exported = JSON.stringify(
  {
    nodes: [
      node("start", "startAgentflow"),
      node("plan", "llmAgentflow"),
      node("each", "iterationAgentflow"),
      node("work", "agentAgentflow", { parentNode: "each" }),
      node("more", "conditionAgentAgentflow"),
      node("back", "loopAgentflow"),
      node("post", "httpAgentflow"),
    ],
    edges: [
      ["start", "plan"],
      ["plan", "each"],
      ["each", "more"],
      ["more", "back"],
      ["more", "post"],
      ["more", "plan"],
    ].map(([source, target]) => ({ source, target })),
  },
  undefined,
  2,
);

describe("flowise", () => {
  test("an exported agent flow; the edge that leads back is cut", () => {
    const [graph] = readFlowise(exported, "flow.json");
    expect(graph?.tasks.map(({ name, kind, parents }) => [name, kind, parents.map(({ task }) => task)])).toEqual([
      ["PLAN", "llm", []],
      ["WORK", "llm", [0]],
      ["WORK", "llm", [0]],
      ["WORK", "llm", [0]],
      ["MORE", "llm", [1, 2, 3]],
      ["POST", "tool", [4]],
    ]);
    expect(graph?.tasks[0]?.category).toBe("flowise:flow.json:chatOpenAI");
    if (graph !== undefined) expectWhole(annotateGraph(graph, { seed: 1 }));
  });

  test("flows that wire up parts are refused alone and passed over among others", () => {
    const line = (type: string): string =>
      JSON.stringify({ file: type, nodes: [{ id: "x", type, label: "X" }], edges: [] });
    expect(readFlowise(`${line("chatOpenAI")}\n${line("llmAgentflow")}`, "f").map(({ name }) => name)).toEqual([
      "llmAgentflow",
    ]);
    expect(() => readFlowise(line("chatOpenAI"), "f")).toThrow("no agent flow of version 2");
    expect(() => readFlowise(line("httpAgentflow"), "f")).toThrow("a graph without a call");
  });

  test.each([
    ["nothing", ""],
    ["a number", "1"],
    ["half a document", exported.slice(0, 200)],
  ])("refuses %s", (_, text) => {
    expect(() => readFlowise(text, "f")).toThrow(InputError);
  });

  test.skipIf(!hasData)("the public agent flows", () => {
    const graphs = readFlowise(readData("flowise", "flowise-dags.ndjson"), "f");
    expect(graphs).toHaveLength(13);
    for (const graph of graphs) expectWhole(annotateGraph(graph, { seed: 1 }));
  });
});
