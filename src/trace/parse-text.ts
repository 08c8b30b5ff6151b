/** Text to plain values: JSON, YAML, and JSON line by line. What cannot be parsed is an InputError with its line. */

import { isScalar, LineCounter, parseDocument, visit, type Document, type YAMLMap } from "yaml";
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

/** Over all anchors: each costs a search through the document. */
const mostAliases = 100;

/** YAML 1.2, which holds JSON. Aliases are bounded, so that a small text cannot unfold into a large one. */
export function parseYaml(text: string, file: string, maxCharacters = maxYamlCharacters): unknown {
  if (text.length > maxCharacters)
    throw new InputError(file, "", `${text.length} characters of YAML`, `at most ${maxCharacters}, or JSON`);
  const lines = new LineCounter();
  const refuse = (at: number, found: string, expected = "YAML"): never => {
    const { line, col } = lines.linePos(at);
    throw new InputError(file, `line ${line}:${col}`, found, expected);
  };
  try {
    // The parser holds each key against all others of its map, in time that grows with their square.
    const options = { lineCounter: lines, prettyErrors: false, logLevel: "error", uniqueKeys: false } as const;
    const document = parseDocument(text, options);
    const fault = document.errors[0];
    if (fault !== undefined) refuse(fault.pos[0], `a fault (${fault.message})`);
    const again = keyThatComesAgain(document);
    if (again !== undefined) refuse(again, "a fault (Map keys must be unique)");
    return document.toJS({ maxAliasCount: mostAliases });
  } catch (error) {
    if (error instanceof InputError) throw error;
    // What is left are too many aliases, and nesting deeper than the stack.
    throw new InputError(file, "", error instanceof Error ? error.message : "a fault", "YAML of moderate depth");
  }
}

/** Where it stands. Throws where there are too many aliases. */
function keyThatComesAgain(document: Document.Parsed): number | undefined {
  let at: number | undefined;
  let aliases = 0;
  visit(document, {
    Alias: () => {
      aliases += 1;
      if (aliases > mostAliases) throw new Error(`more than ${mostAliases} aliases`);
    },
    Map: (_, map) => {
      at = repeatedIn(map);
      return at === undefined ? undefined : visit.BREAK;
    },
  });
  return at;
}

function repeatedIn({ items }: YAMLMap): number | undefined {
  const seen = new Set<unknown>();
  for (const { key } of items) {
    const value = isScalar(key) ? key.value : key;
    if (seen.has(value)) return isScalar(key) ? key.range?.[0] : 0;
    seen.add(value);
  }
  return undefined;
}

/** JSON if it looks like JSON, else YAML, of which no more than so many characters are read. */
export function parseJsonOrYaml(text: string, file: string, maxYaml = maxYamlCharacters): unknown {
  return /^\s*[{[]/.test(text) && !/\.ya?ml$/i.test(file) ? parseJson(text, file) : parseYaml(text, file, maxYaml);
}
