/** A trace of each call: a span from its first byte to its last, with spans for its queue, load, prefill and decode inside. */

import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { OtlpExporter, OtlpSpan } from "../../wire/otlp.ts";
import type { Surface } from "../call/call.ts";
import { operations, providers } from "./gen-ai.ts";
import { parseTraceparent, type TraceContext } from "./trace-context.ts";

export type Traces = {
  /** For a call that came with this header, or none. */
  readonly begin: (traceparent: string | undefined) => TraceContext;
  /** Hands the call's spans on, if its trace is to be recorded. */
  readonly finish: (context: TraceContext, call: TracedCall) => void;
};

/** What is told of a call. Never its text. Times are of the gateway's clock. */
export type TracedCall = {
  readonly surface: Surface;
  readonly startUs: number;
  readonly endUs: number;
  readonly status: number;
  readonly model?: ModelId;
  readonly engine?: EngineId;
  readonly workflow?: string;
  readonly stage?: string;
  readonly tenant?: string;
  readonly stream?: boolean;
  readonly promptTokens?: number;
  readonly outputTokens?: number;
  readonly cachedTokens?: number;
  /** As in `x-fate-route`. */
  readonly reason?: string;
  readonly attempts?: number;
  readonly error?: string;
  readonly phases: readonly TracedPhase[];
};

export type TracedPhase = {
  readonly name: "queue" | "load" | "prefill" | "decode";
  readonly startUs: number;
  readonly endUs: number;
};

export type TracesOptions = {
  readonly exporter: Pick<OtlpExporter, "add">;
  /** Of the traces that begin here, how many are recorded: 0 to 1. A caller's own decision is kept. */
  readonly ratio: number;
  /** Unix time at the gateway's instant 0, in whole microseconds. */
  readonly originUnixUs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
};

/** Longer texts are cut: ids come from clients. */
const maxCharacters = 256;
const maxPhases = 64;

export function createTraces({ exporter, ratio, originUnixUs, random }: TracesOptions): Traces {
  const id = (digits: 16 | 32): string => randomId(digits, random);
  const begin = (traceparent: string | undefined): TraceContext => {
    const caller = parseTraceparent(traceparent);
    if (caller === undefined) return { traceId: id(32), spanId: id(16), sampled: random() < ratio };
    return { traceId: caller.traceId, spanId: id(16), parentSpanId: caller.spanId, sampled: caller.sampled };
  };
  const finish = (context: TraceContext, call: TracedCall): void => {
    if (!context.sampled) return;
    const { traceId, spanId, parentSpanId } = context;
    const times = (of: TracedPhase | TracedCall) => ({
      startUnixUs: originUnixUs + of.startUs,
      endUnixUs: originUnixUs + of.endUs,
    });
    const root: OtlpSpan = {
      traceId,
      spanId,
      ...(parentSpanId !== undefined && { parentSpanId }),
      name: `${operations[call.surface]} ${cut(call.model) ?? "unknown"}`,
      kind: "server",
      ...times(call),
      attributes: toAttributes(call),
      ...(call.status >= 500 && { error: cut(call.error) ?? "" }),
    };
    const children = call.phases.slice(0, maxPhases).map((phase): OtlpSpan => {
      const attributes = { "fate.engine": cut(call.engine) };
      return {
        traceId,
        spanId: id(16),
        parentSpanId: spanId,
        name: phase.name,
        kind: "internal",
        ...times(phase),
        attributes,
      };
    });
    exporter.add([root, ...children]);
  };
  return { begin, finish };
}

/** GenAI names where they exist, else our own. */
function toAttributes(call: TracedCall): OtlpSpan["attributes"] {
  return {
    "gen_ai.operation.name": operations[call.surface],
    "gen_ai.provider.name": providers[call.surface],
    "gen_ai.request.model": cut(call.model),
    "gen_ai.request.stream": call.stream,
    "gen_ai.usage.input_tokens": call.promptTokens,
    "gen_ai.usage.output_tokens": call.outputTokens,
    "gen_ai.usage.cache_read.input_tokens": call.cachedTokens,
    "gen_ai.conversation.id": cut(call.workflow),
    "http.response.status_code": call.status,
    "error.type": call.status < 400 ? undefined : String(call.status),
    "fate.engine": cut(call.engine),
    "fate.stage": cut(call.stage),
    "fate.tenant": cut(call.tenant),
    "fate.reason": cut(call.reason),
    "fate.attempts": call.attempts,
  };
}

function cut(text: string | undefined): string | undefined {
  return text !== undefined && text.length > maxCharacters ? `${text.slice(0, maxCharacters - 1)}…` : text;
}

/** Not all zeros: that would be no id. */
function randomId(digits: 16 | 32, random: () => number): string {
  let id = "";
  while (id.length < digits)
    id += Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, "0");
  return /^0+$/.test(id) ? id.replace(/0$/, "1") : id;
}
