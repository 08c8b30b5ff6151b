/** W3C trace context: whose trace a call belongs to, as the `traceparent` header says it. */

/** A call's own span, and whom it hangs under. Ids are lower-case hexadecimal. */
export type TraceContext = {
  /** 32 digits. */
  readonly traceId: string;
  /** 16 digits. */
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** Whoever began the trace wants it recorded. */
  readonly sampled: boolean;
};

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const maxCharacters = 256;

/** The caller's span; undefined for what is none, as for no header at all: then a trace begins here. */
export function parseTraceparent(header: string | undefined): Omit<TraceContext, "parentSpanId"> | undefined {
  if (header === undefined || header.length > maxCharacters) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", rest] = pattern.exec(header.trim()) ?? [];
  // Later versions may say more behind the flags; version 00 may not, and ff is none.
  if (version === undefined || version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** For the header of a request made in the course of this span. */
export function toTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}
