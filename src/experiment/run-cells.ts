/**
 * Runs cells on worker threads and returns the results in the order of the cells, whatever finished first.
 * One cell that fails ends all; an abort terminates the workers before the promise settles.
 */

import { Worker } from "node:worker_threads";
import type { CellResult, CellSpec } from "./cell.ts";
import { toError, type Failure } from "./failure.ts";
import { discardPartial } from "./whole-file.ts";

export type RunCellsOptions = {
  readonly workers: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Each result as it comes, in no order. */
  readonly onResult?: (result: CellResult, index: number) => void;
};

export type Progress = {
  readonly cells: number;
  readonly done: number;
  /** Done, with the finished part of what runs; between 0 and `cells`. */
  readonly doneShare: number;
};

/** What a worker is sent. */
export type CellTask = { readonly index: number; readonly spec: CellSpec };

/** What a worker answers. */
export type CellReport =
  | { readonly kind: "progress"; readonly index: number; readonly share: number }
  | { readonly kind: "result"; readonly index: number; readonly result: CellResult }
  | { readonly kind: "failure"; readonly index: number; readonly failure: Failure };

/** TypeScript in a clone, JavaScript in the built package. */
const workerFile = new URL(import.meta.url.endsWith(".ts") ? "./cell-worker.ts" : "./cell-worker.js", import.meta.url);

export async function runCells(specs: readonly CellSpec[], options: RunCellsOptions): Promise<readonly CellResult[]> {
  const { signal } = options;
  signal?.throwIfAborted();
  const results: CellResult[] = [];
  const shares = new Map<number, number>();
  let next = 0;
  let done = 0;
  const workers: Worker[] = [];

  const report = (): void => {
    let running = 0;
    for (const share of shares.values()) running += share;
    options.onProgress?.({ cells: specs.length, done, doneShare: done + running });
  };

  /** One worker, from its first cell to its last. */
  const runWorker = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const worker = new Worker(workerFile);
    workers.push(worker);
    const handOut = (): void => {
      const index = next++;
      const spec = specs[index];
      if (spec === undefined) return resolve();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage({ index, spec } satisfies CellTask);
    };
    worker.on("message", (message: CellReport) => {
      if (message.kind === "failure") return reject(toError(message.failure, nameOf(specs[message.index])));
      if (message.kind === "progress") {
        shares.set(message.index, message.share);
      } else {
        shares.delete(message.index);
        results[message.index] = message.result;
        done += 1;
        // What is thrown here would be thrown at nobody.
        try {
          options.onResult?.(message.result, message.index);
        } catch (error) {
          return reject(error);
        }
        handOut();
      }
      report();
    });
    worker.on("error", reject);
    worker.on("exit", (code) => {
      reject(new Error(`a worker ended with code ${code} before its cells were done`));
    });
    handOut();
    return promise;
  };

  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const count = Math.max(1, Math.min(options.workers, specs.length));
    const all = Promise.all(Array.from({ length: count }, runWorker));
    await Promise.race([all, aborted.promise]);
  } finally {
    signal?.removeEventListener("abort", abort);
    await Promise.all(workers.map((worker) => worker.terminate()));
    specs.forEach(({ journal }, index) => {
      if (journal !== undefined && results[index] === undefined) discardPartial(journal);
    });
  }
  return results;
}

function nameOf(spec: CellSpec | undefined): string | undefined {
  return spec === undefined ? undefined : `${spec.policy} on ${spec.cluster}, seed ${spec.seed}`;
}
