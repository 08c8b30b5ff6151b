import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseTraceparent, toTraceparent } from "../../../src/gateway/observe/trace-context.ts";
import { createTraces, type TracedCall } from "../../../src/gateway/observe/traces.ts";
import type { OtlpSpan } from "../../../src/wire/otlp.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parent = "00f067aa0ba902b7";

const call: TracedCall = {
  surface: "chat",
  startUs: 1000,
  endUs: 9000,
  status: 200,
  model: "m",
  engine: "e0",
  workflow: "w",
  promptTokens: 100,
  outputTokens: 7,
  phases: [
    { name: "queue", startUs: 1100, endUs: 2000 },
    { name: "prefill", startUs: 2000, endUs: 3000 },
    { name: "decode", startUs: 3000, endUs: 8900 },
  ],
};

function record(ratio: number, random: () => number = counting()) {
  const spans: OtlpSpan[] = [];
  const traces = createTraces({ exporter: { add: (more) => spans.push(...more) }, ratio, originUnixUs: 1e15, random });
  return { traces, spans };
}

/** Never twice the same. */
function counting(): () => number {
  let count = 0;
  return () => (count += 1) / 2 ** 20;
}

describe("traceparent", () => {
  test.each([
    [`00-${traceId}-${parent}-01`, true],
    [`00-${traceId}-${parent}-00`, false],
    [`00-${traceId}-${parent}-03`, true],
    [`01-${traceId}-${parent}-01-more`, true],
  ])("%s is taken", (header, sampled) => {
    expect(parseTraceparent(header)).toEqual({ traceId, spanId: parent, sampled });
  });

  test.each([
    [undefined],
    [""],
    [`ff-${traceId}-${parent}-01`],
    [`00-${traceId}-${parent}-01-more`],
    [`00-${"0".repeat(32)}-${parent}-01`],
    [`00-${traceId}-${"0".repeat(16)}-01`],
    [`00-${traceId.toUpperCase()}-${parent}-01`],
    [`00-${traceId}-${parent}`],
    [`00-${traceId}-${parent}-01\n`.repeat(2)],
    [`01-${traceId}-${parent}-01-${"x".repeat(1000)}`],
  ])("%s is none", (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });

  test("what is written is read back; no text does harm", () => {
    const hex = (digits: number) =>
      fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits });
    fc.assert(
      fc.property(hex(32), hex(16), fc.boolean(), fc.string(), (trace, spanId, sampled, text) => {
        const context = { traceId: `1${trace.slice(1)}`, spanId: `1${spanId.slice(1)}`, sampled };
        expect(parseTraceparent(toTraceparent(context))).toEqual(context);
        parseTraceparent(text);
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

describe("a call", () => {
  test("is a span under its caller's, with its phases inside", () => {
    const { traces, spans } = record(0);
    const context = traces.begin(`00-${traceId}-${parent}-01`);
    traces.finish(context, call);
    const [root, ...children] = spans;
    expect(root).toMatchObject({ traceId, parentSpanId: parent, name: "chat m", kind: "server" });
    expect([root!.startUnixUs, root!.endUnixUs]).toEqual([1e15 + 1000, 1e15 + 9000]);
    expect(root!.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "m",
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.output_tokens": 7,
      "fate.engine": "e0",
    });
    expect(children.map((span) => [span.name, span.parentSpanId, span.startUnixUs - 1e15])).toEqual([
      ["queue", root!.spanId, 1100],
      ["prefill", root!.spanId, 2000],
      ["decode", root!.spanId, 3000],
    ]);
    expect(new Set(spans.map((span) => span.spanId)).size).toBe(4);
    expect(toTraceparent(context)).toBe(`00-${traceId}-${root!.spanId}-01`);
  });

  test("whose caller records nothing is not recorded, whatever the ratio", () => {
    const { traces, spans } = record(1);
    traces.finish(traces.begin(`00-${traceId}-${parent}-00`), call);
    expect(spans).toEqual([]);
  });

  test("without a caller begins a trace, recorded by the ratio", () => {
    const { traces, spans } = record(1);
    const context = traces.begin(undefined);
    traces.finish(context, call);
    expect(spans.length).toBe(4);
    expect(spans[0]!.parentSpanId).toBeUndefined();
    expect(parseTraceparent(toTraceparent(context))).toBeDefined();
    const none = record(0);
    none.traces.finish(none.traces.begin("nonsense"), call);
    expect(none.spans).toEqual([]);
  });

  test("that failed says so, and no id is all zeros", () => {
    const { traces, spans } = record(1, () => 0);
    const context = traces.begin(undefined);
    traces.finish(context, { ...call, status: 502, error: "e0 did not answer", workflow: "w".repeat(5000) });
    expect(spans[0]!.error).toBe("e0 did not answer");
    expect(spans[0]!.attributes["error.type"]).toBe("502");
    expect(String(spans[0]!.attributes["gen_ai.conversation.id"]).length).toBe(256);
    expect(parseTraceparent(toTraceparent({ ...context, sampled: true }))).toBeDefined();
  });
});
