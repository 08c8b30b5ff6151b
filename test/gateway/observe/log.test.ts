import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLog, type LogFields, type LogLevel } from "../../../src/gateway/observe/log.ts";
import { codePoint } from "../../support/code-point.ts";

const nowMs = () => Date.UTC(2026, 0, 2, 3, 4, 5, 6);

function logged(fields: LogFields, format: "json" | "text" = "json", event = "engine-down"): string {
  const lines: string[] = [];
  createLog({ level: "debug", format, write: (line) => lines.push(line), nowMs }).warn(event, fields);
  expect(lines.length).toBe(1);
  return lines[0]!;
}

const parsed = (fields: LogFields): Record<string, unknown> => JSON.parse(logged(fields)) as Record<string, unknown>;

test("a line is an event, as JSON or as text", () => {
  const fields = { engine: "e0", tries: 3, why: "no answer", rest: { up: false, list: [1, null] } };
  expect(logged(fields)).toBe(
    '{"time":"2026-01-02T03:04:05.006Z","level":"warn","event":"engine-down","engine":"e0","tries":3,"why":"no answer","rest":{"up":false,"list":[1,null]}}\n',
  );
  expect(logged(fields, "text")).toBe(
    '2026-01-02T03:04:05.006Z warn  engine-down engine=e0 tries=3 why="no answer" rest={"up":false,"list":[1,null]}\n',
  );
});

test.each([
  ["silent", []],
  ["error", ["error"]],
  ["info", ["error", "warn", "info"]],
  ["debug", ["error", "warn", "info", "debug"]],
] as const)("level %s lets through %j", (level, passed) => {
  const lines: string[] = [];
  const log = createLog({ level, format: "json", write: (line) => lines.push(line), nowMs });
  for (const each of ["error", "warn", "info", "debug"] as const satisfies LogLevel[]) log[each]("x");
  expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(passed);
});

describe("secrets", () => {
  test.each([
    ["authorization", "Bearer abc"],
    ["Authorization", "anything"],
    ["x-api-key", "anything"],
    ["apiKey", "anything"],
    ["OPENAI_API_KEY", "anything"],
    ["proxy-authorization", "anything"],
    ["set-cookie", ["a=b", "c=d"]],
    ["clientSecret", { deep: "anything" }],
    ["accessToken", "anything"],
    ["headers", { "X-Api-Key": "anything", cookie: "anything" }],
  ])("are known by the name %s", (name, value) => {
    const line = logged({ [name]: value });
    expect(line).toContain("[redacted]");
    expect(line).not.toMatch(/anything|abc|a=b|c=d/);
  });

  test.each([
    "key sk-live_0123456789abcdef was refused",
    "Authorization: Bearer 0123456789abcdef",
    "sent basic 0123456789abcdef",
    'body {"api_key":"0123456789abcdef"}',
    "token=0123456789abcdef",
    "password: 0123456789abcdef",
    "eyJhbGciOiJIUzI1NiJ90123456789abcdef.e30.sig",
    "AKIA0123456789ABCDEF 0123456789abcdef".slice(0, 20),
    "http://user:0123456789abcdef@127.0.0.1:80/",
    "GET /v1/models?key=0123456789abcdef",
    "http://127.0.0.1/a?0123456789abcdef",
  ])("are taken out of text: %s", (text) => {
    for (const line of [logged({ note: text }), logged({ error: new Error(text) }), logged({}, "text", text)]) {
      expect(line).toContain("[redacted]");
      expect(line.toLowerCase()).not.toContain("0123456789abcdef");
    }
  });

  test.each([
    ["promptTokens", 12],
    ["model", "llama-3.1-8b"],
    ["traceId", "4bf92f3577b34da6a3ce929d0e0e4736"],
    ["keyId", "team-a"],
    ["url", "http://127.0.0.1:8000/v1/models"],
    ["note", "task-force asked 3 times: why? because"],
  ])("and nothing else: %s %s", (name, value) => {
    expect(parsed({ [name]: value })[name]).toBe(value);
  });
});

describe("bounds", () => {
  test("a long text is cut, and a line ends somewhere however much there is to say", () => {
    expect(String(parsed({ text: "a".repeat(1e6) })["text"]).length).toBe(1001);
    const wide = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`f${index}`, "b".repeat(5000)]));
    expect(logged({ a: wide, b: wide, c: [wide, wide] }).length).toBeLessThan(20_000);
    const deep: LogFields = { self: undefined };
    Object.assign(deep, { self: deep, list: [deep, deep, deep] });
    expect(logged({ deep }).length).toBeLessThan(20_000);
  });

  test("an error is its name, message, code and cause, without a stack", () => {
    const error = Object.assign(new Error("no", { cause: new Error("why") }), { code: "ECONNREFUSED" });
    expect(parsed({ error })["error"]).toEqual({
      error: "Error",
      message: "no",
      code: "ECONNREFUSED",
      cause: { error: "Error", message: "why" },
    });
  });
});

describe("forgery", () => {
  test("a field cannot speak for the line", () => {
    expect(parsed({ level: "info", time: "then", event: "other" })).toEqual({
      time: "2026-01-02T03:04:05.006Z",
      level: "warn",
      event: "engine-down",
    });
  });

  test("whatever the names and values, there is one line, and no terminal is told anything", () => {
    const nasty = fc.oneof(
      fc.string({ unit: codePoint }),
      fc.constantFrom("\n", "\r\n", "\u001b[2J", "\u2028", "\u202e", "\u0085", '" event="x', "__proto__", "\ud800"),
    );
    const fields = fc.dictionary(nasty, fc.oneof(nasty, fc.integer(), fc.array(nasty, { maxLength: 3 })), {
      maxKeys: 8,
    });
    fc.assert(
      fc.property(nasty, fields, (event, given) => {
        for (const format of ["json", "text"] as const) {
          const line = logged(given, format, event);
          // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
          expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
          expect(line.endsWith("\n") && line.isWellFormed()).toBe(true);
        }
        expect((JSON.parse(logged(given, "json", event)) as { level: unknown }).level).toBe("warn");
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});
