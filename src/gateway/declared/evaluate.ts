/** What an expression comes to, given values. Only own properties are read, so nothing inherited can be reached. */

import { compare, createComparing } from "./compare.ts";
import type { Expression } from "./expression.ts";
import type { Room } from "./room.ts";
import type { Json } from "./wire.ts";

/** Where a scope keeps the room that all comparisons over it share. Steps of paths are texts and numbers: none leads there. */
export const comparing: unique symbol = Symbol("comparing");

/** What paths start from. */
export type Scope = { readonly [root: string]: Json; readonly [comparing]?: Room };

/**
 * `undefined` where a path leads nowhere; what is read of `null` is `null`, so that a skipped stage reads as nothing. Throws a RenderFault
 * where there is no room for what is compared.
 */
export function evaluate(expression: Expression, scope: Scope): Json | undefined {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "path":
      return walk(scope, expression.steps);
    case "not":
      return !isTrue(evaluate(expression.of, scope));
    case "both":
      return isTrue(evaluate(expression.left, scope)) && isTrue(evaluate(expression.right, scope));
    case "either":
      return isTrue(evaluate(expression.left, scope)) || isTrue(evaluate(expression.right, scope));
    case "compare":
      return compare(
        expression.by,
        evaluate(expression.left, scope) ?? null,
        evaluate(expression.right, scope) ?? null,
        scope[comparing] ?? createComparing(),
      );
    default:
      return expression satisfies never;
  }
}

function walk(scope: Scope, steps: readonly (string | number)[]): Json | undefined {
  let value: Json = scope;
  for (const step of steps) {
    if (value === null) return null;
    // Texts and lists own their `length`; nothing else is read of a text.
    if (typeof value === "string" && step === "length") value = value.length;
    else if (typeof value !== "object" || !Object.hasOwn(value, step)) return undefined;
    else value = (value as { readonly [key: string]: Json })[step] ?? null;
  }
  return value;
}

/** Nothing, `false`, 0, an empty text and an empty list are not. */
export function isTrue(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== "";
}
