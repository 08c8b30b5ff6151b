/**
 * Runs replays on threads of their own, side by side, so that one policy's thinking does not hold up another's engines. Those that
 * run together begin together, once all their gateways stand. One that fails ends all; an abort ends the threads.
 */

import { Worker } from "node:worker_threads";
import type { ReplayJob, ReplayOutcome, ReplayProgress } from "./run-replay.ts";

export type FromReplay =
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly progress: ReplayProgress }
  | { readonly kind: "outcome"; readonly outcome: ReplayOutcome }
  | { readonly kind: "failure"; readonly reason: string };

/** TypeScript in a clone, JavaScript in the built package. */
const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "./replay-worker.ts" : "./replay-worker.js",
  import.meta.url,
);

export type ReplayTogetherOptions = {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ReplayProgress, index: number) => void;
};

/** In the order of the jobs. */
export async function replayTogether(
  jobs: readonly ReplayJob[],
  { signal, onProgress }: ReplayTogetherOptions = {},
): Promise<readonly ReplayOutcome[]> {
  signal?.throwIfAborted();
  const workers: Worker[] = [];
  let ready = 0;
  const run = (job: ReplayJob, index: number): Promise<ReplayOutcome> => {
    const { promise, resolve, reject } = Promise.withResolvers<ReplayOutcome>();
    const worker = new Worker(workerFile, { workerData: job });
    workers.push(worker);
    worker.on("message", (message: FromReplay) => {
      if (message.kind === "outcome") return resolve(message.outcome);
      if (message.kind === "failure") return reject(new Error(`${job.config.policy}: ${message.reason}`));
      if (message.kind === "progress") return onProgress?.(message.progress, index);
      ready += 1;
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      if (ready === jobs.length) for (const each of workers) each.postMessage("begin");
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`a replay's thread ended early, with code ${code}`)));
    return promise;
  };
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([Promise.all(jobs.map(run)), aborted.promise]);
  } finally {
    signal?.removeEventListener("abort", abort);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
