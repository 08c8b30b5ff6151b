/** Many worlds on all cores: seeds are dealt out to threads until all are done, enough has gone wrong, time is up, or a law is broken. */

import { Worker } from "node:worker_threads";
import type { FaultKind } from "./faults.ts";
import type { TortureResult } from "./trial.ts";

export type CampaignOptions = {
  readonly seeds: Iterable<number>;
  readonly workers: number;
  /** Ends after so many faults. */
  readonly mostSteps?: number;
  readonly off?: readonly FaultKind[];
  readonly gateways?: number;
  /** Ends it; what is under way is not waited for. */
  readonly signal: AbortSignal;
  readonly onResult?: (sum: Sum) => void;
};

/** What a worker is sent: a few worlds, one after another. */
export type CampaignTask = {
  readonly seeds: readonly number[];
  readonly off: readonly FaultKind[];
  readonly gateways?: number;
};

export type CampaignReport = { readonly result: TortureResult } | { readonly done: true };

export type Sum = {
  readonly worlds: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly faultSteps: number;
  readonly steps: number;
  readonly accepted: number;
  readonly calls: number;
  readonly virtualMs: number;
  /** That with the lowest seed of those that broke a law. */
  readonly broken: TortureResult | undefined;
};

/** Worlds that a thread is given at once. */
const dealt = 4;

const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "./campaign-worker.ts" : "./campaign-worker.js",
  import.meta.url,
);

export async function runCampaign(options: CampaignOptions): Promise<Sum> {
  const { off = [], gateways, mostSteps = Infinity, signal } = options;
  const seeds = options.seeds[Symbol.iterator]();
  let sum: Sum = noSum;
  const workers: Worker[] = [];
  const enough = (): boolean => signal.aborted || sum.broken !== undefined || sum.faultSteps >= mostSteps;
  const runWorker = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const worker = new Worker(workerFile);
    workers.push(worker);
    const handOut = (): void => {
      const next: number[] = [];
      while (next.length < dealt && !enough()) {
        const seed = seeds.next();
        if (seed.done === true) break;
        next.push(seed.value);
      }
      if (next.length === 0) return resolve();
      const task: CampaignTask = { seeds: next, off, ...(gateways === undefined ? {} : { gateways }) };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage(task);
    };
    worker.on("message", (report: CampaignReport) => {
      if ("done" in report) return handOut();
      sum = add(sum, report.result);
      options.onResult?.(sum);
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`a worker ended with code ${code} before its worlds were done`)));
    handOut();
    return promise;
  };
  const aborted = Promise.withResolvers<void>();
  const abort = (): void => aborted.resolve();
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    const all = Promise.all(Array.from({ length: options.workers }, runWorker));
    await Promise.race([all, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return sum;
}

const noSum: Sum = {
  worlds: 0,
  faults: new Map(),
  faultSteps: 0,
  steps: 0,
  accepted: 0,
  calls: 0,
  virtualMs: 0,
  broken: undefined,
};

function add(sum: Sum, result: TortureResult): Sum {
  const faults = new Map(sum.faults);
  let { faultSteps, broken } = sum;
  for (const [kind, count] of result.faults) {
    faults.set(kind, (faults.get(kind) ?? 0) + count);
    faultSteps += count;
  }
  if (result.violations.length > 0 && (broken === undefined || result.seed < broken.seed)) broken = result;
  return {
    worlds: sum.worlds + 1,
    faults,
    faultSteps,
    steps: sum.steps + result.steps,
    accepted: sum.accepted + result.accepted,
    calls: sum.calls + result.calls,
    virtualMs: sum.virtualMs + result.virtualMs,
    broken,
  };
}
