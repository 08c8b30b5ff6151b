/** Sends spans to an OpenTelemetry collector: OTLP over HTTP as JSON, in batches. Bounded; what cannot be sent is dropped and counted. */

import { Pool } from "undici";

export type OtlpSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "client";
  /** Whole microseconds since 1970. */
  readonly startUnixUs: number;
  readonly endUnixUs: number;
  readonly attributes: Readonly<Record<string, AttributeValue | undefined>>;
  /** In words, if it failed. */
  readonly error?: string;
};

export type AttributeValue = string | number | boolean;

export type OtlpExporter = AsyncDisposable & {
  readonly add: (spans: readonly OtlpSpan[]) => void;
  /** Sends what is waiting now, each batch once. */
  readonly flush: () => Promise<void>;
  readonly counts: () => { readonly sent: number; readonly dropped: number; readonly waiting: number };
};

export type OtlpOptions = {
  /** Such as `http://127.0.0.1:4318/v1/traces`. */
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, AttributeValue>>;
  readonly maxWaiting?: number;
  readonly maxBatch?: number;
  /** How long a span waits for others. */
  readonly everyMs?: number;
  readonly timeoutMs?: number;
};

/** A batch that failed so often is dropped. */
const maxTries = 4;
/** An answer beyond that is not read: it only says how many spans were refused. */
const maxAnswerBytes = 65_536;
/** Answers after which the same batch may be sent again. */
const retryable = new Set([429, 502, 503, 504]);

/** Invariant: at most `maxWaiting` spans wait, one request is under way, and sent + dropped + waiting is all that was added. */
export function createOtlpExporter(options: OtlpOptions): OtlpExporter {
  const {
    endpoint,
    headers = {},
    resource,
    maxWaiting = 4096,
    maxBatch = 512,
    everyMs = 1000,
    timeoutMs = 5000,
  } = options;
  const { origin, pathname, search } = new URL(endpoint);
  const pool = new Pool(origin, { connections: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
  let waiting: OtlpSpan[] = [];
  let tries = 0;
  let sent = 0;
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let open = true;

  const add = (spans: readonly OtlpSpan[]): void => {
    const taken = open ? Math.min(spans.length, maxWaiting - waiting.length) : 0;
    dropped += spans.length - taken;
    for (let index = 0; index < taken; index++) waiting.push(spans[index] as OtlpSpan);
    if (taken > 0) schedule(everyMs);
  };
  const schedule = (ms: number): void => {
    if (timer !== undefined || sending !== undefined || !open || waiting.length === 0) return;
    timer = setTimeout(() => void flush(), ms);
    timer.unref();
  };
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    sending ??= sendWaiting().finally(() => {
      sending = undefined;
      // Longer from try to try, so that a collector that is away is not hammered.
      schedule(everyMs * 2 ** tries);
    });
    return sending;
  };
  const sendWaiting = async (): Promise<void> => {
    for (let left = Math.ceil(waiting.length / maxBatch); left > 0; left--) {
      const batch = waiting.slice(0, maxBatch);
      const outcome = await send(batch);
      tries = outcome.kind === "again" ? tries + 1 : 0;
      if (outcome.kind === "again" && tries < maxTries) return;
      tries = 0;
      waiting = waiting.slice(batch.length);
      const refused = outcome.kind === "taken" ? Math.min(outcome.refused, batch.length) : batch.length;
      dropped += refused;
      sent += batch.length - refused;
    }
  };
  const send = async (batch: readonly OtlpSpan[]): Promise<Outcome> => {
    try {
      const { statusCode, body } = await pool.request({
        path: `${pathname}${search}`,
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: encodeSpans(resource, batch),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await readSome(body);
      if (statusCode >= 200 && statusCode < 300) return { kind: "taken", refused: refusedSpans(text) };
      return { kind: retryable.has(statusCode) ? "again" : "refused" };
    } catch {
      // No connection, no answer in time, cut off: the collector is away, which the counts show.
      return { kind: "again" };
    }
  };
  const close = async (): Promise<void> => {
    if (!open) return;
    await sending;
    await flush();
    open = false;
    clearTimeout(timer);
    dropped += waiting.length;
    waiting = [];
    await pool.destroy();
  };
  return { add, flush, counts: () => ({ sent, dropped, waiting: waiting.length }), [Symbol.asyncDispose]: close };
}

type Outcome = { readonly kind: "taken"; readonly refused: number } | { readonly kind: "again" | "refused" };

async function readSome(body: AsyncIterable<Buffer> & { destroy: () => unknown }): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > maxAnswerBytes) break;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** A collector may take a part: `{"partialSuccess":{"rejectedSpans":"3"}}`, the number as text or not. */
function refusedSpans(text: string): number {
  try {
    const refused = Number(
      (JSON.parse(text) as { partialSuccess?: { rejectedSpans?: unknown } }).partialSuccess?.rejectedSpans,
    );
    return Number.isInteger(refused) && refused > 0 ? refused : 0;
  } catch {
    // An empty answer, or one in another format, has no complaints.
    return 0;
  }
}

const kinds = { internal: 1, server: 2, client: 3 } as const;
const failed = 2;

/** The body of a request: spans of one resource. */
export function encodeSpans(resource: OtlpOptions["resource"], spans: readonly OtlpSpan[]): string {
  const scopeSpans = [{ scope: { name: "fate" }, spans: spans.map(toJson) }];
  return JSON.stringify({ resourceSpans: [{ resource: { attributes: toAttributes(resource) }, scopeSpans }] });
}

function toJson({ kind, startUnixUs, endUnixUs, attributes, error, ...span }: OtlpSpan): object {
  return {
    ...span,
    kind: kinds[kind],
    // 64-bit numbers go as text; nanoseconds since 1970 are beyond what a double counts exactly.
    startTimeUnixNano: `${startUnixUs}000`,
    endTimeUnixNano: `${endUnixUs}000`,
    attributes: toAttributes(attributes),
    ...(error !== undefined && { status: { code: failed, message: error } }),
  };
}

function toAttributes(values: OtlpSpan["attributes"]): object[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: toValue(value) }],
  );
}

function toValue(value: AttributeValue): object {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "string") return { stringValue: value.toWellFormed() };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
