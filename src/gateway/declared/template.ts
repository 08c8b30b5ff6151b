/** Texts with holes: `Write about {{ inputs.topic }}.` A hole holds an expression of `expression.ts`. */

import { evaluate, type Scope } from "./evaluate.ts";
import { parseHole, pathsOf, type Expression, type ExpressionFault } from "./expression.ts";
import { createRoom, RenderFault, type Room } from "./room.ts";
import type { Json } from "./wire.ts";

export type Template = readonly Piece[];

export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "hole"; readonly expression: Expression };

/** A value of any kind whose texts are templates. */
export type ValueTemplate =
  | { readonly kind: "template"; readonly template: Template }
  | { readonly kind: "list"; readonly entries: readonly ValueTemplate[] }
  | { readonly kind: "object"; readonly entries: readonly (readonly [string, ValueTemplate])[] }
  | { readonly kind: "plain"; readonly value: null | boolean | number };

/** Characters that one template may come to, and all that are filled in side by side. */
export const maxRenderedCharacters = 4_000_000;

export function parseTemplate(text: string): Template | ExpressionFault {
  const pieces: Piece[] = [];
  let at = 0;
  for (let open = text.indexOf("{{"); open !== -1; open = text.indexOf("{{", at)) {
    if (open > at) pieces.push({ kind: "text", text: text.slice(at, open) });
    const hole = parseHole(text, open + 2);
    if (!("end" in hole)) return hole;
    pieces.push({ kind: "hole", expression: hole.expression });
    at = hole.end;
  }
  if (at < text.length) pieces.push({ kind: "text", text: text.slice(at) });
  return pieces;
}

/** Texts as they are, nothing as nothing, other values as JSON. */
export function render(template: Template, scope: Scope): string {
  let text = "";
  for (const piece of template) {
    text += renderPiece(piece, scope);
    if (text.length > maxRenderedCharacters)
      throw new RenderFault(`a template comes to more than ${maxRenderedCharacters} characters`);
  }
  return text;
}

function renderPiece(piece: Piece, scope: Scope): string {
  return piece.kind === "text" ? piece.text : toText(fill(piece.expression, scope));
}

export function toText(value: Json): string {
  return typeof value === "string" ? value : value === null ? "" : JSON.stringify(value);
}

/** A text that is one hole and nothing else gives the value itself; all others give text. */
function renderValue(template: Template, scope: Scope): Json {
  const [only] = template;
  return template.length === 1 && only?.kind === "hole" ? fill(only.expression, scope) : render(template, scope);
}

/** A small tree can ask for the same large value many times over: what is filled in inside it is bounded as a whole. */
export function renderTree(tree: ValueTemplate, scope: Scope): Json {
  return tree.kind === "template" ? renderValue(tree.template, scope) : renderInside(tree, scope, createFilling());
}

function renderInside(tree: ValueTemplate, scope: Scope, room: Room): Json {
  switch (tree.kind) {
    case "plain":
      return tree.value;
    case "template": {
      const value = renderValue(tree.template, scope);
      // What its author wrote is there once, and was bounded when it came.
      if (tree.template.some(({ kind }) => kind === "hole")) room.take(charactersOf(value));
      return value;
    }
    case "list":
      return tree.entries.map((entry) => renderInside(entry, scope, room));
    case "object":
      return Object.fromEntries(tree.entries.map(([key, entry]) => [key, renderInside(entry, scope, room)]));
    default:
      return tree satisfies never;
  }
}

/** For all that is filled in side by side. */
export function createFilling(): Room {
  return createRoom(maxRenderedCharacters, `what is filled in comes to more than ${maxRenderedCharacters} characters`);
}

/** Of texts and keys, and a few for whatever else there is. */
function charactersOf(value: Json): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 4;
  let characters = 2;
  for (const [key, entry] of Object.entries(value)) characters += key.length + charactersOf(entry);
  return characters;
}

function fill(expression: Expression, scope: Scope): Json {
  const value = evaluate(expression, scope);
  if (value !== undefined) return value;
  const path = pathsOf(expression)[0]?.join(".") ?? "";
  throw new RenderFault(`nothing is at ${path}`);
}
