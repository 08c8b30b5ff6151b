/**
 * The small language of conditions and of the holes in templates: paths, literals, comparisons, `contains`, `not`, `and`,
 * `or` and parentheses. It has no calls, no assignment and no way out to anything but the values it is given.
 *
 *     stages.draft.json.score < 5 and not (stages.check.text contains "fine")
 */

export type Expression =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "path"; readonly steps: readonly (string | number)[] }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "both" | "either"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "compare"; readonly by: Comparison; readonly left: Expression; readonly right: Expression };

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "contains";

/** Where an expression stops making sense. */
export type ExpressionFault = { readonly kind: "fault"; readonly found: string; readonly expected: string };

type Token =
  | { readonly kind: "name" | "mark"; readonly text: string }
  | { readonly kind: "value"; readonly text: string; readonly value: string | number }
  | { readonly kind: "end"; readonly text: string };

/** Parentheses and `not` inside one another. */
const maxDepth = 40;
/** Words and signs of one expression. */
const maxTokens = 500;
const comparisons: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">=", "contains"]);
const words: ReadonlySet<string> = new Set(["and", "or", "not", "contains"]);

/** The whole text as one expression. */
export function parseExpression(text: string): Expression | ExpressionFault {
  const parsed = parsePrefix(text, 0, "end");
  return "end" in parsed ? parsed.expression : parsed;
}

/** The expression that starts at `from` and goes up to `}}`; `end` is the position after that. */
export function parseHole(
  text: string,
  from: number,
): { readonly expression: Expression; readonly end: number } | ExpressionFault {
  return parsePrefix(text, from, "}}");
}

function parsePrefix(
  text: string,
  from: number,
  until: "end" | "}}",
): { expression: Expression; end: number } | ExpressionFault {
  const reader = createReader(text, from);
  try {
    const expression = readEither(reader, 0);
    const last = reader.peek();
    const ends = until === "end" ? last.kind === "end" : last.kind === "mark" && last.text === "}}";
    if (!ends) return fault(last, until === "end" ? "and, or, a comparison or the end" : "and, or, a comparison or }}");
    reader.next();
    return { expression, end: reader.position() };
  } catch (error) {
    if (error instanceof Stop) return error.fault;
    throw error;
  }
}

/** Ends the descent from wherever it is. */
class Stop extends Error {
  readonly fault: ExpressionFault;
  constructor(stopped: ExpressionFault) {
    super(stopped.found);
    this.fault = stopped;
  }
}

function fault(token: Token, expected: string): ExpressionFault {
  return { kind: "fault", found: token.kind === "end" ? "the end" : token.text.slice(0, 60), expected };
}

type Reader = { readonly peek: () => Token; readonly next: () => Token; readonly position: () => number };

