/** What the readers of application graphs share: documents or lines, and the compact form of one graph a line. */

import { InputError } from "../input-error.ts";
import { toTaskGraph } from "../application-graph.ts";
import type { ApplicationEdge, ApplicationGraph, NodeRole } from "./graph.ts";
import { ownOf } from "../../model/own.ts";
import { parseJson, parseLines } from "../parse-text.ts";
import { array, boolean, integer, openObject, optional, type Shape, text } from "../shape.ts";
import type { TaskGraph } from "../task-graph.ts";

export const maxNodes = 500;
const maxEdges = 10_000;

/** Editors leave titles, models and other texts empty. */
export const loose = text({ min: 0, max: 1000 });
export const nodeId = text({ max: 200 });

/** One graph a line: `{file, name?, nodes: [{id, type, title | label, llm?, model?, promptTokens?, parent?}], edges}`. */
export const compactShape = openObject({
  file: loose,
  name: optional(loose),
  nodes: array(
    openObject({
      id: nodeId,
      type: loose,
      title: optional(loose),
      label: optional(loose),
      llm: optional(boolean()),
      model: optional(loose),
      promptTokens: optional(integer({ max: 1_000_000 })),
      parent: optional(nodeId),
    }),
    { max: maxNodes },
  ),
  edges: array(array(loose, { min: 2, max: 4 }), { max: maxEdges }),
});

export const linkShape = array(openObject({ source: loose, target: loose }), { max: maxEdges });

export function compactEdges(edges: readonly (readonly string[])[]): readonly ApplicationEdge[] {
  return edges.map(([from = "", to = ""]) => ({ from, to }));
}

export function linkEdges(edges: readonly { source: string; target: string }[]): readonly ApplicationEdge[] {
  return edges.map(({ source, target }) => ({ from: source, to: target }));
}

/** A document of one JSON value, or one value a line. */
export function* parseDocuments(content: string, file: string): Generator<{ label: string; value: unknown }> {
  let value: unknown;
  try {
    value = parseJson(content, file);
  } catch {
    yield* parseLines(content, file);
    return;
  }
  yield { label: "", value };
}

export function isCompact(value: unknown): boolean {
  return typeof value === "object" && value !== null && "file" in value && "nodes" in value;
}

/** Graphs without a call of a language model are passed over, unless there are no others. */
export function toTaskGraphs(graphs: readonly ApplicationGraph[], file: string): TaskGraph[] {
  const tasks = graphs.flatMap((graph) => toTaskGraph(graph) ?? []);
  if (tasks.length > 0) return tasks;
  const found = graphs.length === 1 ? "a graph" : `${graphs.length} graphs`;
  throw new InputError(file, "", `${found} without a call of a language model`, "at least one call");
}

/** A node's parent as far as it has one. */
export function optionalText(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}

/** Tokens of a text of this many characters, roughly. */
export function guessTokens(characters: number): number {
  return Math.ceil(characters / 4);
}

/** Any value; a field whose form differs from version to version. */
export const anything: Shape<unknown> = { parse: (value) => value, schema: {}, expects: "anything" };

/** A type that the table does not know is a tool of half a second. */
export function roleOf(roles: { readonly [type: string]: NodeRole }, type: string): NodeRole {
  return ownOf(roles, type) ?? { kind: "tool", seconds: 0.5 };
}
