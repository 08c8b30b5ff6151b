/**
 * Where a text stops being JSON. `JSON.parse` is fast but does not always say; this walks the text once more,
 * only after a failure, without recursion.
 */

export type JsonFault = { readonly line: number; readonly column: number; readonly found: string };

export function locateJsonFault(text: string): JsonFault {
  const offset = faultOffset(text);
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let at = before.indexOf("\n"); at !== -1; at = before.indexOf("\n", at + 1)) line++;
  return { line, column: offset - lineStart + 1, found: foundAt(text, offset) };
}

function foundAt(text: string, offset: number): string {
  const code = text.codePointAt(offset);
  return code === undefined ? "the end of the text" : JSON.stringify(String.fromCodePoint(code));
}

type Awaited = "value" | "value-or-close" | "key" | "key-or-close" | "colon" | "comma-or-close" | "end";

/** The first position where no JSON text could go on; the length of the text if only its end is missing. */
function faultOffset(text: string): number {
  const open: ("]" | "}")[] = [];
  let awaited: Awaited = "value";
  let at = 0;
  const afterValue = (): Awaited => (open.length === 0 ? "end" : "comma-or-close");
  for (;;) {
    while (/[ \t\r\n]/.test(text.charAt(at))) at++;
    const char = text.charAt(at);
    if (char === "" || awaited === "end") return at;
    const closes = awaited === "value-or-close" || awaited === "key-or-close" || awaited === "comma-or-close";
    if (closes && char === open.at(-1)) {
      open.pop();
      awaited = afterValue();
      at++;
    } else if (awaited === "comma-or-close") {
      if (char !== ",") return at;
      awaited = open.at(-1) === "}" ? "key" : "value";
      at++;
    } else if (awaited === "colon") {
      if (char !== ":") return at;
      awaited = "value";
      at++;
    } else if (awaited === "key" || awaited === "key-or-close") {
      if (char !== '"') return at;
      const end = scalarEnd(text, at);
      if (!end.whole) return end.at;
      at = end.at;
      awaited = "colon";
    } else if (char === "[" || char === "{") {
      open.push(char === "[" ? "]" : "}");
      awaited = char === "[" ? "value-or-close" : "key-or-close";
      at++;
    } else {
      const end = scalarEnd(text, at);
      if (!end.whole) return end.at;
      at = end.at;
      awaited = afterValue();
    }
  }
}

const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Where the text, number or word that starts here ends, or where it breaks. */
function scalarEnd(text: string, start: number): { whole: boolean; at: number } {
  if (text.charAt(start) !== '"') {
    literal.lastIndex = start;
    return literal.test(text) ? { whole: true, at: literal.lastIndex } : { whole: false, at: start };
  }
  let at = start + 1;
  for (;;) {
    const char = text.charAt(at);
    if (char === '"') return { whole: true, at: at + 1 };
    if (char === "" || char < " ") return { whole: false, at };
    escaped.lastIndex = at;
    if (char !== "\\") at++;
    else if (escaped.test(text)) at = escaped.lastIndex;
    else return { whole: false, at };
  }
}
