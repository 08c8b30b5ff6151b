/**
 * Changes top-level members of a JSON object and leaves every other byte as it was: 64-bit integers, odd spellings of numbers,
 * the order of keys and keys that come twice all survive, which they would not through `JSON.parse`.
 *
 * One walk over the text, without recursion. It accepts what `JSON.parse` accepts, nested at most `maxDepth` deep; bytes inside
 * strings beyond ASCII are passed on unread.
 */

export const maxDepth = 512;

/** The text is not a JSON object. `at` counts bytes. */
export class JsonSpliceError extends Error {
  override readonly name = "JsonSpliceError";
  readonly at: number;

  constructor(at: number, found: string, expected: string) {
    super(`byte ${at}: found ${found}, expected ${expected}`);
    this.at = at;
  }
}

/**
 * Sets members to new values, or removes those whose new value is undefined. Bytes as a value are JSON already. A key that
 * comes twice is changed everywhere, so that all readers agree; one that is not there is put at the end.
 */
export function spliceJson(bytes: Uint8Array, changes: Readonly<Record<string, unknown>>): Uint8Array {
  const wanted = new Map(Object.entries(changes).map(([name, value]) => [name, encode(value)] as const));
  const found = new Set<string>();
  const pieces: Uint8Array[] = [];
  /** What stays as it is and stands together is one piece: there may be millions of members. */
  let from = 0;
  let to = 0;
  const keep = (start: number, end: number): void => {
    if (start !== to) cut(start);
    to = end;
  };
  const cut = (next: number): void => {
    if (to > from) pieces.push(bytes.subarray(from, to));
    from = next;
  };
  let kept = 0;
  let last: number | undefined;
  const close = eachMember(bytes, [...wanted.keys()], ({ name, start, valueStart, end }) => {
    if (last === undefined) keep(0, start);
    const value = name === undefined ? undefined : wanted.get(name);
    if (name !== undefined) found.add(name);
    if (name === undefined || value !== undefined) {
      const before = kept++ > 0 ? (last ?? start) : start;
      keep(before, value === undefined ? end : valueStart);
    }
    if (value !== undefined) {
      cut(end);
      to = end;
      pieces.push(value);
    }
    last = end;
  });
  if (last === undefined) keep(0, close);
  cut(last ?? close);
  for (const [name, value] of wanted) {
    if (value === undefined || found.has(name)) continue;
    pieces.push(encoder.encode(`${kept++ > 0 ? "," : ""}${JSON.stringify(name)}:`), value);
  }
  pieces.push(bytes.subarray(last ?? close));
  return Buffer.concat(pieces);
}

/** The value of a top-level member as it is written; of a key that comes twice the last, as `JSON.parse` has it. */
export function sliceJson(bytes: Uint8Array, name: string): Uint8Array | undefined {
  let value: Uint8Array | undefined;
  eachMember(bytes, [name], (member) => {
    if (member.name === name) value = bytes.subarray(member.valueStart, member.end);
  });
  return value;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function encode(value: unknown): Uint8Array | undefined {
  if (value === undefined) return undefined;
  if (value instanceof Uint8Array) {
    const end = skipSpace(value, skipValue(value, skipSpace(value, 0)));
    if (end < value.length) refuse(value, end, "the end");
    return value;
  }
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`a ${typeof value} cannot be written as JSON`);
  return encoder.encode(text);
}

/** From the key's quote to the end of the value. Without a name it is none of those that are wanted. */
type Member = {
  readonly name: string | undefined;
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
};

/** Tells of each member in its order, and returns where the object closes. */
function eachMember(bytes: Uint8Array, wanted: readonly string[], onMember: (member: Member) => void): number {
  const lengths = new Set(wanted.map((name) => Buffer.byteLength(name)));
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== openBrace) refuse(bytes, at, "an object");
  at = skipSpace(bytes, at + 1);
  if (bytes[at] !== closeBrace) {
    for (;;) {
      const start = at;
      const keyEnd = skipString(bytes, at);
      const valueStart = skipSpace(bytes, skipColon(bytes, keyEnd));
      const end = skipValue(bytes, valueStart);
      const name = readName(bytes, start + 1, keyEnd - 1, lengths);
      onMember({ name: name !== undefined && wanted.includes(name) ? name : undefined, start, valueStart, end });
      at = skipSpace(bytes, end);
      if (bytes[at] === closeBrace) break;
      if (bytes[at] !== comma) refuse(bytes, at, "a comma or the end of the object");
      at = skipSpace(bytes, at + 1);
    }
  }
  const close = at;
  at = skipSpace(bytes, at + 1);
  if (at < bytes.length) refuse(bytes, at, "the end");
  return close;
}

