/** YAML or JSON text to plain values that remember on which line they stand. */

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from "yaml";
import { InputError } from "./input-error.ts";
import type { Path } from "./path.ts";

export type ReadDocument = {
  readonly value: unknown;
  /** Of the value at this path, or of the nearest thing above it that is there. */
  readonly lineOf: (path: Path) => number | undefined;
};

/** What is larger was not written by people. */
const maxCharacters = 1_000_000;
const maxAliases = 100;

export function readDocument(text: string, where: string): ReadDocument {
  if (text.length > maxCharacters)
    throw new InputError(where, "", `${text.length} characters`, `at most ${maxCharacters}`);
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
    const first = document.errors[0];
    if (first !== undefined) {
      const { line, col } = lines.linePos(first.pos[0]);
      throw new InputError(where, `line ${line}:${col}`, `a fault (${first.message})`, "YAML");
    }
    const value: unknown = document.toJS({ maxAliasCount: maxAliases });
    return {
      value,
      lineOf: (path) => {
        const offset = offsetOf(document, path);
        return offset === undefined ? undefined : lines.linePos(offset).line;
      },
    };
  } catch (error) {
    if (error instanceof InputError) throw error;
    // What is left are too many aliases, and nesting deeper than the stack.
    throw new InputError(where, "", error instanceof Error ? error.message : "a fault", "YAML of moderate depth");
  }
}

function offsetOf(document: Document.Parsed, path: Path): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      next = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      next = node.items[step];
      if (next === undefined) break;
      offset = startOf(next) ?? offset;
    } else break;
    node = next;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0];
}
