/**
 * Flowise applications: an exported agent flow (version 2) in JSON, or one graph a line in the compact form.
 * Older flows wire up parts and say nothing of the order in which they run, so they are passed over. The compact form does
 * not say what lies in an iteration: such nodes stand beside it there.
 */

import type { ApplicationGraph, ApplicationNode, NodeRole } from "./application/graph.ts";
import {
  anything,
  compactEdges,
  compactShape,
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
import { array, openObject, optional, parseAs, withDefault } from "./shape.ts";
import type { TaskGraph } from "./task-graph.ts";

const pass: NodeRole = { kind: "pass" };
/** Seconds of tools are assumed. What is not listed is a tool. */
const roles: { readonly [type: string]: NodeRole } = {
  llmAgentflow: { kind: "llm" },
  agentAgentflow: { kind: "llm" },
  conditionAgentAgentflow: { kind: "llm" },
  retrieverAgentflow: { kind: "embed" },
  toolAgentflow: { kind: "tool", seconds: 2 },
  httpAgentflow: { kind: "tool", seconds: 1 },
  customFunctionAgentflow: { kind: "tool", seconds: 0.05 },
  iterationAgentflow: { kind: "container", repeats: "side-by-side" },
  startAgentflow: pass,
  conditionAgentflow: pass,
  loopAgentflow: pass,
  directReplyAgentflow: pass,
  humanInputAgentflow: pass,
  stickyNoteAgentflow: { kind: "note" },
  stickyNote: { kind: "note" },
};
const documentShape = openObject({
  nodes: array(
    openObject({
      id: nodeId,
      parentNode: optional(loose),
      data: openObject({ name: withDefault(loose, ""), label: withDefault(loose, ""), inputs: optional(anything) }),
    }),
    { max: maxNodes },
  ),
  edges: linkShape,
});

export function readFlowise(content: string, file: string): TaskGraph[] {
  const graphs: ApplicationGraph[] = [];
  for (const { label, value } of parseDocuments(content, file)) {
    const graph = isCompact(value) ? fromCompact(value, file, label) : fromDocument(value, file, label);
    if (graph.nodes.some((node) => node.type.endsWith("Agentflow"))) graphs.push(graph);
  }
  if (graphs.length === 0)
    throw new InputError(file, "", "no agent flow of version 2", "one: older flows have no order");
  return toTaskGraphs(graphs, file);
}

function fromCompact(value: unknown, file: string, label: string): ApplicationGraph {
  const graph = parseAs(compactShape, value, file, label);
  const nodes = graph.nodes.map(({ id, type, label: title = "", parent }): ApplicationNode => {
    const node = { id, role: roleOf(roles, type), type, title };
    return parent === undefined ? node : { ...node, parent };
  });
  return { name: optionalText(graph.file) ?? "flowise", family: "flowise", nodes, edges: compactEdges(graph.edges) };
}

function fromDocument(value: unknown, file: string, label: string): ApplicationGraph {
  const { nodes, edges } = parseAs(documentShape, value, file, label);
  const read = nodes.map(({ id, parentNode, data }): ApplicationNode => {
    const parent = optionalText(parentNode);
    const model = nameOfModel(data.inputs);
    return {
      id,
      role: roleOf(roles, data.name),
      type: data.name,
      title: data.label,
      ...(parent === undefined ? {} : { parent }),
      ...(model === undefined ? {} : { model }),
    };
  });
  const name = label === "" ? file : `${file} ${label}`;
  return { name, family: "flowise", nodes: read, edges: linkEdges(edges) };
}

/** A node names its model under its kind: `llmModel`, `agentModel`, `conditionAgentModel`. */
function nameOfModel(inputs: unknown): string | undefined {
  if (typeof inputs !== "object" || inputs === null) return undefined;
  const named: readonly unknown[] = ["llmModel", "agentModel", "conditionAgentModel"].map((key) =>
    Object.hasOwn(inputs, key) ? (inputs as Record<string, unknown>)[key] : undefined,
  );
  return named.find((name): name is string => typeof name === "string" && name !== "")?.slice(0, 200);
}
