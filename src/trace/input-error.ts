/** Outside data that cannot be used: where it stands, what was found, what was expected. */

export class InputError extends Error {
  override readonly name = "InputError";
  readonly file: string;
  /** A line, or a path into the document such as `workflows[3].stages[0].model`; empty for the file as a whole. */
  readonly place: string;
  readonly found: string;
  readonly expected: string;

  constructor(file: string, place: string, found: string, expected: string) {
    super(`${file}${place === "" ? "" : `: ${place}`}: found ${found}, expected ${expected}`);
    this.file = file;
    this.place = place;
    this.found = found;
    this.expected = expected;
  }
}

/** A value as a message shows it: short, on one line, never more than 60 characters. */
export function showFound(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = (JSON.stringify(value) ?? typeof value).replaceAll(/\s+/g, " ");
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
