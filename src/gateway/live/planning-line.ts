/**
 * The gateway's end of the planning thread. The thread is there from the start, and told what happens only while it is asked for
 * plans: from the first question until none came for a while. One that breaks is replaced at the next question.
 */

import { Worker } from "node:worker_threads";
import type { CacheCopy } from "./cache-copy.ts";
import type { FromThread, ToThread } from "./thread-protocol.ts";
import type { Time, Timer } from "./time.ts";

/** What a thread needs to begin with: the header's line, what is open as lines, what is cached. */
export type Snapshot = {
  readonly header: string;
  readonly lines: string;
  readonly caches: readonly CacheCopy[];
};

export type LineHost = {
  readonly time: Time;
  readonly policy: string;
  readonly hardestWaitUs: number;
  readonly snapshot: () => Snapshot;
  /** Calls back with the journal's lines from now on; returns how to stop. */
  readonly follow: (follower: (lines: string) => void) => () => void;
  readonly onAnswer: (answer: FromThread) => void;
  readonly onBroken: (reason: string) => void;
};

/** A thread that had nothing to plan for this long is no longer told what happens. */
const quietMs = 30_000;

const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "./planning-thread.ts" : "./planning-thread.js",
  import.meta.url,
);

export class PlanningLine {
  readonly #host: LineHost;
  #worker: Worker | undefined;
  /** Present while the thread follows. */
  #stopFollowing: (() => void) | undefined;
  #quiet: Timer | undefined;

  constructor(host: LineHost) {
    this.#host = host;
    this.#worker = this.#start();
  }

  ask(question: Extract<ToThread, { kind: "plan" }>): void {
    const worker = (this.#worker ??= this.#start());
    if (this.#stopFollowing === undefined) this.#begin(worker);
    this.#quiet?.stop();
    this.#quiet = this.#host.time.after(quietMs, () => this.rest(), "unref");
    send(worker, question);
  }

  #start(): Worker {
    const worker = new Worker(workerFile);
    worker.unref();
    worker.on("message", this.#host.onAnswer);
    worker.on("error", (error) => this.#break(worker, error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => this.#break(worker, `exit code ${code}`));
    return worker;
  }

  #begin(worker: Worker): void {
    const { policy, hardestWaitUs, snapshot, follow } = this.#host;
    const { header, lines, caches } = snapshot();
    send(worker, { kind: "begin", policy, hardestWaitUs, header, caches });
    send(worker, { kind: "follow", lines });
    this.#stopFollowing = follow((more) => send(worker, { kind: "follow", lines: more }));
  }

  /** Tells the thread nothing more until it is asked again. */
  rest(): void {
    this.#quiet?.stop();
    this.#quiet = undefined;
    this.#stopFollowing?.();
    this.#stopFollowing = undefined;
  }

  #break(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.rest();
    this.#host.onBroken(reason);
  }

  /** Ends the thread; the next question is for another one. */
  async close(): Promise<void> {
    this.rest();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

function send(worker: Worker, message: ToThread): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  worker.postMessage(message);
}
