/**
 * Messages over a channel. Each line carries its number, so that one that is repeated is told from one that follows, and one that
 * is missing is missed. A side that has nothing to say beats; one that is silent for too long is given up.
 */

import type { Time } from "../live/time.ts";
import { maxLineLength, type Channel } from "./channel.ts";

export type LinkOptions<In> = {
  readonly time: Time;
  readonly channel: Channel;
  /** Between two beats. After four of them without a word the other side is gone. */
  readonly beatMs: number;
  /** Throws for what makes no sense. */
  readonly parse: (value: unknown) => In;
  /** What throws ends the link. */
  readonly onMessage: (message: In) => void;
  /** Once, unless it was ended from here. */
  readonly onEnd: (reason: string) => void;
};

export type Link<Out> = {
  readonly send: (message: Out) => void;
  readonly end: () => void;
};

/** Beats that may go by in silence. Counted, not measured: a process that was stopped itself has heard nothing either. */
const mostSilent = 4;
/** More than this may only wait to go out if it becomes less from beat to beat, as after an announcement of very much. */
const maxBacklog = 4 * maxLineLength;

export function createLink<In, Out extends { readonly kind: string }>(options: LinkOptions<In>): Link<Out | Beat> {
  const { time, channel, parse } = options;
  let sent = 0;
  let heard = 0;
  let silent = 0;
  let quiet = false;
  let backlog = 0;
  let open = true;

  const end = (): void => {
    if (!open) return;
    open = false;
    beats.stop();
    channel.close();
  };
  const fail = (reason: string): void => {
    if (!open) return;
    end();
    options.onEnd(reason);
  };
  const send = (message: Out | Beat): void => {
    if (!open) return;
    sent += 1;
    quiet = false;
    channel.send(`[${sent},${JSON.stringify(message)}]`);
  };
  const beats = time.every(
    options.beatMs,
    () => {
      silent += 1;
      if (silent > mostSilent) return fail(`nothing was heard for ${mostSilent} beats`);
      const before = backlog;
      backlog = channel.backlog();
      if (backlog > maxBacklog && backlog >= before && before > 0) return fail(`${backlog} characters wait to go out`);
      if (quiet) send({ kind: "beat" });
      quiet = true;
    },
    "unref",
  );
  const take = (line: string): void => {
    const { number, message } = readLine(line);
    if (number <= heard) return;
    if (number !== heard + 1) throw new Error(`line ${number} came after line ${heard}`);
    heard = number;
    silent = 0;
    const read = parse(message);
    options.onMessage(read);
  };

  channel.listen({
    onLine: (line) => {
      if (!open) return;
      try {
        take(line);
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error));
      }
    },
    onClose: () => fail("the other side is gone"),
  });
  return { send, end };
}

export type Beat = { readonly kind: "beat" };

/** `[NUMBER,MESSAGE]`. */
function readLine(line: string): { readonly number: number; readonly message: unknown } {
  if (line.length > maxLineLength) throw new Error(`a line of ${line.length} characters`);
  const read: unknown = JSON.parse(line);
  if (!Array.isArray(read) || read.length !== 2) throw new Error("a line that is not a number and a message");
  const [number, message] = read as [unknown, unknown];
  if (!Number.isSafeInteger(number) || (number as number) < 1) throw new Error("a line without its number");
  return { number: number as number, message };
}
