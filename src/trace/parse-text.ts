/** Text to plain values: JSON, YAML, and JSON line by line. What cannot be parsed is an InputError with its line. */

import { LineCounter, parseDocument } from "yaml";
import { InputError } from "./input-error.ts";
import { locateJsonFault } from "./json-fault.ts";
import { maxYamlCharacters } from "./limits.ts";

export function parseJson(text: string, file: string, firstLine = 1): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const { line, column, found } = locateJsonFault(text);
    throw new InputError(file, `line ${firstLine + line - 1}:${column}`, found, "JSON");
  }
}

export type TextLine = { readonly label: string; readonly value: unknown };

/** One JSON value a line; blank lines count but hold nothing. */
export function* parseLines(text: string, file: string): Generator<TextLine> {
  let line = 0;
  for (let start = 0; start < text.length;) {
    const end = text.indexOf("\n", start);
    const stop = end === -1 ? text.length : end;
    const content = text.slice(start, stop);
    line++;
    if (content.trim() !== "") yield { label: `line ${line}`, value: parseJson(content, file, line) };
    start = stop + 1;
  }
}

/** YAML 1.2, which holds JSON. Aliases are bounded, so that a small text cannot unfold into a large one. */
export function parseYaml(text: string, file: string): unknown {
  if (text.length > maxYamlCharacters)
    throw new InputError(file, "", `${text.length} characters of YAML`, `at most ${maxYamlCharacters}, or JSON`);
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
    const fault = document.errors[0];
    if (fault === undefined) return document.toJS({ maxAliasCount: 100 });
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new InputError(file, `line ${line}:${col}`, `a fault (${fault.message})`, "YAML");
  } catch (error) {
    if (error instanceof InputError) throw error;
    // What is left are too many aliases, and nesting deeper than the stack.
    throw new InputError(file, "", error instanceof Error ? error.message : "a fault", "YAML of moderate depth");
  }
}

/** JSON if it looks like JSON, else YAML. */
export function parseJsonOrYaml(text: string, file: string): unknown {
  return /^\s*[{[]/.test(text) && !/\.ya?ml$/i.test(file) ? parseJson(text, file) : parseYaml(text, file);
}
