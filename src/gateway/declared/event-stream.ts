/** A run's events as server-sent events: what a client has missed, then what comes, until the run is over. */

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { EventLog } from "./event-log.ts";
import type { RunEvent, RunView } from "./wire.ts";

export type EventStream = {
  /** Absent: the run ended before this process began, and only its end can be told. */
  readonly log: EventLog | undefined;
  /** The last event that the client has. */
  readonly lastId: string;
  readonly view: () => Promise<RunView>;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly keepAliveMs: number;
  readonly nowMs: () => number;
};

/** Resolves when all is told or `signal` is aborted. A slow client waits for itself: nothing is buffered for it. */
export async function streamEvents({
  log,
  lastId,
  view,
  response,
  signal,
  keepAliveMs,
  nowMs,
}: EventStream): Promise<void> {
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  const gone = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    response.once("close", resolve);
  });
  const isOpen = (): boolean => !signal.aborted && !response.destroyed;
  const write = async (text: string): Promise<void> => {
    if (isOpen() && !response.write(text)) await Promise.race([once(response, "drain").catch(() => {}), gone]);
  };
  const beat = setInterval(
    () => isOpen() && response.writableLength === 0 && response.write(": still here\n\n"),
    keepAliveMs,
  );
  beat.unref();
  try {
    if (log === undefined) {
      const run = await view();
      await write(render({ id: 1, atMs: nowMs(), kind: "workflow-snapshot", run }));
    } else await follow(log, toId(lastId), { isOpen, write, gone, view, nowMs });
  } finally {
    clearInterval(beat);
    response.end();
  }
}

type Following = {
  readonly isOpen: () => boolean;
  readonly write: (text: string) => Promise<void>;
  readonly gone: Promise<void>;
  readonly view: () => Promise<RunView>;
  readonly nowMs: () => number;
};

async function follow(log: EventLog, from: number, { isOpen, write, gone, view, nowMs }: Following): Promise<void> {
  let lastId = from;
  while (isOpen()) {
    // Asked for before the log is read, so that nothing slips through between the two.
    const changed = log.changed();
    const closed = log.closed();
    const { events, missed } = log.after(lastId);
    const first = events[0];
    if (missed && first !== undefined)
      await write(render({ id: first.id - 1, atMs: nowMs(), kind: "workflow-snapshot", run: await view() }));
    for (const event of events) {
      if (!isOpen()) return;
      await write(render(event));
      lastId = event.id;
    }
    if (closed) return;
    await Promise.race([changed, gone]);
  }
}

function render(event: RunEvent): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}

function toId(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
