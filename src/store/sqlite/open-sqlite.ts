/** The store in an SQLite file, which one process has for itself. */

import { Worker } from "node:worker_threads";
import { askByVerbs, type KeptStore } from "../ask-by-verbs.ts";
import { Lane } from "../lane.ts";
import { StoreFault } from "../store.ts";
import type { Answer, Question, WorkerOptions } from "./messages.ts";

export type SqliteOptions = {
  readonly path: string;
  /** By which leases run out: milliseconds that never go backwards. */
  readonly nowMs: () => number;
  /** Only looks at it, beside a gateway that may have it open. */
  readonly readOnly?: boolean;
  /** At most so many verbs share a commit. */
  readonly maxBatch?: number;
};

/** Of 4 KiB each: a step of giving space back that keeps the thread busy for some milliseconds. */
const pagesAStep = 500;

const workerFile = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

export async function openSqlite({ path, nowMs, readOnly = false, maxBatch }: SqliteOptions): Promise<KeptStore> {
  const thread = new SqliteThread({ path, readOnly });
  try {
    await thread.ask({ kind: "open" });
  } catch (error) {
    await thread.end();
    throw error;
  }
  const lane = new Lane({
    carryOut: async (orders) => (await thread.ask({ kind: "carry-out", nowMs: nowMs(), orders })).outcomes ?? [],
    ...(maxBatch === undefined ? {} : { maxBatch }),
  });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await lane.close();
    try {
      await thread.ask({ kind: "close" });
    } finally {
      await thread.end();
    }
  };
  return {
    ...askByVerbs((order) => lane.ask(order)),
    inspect: async () => (await thread.ask({ kind: "inspect" })).lines ?? [],
    shrink: async () => ((await thread.ask({ kind: "shrink", pages: pagesAStep })).left ?? 0) > 0,
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

type Done = Extract<Answer, { kind: "done" }>;
type Asked = { readonly resolve: (answer: Done) => void; readonly reject: (fault: StoreFault) => void };

/** Answers come in the order of the questions. It keeps the process alive only while a question is open. */
class SqliteThread {
  readonly #worker: Worker;
  readonly #asked: Asked[] = [];
  /** Present once the thread is gone. */
  #gone: StoreFault | undefined;

  constructor(options: WorkerOptions) {
    this.#worker = new Worker(workerFile, { workerData: options });
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer) => this.#settle(answer));
    this.#worker.on("error", (error) => this.#break(error instanceof Error ? error.message : String(error)));
    this.#worker.on("exit", () => this.#break("it has ended"));
  }

  ask(question: Question): Promise<Done> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    const { promise, resolve, reject } = Promise.withResolvers<Done>();
    this.#asked.push({ resolve, reject });
    this.#worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
    this.#worker.postMessage(question);
    return promise;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answer: Answer): void {
    const asked = this.#asked.shift();
    if (this.#asked.length === 0) this.#worker.unref();
    if (answer.kind === "done") asked?.resolve(answer);
    else asked?.reject(new StoreFault(answer.fault, answer.message));
  }

  #break(reason: string): void {
    this.#gone ??= new StoreFault("broken", `the thread of the SQLite file: ${reason}`);
    for (const { reject } of this.#asked.splice(0)) reject(this.#gone);
  }
}
