/** The events of a run, over as many connections as it takes. */

import type { RunEvent } from "../gateway/declared/wire.ts";
import { FateError } from "./client-error.ts";

export type Following = {
  readonly after: number;
  readonly retryWaitMs: number;
  readonly signal: AbortSignal | undefined;
};

/** Connections in a row that bring nothing. */
const mostTries = 10;
/** An event holds the result of a stage, which the gateway bounds. */
const maxEventCharacters = 128_000_000;

/** Ends with `workflow-end`, or with a snapshot of a run that is over. */
export async function* followEvents(
  connect: (lastId: number) => Promise<Response>,
  { after, retryWaitMs, signal }: Following,
): AsyncGenerator<RunEvent, void, undefined> {
  let lastId = after;
  for (let tried = 0; ; tried++) {
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
      signal?.throwIfAborted();
      // What the gateway has refused it will refuse again.
      const refused = error instanceof FateError && error.status !== 0 && error.status < 500;
      if (refused || tried === mostTries) throw error;
    }
    if (tried === mostTries) throw new FateError(0, "events_cut", "The events break off again and again.");
    await wait(Math.min(5000, retryWaitMs * 2 ** tried), signal);
  }
}

async function* parseEvents(response: Response): AsyncGenerator<RunEvent, void, undefined> {
  if (response.body === null) return;
  let rest = "";
  // Leaving the loop early ends the connection.
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
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
