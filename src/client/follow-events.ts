/** The events of a run, over as many connections as it takes. */

import type { RunEvent } from "../gateway/declared/wire.ts";
import { FateError } from "./client-error.ts";

export type Following = {
  readonly after: number;
  readonly retryWaitMs: number;
  readonly signal: AbortSignal | undefined;
  /** Told before each wait for a gateway that is gone, or is not itself yet. */
  readonly onWait?: ((wait: Wait) => void) | undefined;
};

export type Wait = {
  /** How many tries in a row came to nothing. */
  readonly tried: number;
  readonly waitMs: number;
  readonly reason: string;
};

/** Connections in a row that bring nothing: with the usual waits more than half a minute. */
const mostTries = 10;
const longestWaitMs = 5000;
/** A gateway says at least every 15 s that it is still there. */
const longestSilenceMs = 60_000;
/** An event holds the result of a stage, which the gateway bounds. */
const maxEventCharacters = 128_000_000;

/** Ends with `workflow-end`, or with a snapshot of a run that is over. */
export async function* followEvents(
  connect: (lastId: number) => Promise<Response>,
  { after, ...following }: Following,
): AsyncGenerator<RunEvent, void, undefined> {
  let lastId = after;
  for (let tried = 0; ; tried++) {
    let reason = "the events broke off";
    try {
      const response = await connect(lastId);
      for await (const event of parseEvents(response)) {
        tried = 0;
        lastId = event.id;
        yield event;
        if (event.kind === "workflow-end") return;
        if (event.kind === "workflow-snapshot" && event.run.status !== "running") return;
      }
    } catch (error) {
      following.signal?.throwIfAborted();
      if (isRefusal(error) || tried === mostTries) throw error;
      reason = error instanceof FateError ? error.message : "the connection broke";
    }
    if (tried === mostTries) throw new FateError(0, "events_cut", "The events break off again and again.");
    await pause(tried, reason, following);
  }
}

/** A question that a gateway which starts again answers later: asked as often as broken events are taken up. */
export async function askPatiently<T>(ask: () => Promise<T>, following: Omit<Following, "after">): Promise<T> {
  for (let tried = 0; ; tried++) {
    try {
      return await ask();
    } catch (error) {
      following.signal?.throwIfAborted();
      if (!(error instanceof FateError) || isRefusal(error) || tried === mostTries) throw error;
      await pause(tried, error.message, following);
    }
  }
}

/** What the gateway has refused it will refuse again. */
function isRefusal(error: unknown): boolean {
  return error instanceof FateError && error.status !== 0 && error.status < 500;
}

async function pause(
  tried: number,
  reason: string,
  { retryWaitMs, signal, onWait }: Omit<Following, "after">,
): Promise<void> {
  const waitMs = Math.min(longestWaitMs, retryWaitMs * 2 ** tried);
  onWait?.({ tried: tried + 1, waitMs, reason });
  await wait(waitMs, signal);
}

async function* parseEvents(response: Response): AsyncGenerator<RunEvent, void, undefined> {
  if (response.body === null) return;
  let rest = "";
  // Leaving the loop early ends the connection.
  for await (const piece of withoutSilence(response.body.pipeThrough(new TextDecoderStream()))) {
    rest += piece;
    if (rest.length > maxEventCharacters)
      throw new FateError(0, "event_too_large", "An event is too large to take in.");
    let start = 0;
    for (let end = rest.indexOf("\n\n"); end !== -1; end = rest.indexOf("\n\n", start)) {
      const event = parseEvent(rest.slice(start, end));
      start = end + 2;
      if (event !== undefined) yield event;
    }
    rest = rest.slice(start);
  }
}

/** Ends where a connection is there and nobody speaks: its other end may have gone without a word. */
async function* withoutSilence(pieces: ReadableStream<string>): AsyncGenerator<string, void, undefined> {
  const reader = pieces.getReader();
  try {
    for (;;) {
      const { promise: silence, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => resolve(undefined), longestSilenceMs);
      const read = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer));
      if (read === undefined || read.done) return;
      yield read.value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** A comment keeps the stream from looking dead and says nothing. */
function parseEvent(block: string): RunEvent | undefined {
  const data = block.split("\n").find((line) => line.startsWith("data:"));
  return data === undefined ? undefined : (JSON.parse(data.slice("data:".length)) as RunEvent);
}

/** Rejects when it is aborted. */
function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        // Whoever aborts says why, and what it is is theirs.
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
