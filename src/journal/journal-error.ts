/** A journal that cannot be read: where it breaks off, what stands there, what should. */

export class JournalError extends Error {
  override readonly name = "JournalError";
  readonly file: string;
  /** Counted from 1; the header is line 1. 0 for the file as a whole. */
  readonly line: number;
  readonly found: string;
  readonly expected: string;

  constructor(file: string, line: number, found: string, expected: string) {
    super(`${file}${line === 0 ? "" : `:${line}`}: found ${found}, expected ${expected}`);
    this.file = file;
    this.line = line;
    this.found = found;
    this.expected = expected;
  }
}

/** A value as a message shows it: on one line, never more than 60 characters. */
export function showValue(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = (JSON.stringify(value) ?? typeof value).replaceAll(/\s+/g, " ");
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