const tokenPattern =
  /\s*(?:(?<name>[A-Za-z_][A-Za-z0-9_-]*)|(?<number>-?\d+(?:\.\d+)?)|(?<text>"(?:[^"\\\n]|\\["\\nt])*"|'[^'\n]*')|(?<mark>\}\}|==|!=|<=|>=|[<>()[\].])|(?<end>$))/y;

function createReader(text: string, from: number): Reader {
  let at = from;
  let ahead: { token: Token; end: number } | undefined;
  let read = 0;
  const look = (): { token: Token; end: number } => {
    if (ahead !== undefined) return ahead;
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(text);
    if (match === null) {
      const found = text.slice(at).trimStart().slice(0, 12);
      throw new Stop({ kind: "fault", found: JSON.stringify(found), expected: "a path, a literal or an operator" });
    }
    ahead = { token: toToken(match.groups ?? {}), end: tokenPattern.lastIndex };
    if (++read > maxTokens) throw new Stop(fault(ahead.token, `at most ${maxTokens} words and signs`));
    return ahead;
  };
  return {
    peek: () => look().token,
    next: () => {
      const { token, end } = look();
      at = end;
      ahead = undefined;
      return token;
    },
    position: () => at,
  };
}

function toToken(groups: { readonly [name: string]: string | undefined }): Token {
  const { name, number, text, mark } = groups as { [K in "name" | "number" | "text" | "mark"]?: string };
  if (name !== undefined) return { kind: "name", text: name };
  if (number !== undefined) return { kind: "value", text: number, value: Number(number) };
  if (mark !== undefined) return { kind: "mark", text: mark };
  if (text === undefined) return { kind: "end", text: "" };
  const inner = text.slice(1, -1);
  const value = text.startsWith("'") ? inner : inner.replaceAll(/\\(.)/g, (_, char: string) => unescape(char));
  return { kind: "value", text, value };
}

function unescape(char: string): string {
  return char === "n" ? "\n" : char === "t" ? "\t" : char;
}

function readEither(reader: Reader, depth: number): Expression {
  let left = readBoth(reader, depth);
  while (takeName(reader, "or")) left = { kind: "either", left, right: readBoth(reader, depth) };
  return left;
}

function readBoth(reader: Reader, depth: number): Expression {
  let left = readNot(reader, depth);
  while (takeName(reader, "and")) left = { kind: "both", left, right: readNot(reader, depth) };
  return left;
}

function readNot(reader: Reader, depth: number): Expression {
  if (depth > maxDepth) throw new Stop(fault(reader.peek(), `at most ${maxDepth} levels`));
  if (takeName(reader, "not")) return { kind: "not", of: readNot(reader, depth + 1) };
  const left = readOperand(reader, depth);
  const { kind, text } = reader.peek();
  if ((kind !== "mark" && kind !== "name") || !comparisons.has(text)) return left;
  reader.next();
  return { kind: "compare", by: text as Comparison, left, right: readOperand(reader, depth) };
}

function readOperand(reader: Reader, depth: number): Expression {
  const token = reader.next();
  if (token.kind === "value") return { kind: "literal", value: token.value };
  if (token.kind === "mark" && token.text === "(") {
    const inner = readEither(reader, depth + 1);
    const close = reader.next();
    if (close.text !== ")" || close.kind !== "mark") throw new Stop(fault(close, ")"));
    return inner;
  }
  if (token.kind !== "name" || words.has(token.text)) throw new Stop(fault(token, "a path or a literal"));
  if (token.text === "true" || token.text === "false") return { kind: "literal", value: token.text === "true" };
  if (token.text === "null") return { kind: "literal", value: null };
  return { kind: "path", steps: [token.text, ...readSteps(reader)] };
}

function* readSteps(reader: Reader): Generator<string | number> {
  for (;;) {
    const { kind, text } = reader.peek();
    if (kind !== "mark" || (text !== "." && text !== "[")) return;
    reader.next();
    const step = reader.next();
    if (text === ".") {
      if (step.kind !== "name") throw new Stop(fault(step, "a name after the dot"));
      yield step.text;
    } else {
      if (step.kind !== "value" || (typeof step.value === "number" && !isWhole(step.value)))
        throw new Stop(fault(step, "a position or a quoted name"));
      yield step.value;
      const close = reader.next();
      if (close.kind !== "mark" || close.text !== "]") throw new Stop(fault(close, "]"));
    }
  }
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function takeName(reader: Reader, name: string): boolean {
  const token = reader.peek();
  if (token.kind !== "name" || token.text !== name) return false;
  reader.next();
  return true;
}

/** All paths in it, in order. */
export function pathsOf(expression: Expression): readonly (readonly (string | number)[])[] {
  switch (expression.kind) {
    case "literal":
      return [];
    case "path":
      return [expression.steps];
    case "not":
      return pathsOf(expression.of);
    case "both":
    case "either":
    case "compare":
      return [...pathsOf(expression.left), ...pathsOf(expression.right)];
    default:
      return expression satisfies never;
  }
}
