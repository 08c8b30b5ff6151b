/** A run's events as server-sent events: what a client has missed, then what comes, until the run is over. */

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { toView, type DeclaredRun } from "./declared-run.ts";
import { idBefore } from "./event-log.ts";
import type { Followed } from "./runs.ts";
import type { RunEvent } from "./wire.ts";

export type EventStream = {
  /** Absent: the run ended before this process began, or is forgotten, and only how it ended can be told. */
  readonly followed: Followed | undefined;
  readonly run: DeclaredRun;
  /** The last event that the client has. */
  readonly lastId: string;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly keepAliveMs: number;
  readonly nowMs: () => number;
};

/** Resolves when all is told or `signal` is aborted. A slow client waits for itself: nothing is buffered for it. */
export async function streamEvents({
  followed,
  run,
  lastId,
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
  const write = async (event: RunEvent): Promise<void> => {
    // A response that breaks is over, of which `gone` tells.
    if (isOpen() && !response.write(render(event))) await Promise.race([once(response, "drain").catch(() => {}), gone]);
  };
  const beat = setInterval(
    () => isOpen() && response.writableLength === 0 && response.write(": still here\n\n"),
    keepAliveMs,
  );
  beat.unref();
  try {
    if (followed === undefined) for (const event of toEnd(run, toId(lastId), nowMs())) await write(event);
    else await follow(followed, toId(lastId), { isOpen, write, gone, nowMs });
  } finally {
    clearInterval(beat);
    response.end();
  }
}

/** Its ids come after all that were ever told of the run. */
function toEnd(run: DeclaredRun, lastId: number, atMs: number): readonly RunEvent[] {
  const { status, error, holding } = run;
  const id = idBefore(holding.generation + 1) - 1;
  const end: RunEvent = { id, atMs, kind: "workflow-end", status, ...(error === undefined ? {} : { error }) };
  const shown: RunEvent = { id: id - 1, atMs, kind: "workflow-snapshot", run: toView(run) };
  return [shown, end].filter((event) => event.id > lastId);
}

type Following = {
  readonly isOpen: () => boolean;
  readonly write: (event: RunEvent) => Promise<void>;
  readonly gone: Promise<void>;
  readonly nowMs: () => number;
};

async function follow({ log, now }: Followed, from: number, client: Following): Promise<void> {
  let lastId = from;
  while (client.isOpen()) {
    // Asked for before the log is read, so that nothing slips through between the two.
    const changed = log.changed();
    const closed = log.closed();
    const after = log.after(lastId);
    if (after.kind === "missed") {
      // How it stands is looked at in the same instant as the log, so that it fits what follows.
      lastId = after.goOnAfter;
      await client.write({ id: lastId, atMs: client.nowMs(), kind: "workflow-snapshot", run: toView(now()) });
      continue;
    }
    for (const event of after.events) {
      if (!client.isOpen()) return;
      await client.write(event);
      lastId = event.id;
    }
    if (closed) return;
    await Promise.race([changed, client.gone]);
  }
}

function render(event: RunEvent): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}

function toId(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
