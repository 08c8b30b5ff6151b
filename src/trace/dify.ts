/** Dify applications: an exported DSL document in YAML (or JSON), or one graph a line in the compact form. */

import type { ApplicationGraph, ApplicationNode, NodeRole } from "./application/graph.ts";
import {
  anything,
  compactEdges,
  compactShape,
  guessTokens,
  isCompact,
  linkEdges,
  linkShape,
  loose,
  maxNodes,
  nodeId,
  optionalText,
  parseDocuments,
  roleOf,
  toTaskGraphs,
} from "./application/node-shapes.ts";
import { InputError } from "./input-error.ts";
import { parseYaml } from "./parse-text.ts";
import { array, openObject, optional, parseAs, withDefault } from "./shape.ts";
import type { TaskGraph } from "./task-graph.ts";

const pass: NodeRole = { kind: "pass" };
/** Seconds of tools are assumed. What is not listed is a tool. */
const roles: { readonly [type: string]: NodeRole } = {
  llm: { kind: "llm" },
  agent: { kind: "llm" },
  "parameter-extractor": { kind: "llm" },
  "question-classifier": { kind: "llm" },
  "knowledge-retrieval": { kind: "embed" },
  code: { kind: "tool", seconds: 0.05 },
  "http-request": { kind: "tool", seconds: 1 },
  "document-extractor": { kind: "tool", seconds: 1 },
  tool: { kind: "tool", seconds: 2 },
  iteration: { kind: "container", repeats: "side-by-side" },
  loop: { kind: "container", repeats: "in-a-row" },
  start: pass,
  end: pass,
  answer: pass,
  "if-else": pass,
  "template-transform": pass,
  "variable-aggregator": pass,
  "variable-assigner": pass,
  assigner: pass,
  "list-operator": pass,
  "iteration-start": pass,
  "loop-start": pass,
  "loop-end": pass,
  "human-input": pass,
  "": { kind: "note" },
  note: { kind: "note" },
};
const documentShape = openObject({
  app: withDefault(openObject({ name: withDefault(loose, "") }), { name: "" }),
  workflow: openObject({
    graph: openObject({
      nodes: array(
        openObject({
          id: nodeId,
          type: optional(loose),
          parentId: optional(loose),
          data: openObject({
            type: withDefault(loose, ""),
            title: withDefault(loose, ""),
            model: optional(anything),
            prompt_template: optional(anything),
            iteration_id: optional(loose),
            loop_id: optional(loose),
          }),
        }),
        { max: maxNodes },
      ),
      edges: linkShape,
    }),
  }),
});

export function readDify(content: string, file: string): TaskGraph[] {
  const documents = /^\s*\{/.test(content)
    ? [...parseDocuments(content, file)]
    : [{ label: "", value: parseYaml(content, file) }];
  if (documents.length === 0) throw new InputError(file, "", "nothing", "a graph");
  const graphs = documents.map(({ label, value }) =>
    isCompact(value) ? fromCompact(value, file, label) : fromDocument(value, file, label),
  );
  return toTaskGraphs(graphs, file);
}

function fromCompact(value: unknown, file: string, label: string): ApplicationGraph {
  const graph = parseAs(compactShape, value, file, label);
  const name = optionalText(graph.name) ?? optionalText(graph.file) ?? "dify";
  const nodes = graph.nodes.map((node) =>
    toNode({ ...node, title: node.title ?? node.label ?? "" }, roleOf(roles, node.type)),
  );
  return { name, family: "dify", nodes, edges: compactEdges(graph.edges) };
}

function fromDocument(value: unknown, file: string, label: string): ApplicationGraph {
  const { app, workflow } = parseAs(documentShape, value, file, label);
  const nodes = workflow.graph.nodes.map(({ id, type = "custom", parentId, data }) => {
    const parent = optionalText(parentId) ?? optionalText(data.iteration_id) ?? optionalText(data.loop_id);
    const role = roleOf(roles, type === "custom-note" ? "note" : data.type);
    const characters = countCharacters(data.prompt_template, 0);
    return toNode(
      {
        id,
        type: data.type,
        title: data.title,
        ...given("model", nameOfModel(data.model)),
        ...given("parent", parent),
        ...(characters === 0 ? {} : { promptTokens: guessTokens(characters) }),
      },
      role,
    );
  });
  return { name: optionalText(app.name) ?? file, family: "dify", nodes, edges: linkEdges(workflow.graph.edges) };
}

type NodeParts = Omit<ApplicationNode, "role">;

function toNode({ id, type, title, model, promptTokens, parent }: NodeParts, role: NodeRole): ApplicationNode {
  return {
    id,
    role,
    type,
    title,
    ...given("model", model),
    ...given("promptTokens", promptTokens),
    ...given("parent", parent),
  };
}

function given<K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: T });
}

function nameOfModel(model: unknown): string | undefined {
  if (typeof model !== "object" || model === null || !("name" in model)) return undefined;
  return typeof model.name === "string" ? optionalText(model.name.slice(0, 200)) : undefined;
}

/** Characters of all texts of a template: a text, messages with a text each, or one such message. */
function countCharacters(template: unknown, depth: number): number {
  if (typeof template === "string") return Math.min(template.length, 1_000_000);
  if (typeof template !== "object" || template === null || depth > 3) return 0;
  const parts: readonly unknown[] = Array.isArray(template) ? template : "text" in template ? [template.text] : [];
  return parts.reduce<number>((sum, part) => sum + countCharacters(part, depth + 1), 0);
}
