/** What stages come to: how long a map's list is, as far as that is known beforehand, and what its items make together. */

import type { DeclaredStage } from "./declared.ts";
import { evaluate } from "./evaluate.ts";
import type { ItemResult } from "./model-call.ts";
import { RenderFault } from "./room.ts";
import type { Json } from "./wire.ts";

/** Length of a map's list where it does not depend on what stages write; 1 for what is no map. */
export function countAhead(stage: DeclaredStage, inputs: { readonly [name: string]: Json }): number | undefined {
  if (stage.kind === "tool" || stage.over === undefined) return 1;
  if (stage.over.kind === "list") return stage.over.entries.length;
  const [hole] = stage.over.kind === "template" ? stage.over.template : [];
  if (hole?.kind !== "hole" || hole.expression.kind !== "path") return undefined;
  // What stages write is not in this scope, so that a list that reads it is not found.
  const value = evaluate(hole.expression, { inputs });
  return Array.isArray(value) ? value.length : undefined;
}

/** Throws a RenderFault if it is no list, or too long a one. */
export function toItems(value: Json, maxItems: number): readonly Json[] {
  if (!Array.isArray(value)) throw new RenderFault("what it is to go over is not a list");
  if (value.length > maxItems) throw new RenderFault(`its list has ${value.length} items, more than ${maxItems}`);
  return value as readonly Json[];
}

/** Of an answer of the stage, an item. */
export function expectedTokens(stage: DeclaredStage | undefined, usual: (model: string) => number): number {
  if (stage === undefined || stage.kind === "tool") return 0;
  const expected = stage.kind === "llm" ? (stage.expectTokens ?? usual(stage.model)) : usual(stage.model);
  return Math.min(expected, stage.maxTokens ?? expected);
}

export function withoutUsage(result: Pick<ItemResult, "text" | "json"> | undefined): Pick<ItemResult, "text" | "json"> {
  const { text, json } = result ?? {};
  return { ...(text === undefined ? {} : { text }), ...(json === undefined ? {} : { json }) };
}

/** Of a map: the texts with an empty line between them, and a list with an entry an item. */
export function joined(results: readonly ItemResult[]): Pick<ItemResult, "text" | "json"> {
  const texts = results.flatMap(({ text }) => text ?? []);
  const json = results.map(({ json: data, text }) => data ?? text ?? null);
  return { json, ...(texts.length === 0 ? {} : { text: texts.join("\n\n") }) };
}
