/** Refusals of a document say on which line they stand, as people look for it. */

import { InputError } from "./input-error.ts";
import { readPath } from "./path.ts";
import { readDocument } from "./read-document.ts";

/** What `parse` makes of the text; a refusal of it that has a path has the line too. The text is only read for it again if there is one. */
export function withLines<T>(text: string, file: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InputError && error.file === file) throw withLine(error, text);
    throw error;
  }
}

function withLine(error: InputError, text: string): InputError {
  const { file, place, found, expected } = error;
  const isKnown = place === "" || /^line \d/.test(place);
  // A line is no help in a text of one.
  if (isKnown || !text.trim().includes("\n")) return error;
  const line = lineOf(text, file, place);
  return line === undefined ? error : new InputError(file, `line ${line}: ${place}`, found, expected);
}

function lineOf(text: string, file: string, place: string): number | undefined {
  try {
    return readDocument(text, file).lineOf(readPath(place));
  } catch (error) {
    // JSON of a kind that is no YAML, or more than a person writes.
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