/** Undefined if it is of another length than all that are wanted. */
function readName(bytes: Uint8Array, start: number, end: number, lengths: ReadonlySet<number>): string | undefined {
  let escaped = false;
  for (let at = start; at < end; at++) escaped ||= bytes[at] === backslash;
  if (!escaped && !lengths.has(end - start)) return undefined;
  const written = decoder.decode(bytes.subarray(start, end));
  return escaped ? String(JSON.parse(`"${written}"`)) : written;
}

/** Where the value that starts here ends. */
function skipValue(bytes: Uint8Array, start: number): number {
  const open: number[] = [];
  let at = start;
  for (;;) {
    at = skipSpace(bytes, at);
    const byte = bytes[at];
    if (byte === openBrace || byte === openBracket) {
      if (open.length === maxDepth) refuse(bytes, at, `at most ${maxDepth} levels`);
      const close = byte === openBrace ? closeBrace : closeBracket;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== close) {
        open.push(close);
        if (close === closeBrace) at = skipKey(bytes, at);
        continue;
      }
      at++;
    } else {
      at = byte === quote ? skipString(bytes, at) : skipWord(bytes, at);
    }
    // A value has ended, and with it perhaps what it stands in.
    for (;;) {
      const close = open.at(-1);
      if (close === undefined) return at;
      at = skipSpace(bytes, at);
      if (bytes[at] !== close) break;
      open.pop();
      at++;
    }
    if (bytes[at] !== comma) refuse(bytes, at, "a comma or the end of the list or object");
    at++;
    if (open.at(-1) === closeBrace) at = skipKey(bytes, skipSpace(bytes, at));
  }
}

function skipKey(bytes: Uint8Array, at: number): number {
  return skipColon(bytes, skipString(bytes, at));
}

function skipColon(bytes: Uint8Array, start: number): number {
  const at = skipSpace(bytes, start);
  return bytes[at] === colon ? at + 1 : refuse(bytes, at, "a colon");
}

function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

function skipString(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== quote) refuse(bytes, start, "text in quotes");
  let at = start + 1;
  for (;;) {
    const byte = bytes[at];
    if (byte === quote) return at + 1;
    if (byte === undefined || byte < 0x20) refuse(bytes, at, "the end of the text in quotes");
    at = byte === backslash ? skipEscape(bytes, at) : at + 1;
  }
}

const shortEscapes = new Set(Array.from('"\\/bfnrt', (letter) => letter.charCodeAt(0)));

function skipEscape(bytes: Uint8Array, start: number): number {
  const letter = bytes[start + 1] ?? 0;
  if (shortEscapes.has(letter)) return start + 2;
  for (let at = start + 2; at < start + 6; at++)
    if (letter !== 0x75 || !isHexDigit(bytes[at] ?? 0)) refuse(bytes, start, "an escape that JSON knows");
  return start + 6;
}

/** `true`, `false`, `null` or a number. */
function skipWord(bytes: Uint8Array, start: number): number {
  for (const word of words) if (word.every((byte, index) => bytes[start + index] === byte)) return start + word.length;
  let at = bytes[start] === minus ? start + 1 : start;
  at = bytes[at] === zero ? at + 1 : skipDigits(bytes, at, start);
  if (bytes[at] === 0x2e) at = skipDigits(bytes, at + 1, start);
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const signed = bytes[at + 1] === 0x2b || bytes[at + 1] === minus;
    at = skipDigits(bytes, signed ? at + 2 : at + 1, start);
  }
  return at;
}

function skipDigits(bytes: Uint8Array, start: number, word: number): number {
  let at = start;
  while (isDigit(bytes[at] ?? 0)) at++;
  return at > start ? at : refuse(bytes, word, "a value");
}

const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const minus = 0x2d;
const zero = 0x30;
const words = ["true", "false", "null"].map((word) => encoder.encode(word));

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function refuse(bytes: Uint8Array, at: number, expected: string): never {
  const byte = bytes[at];
  const shown =
    byte !== undefined && byte > 0x20 && byte < 0x7f ? JSON.stringify(String.fromCharCode(byte)) : undefined;
  throw new JsonSpliceError(at, byte === undefined ? "the end of the text" : (shown ?? `byte ${byte}`), expected);
}
