/** Answers what would have been under another policy: on a thread of its own, one question at a time, in bounded time. */

import { Worker } from "node:worker_threads";
import type { WhatIf, WhatIfAnswer } from "../view/what-if.ts";

export type FromWhatIf =
  | { readonly kind: "answer"; readonly answer: WhatIfAnswer }
  | { readonly kind: "failure"; readonly reason: string };

/** TypeScript in a clone, JavaScript in the built package. */
const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "./what-if-worker.ts" : "./what-if-worker.js",
  import.meta.url,
);

/** Some planners think long about many stages. */
const longestMs = 120_000;

export function createWhatIf(): WhatIf {
  let busy = false;
  return async (question, signal) => {
    if (busy) throw new Error("Another question of this kind is being answered; ask again in a moment.");
    busy = true;
    try {
      return await ask(question, signal);
    } finally {
      busy = false;
    }
  };
}

async function ask(question: string, signal: AbortSignal): Promise<WhatIfAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WhatIfAnswer>();
  const worker = new Worker(workerFile, { workerData: question, resourceLimits: { maxOldGenerationSizeMb: 2048 } });
  worker.on("message", (message: FromWhatIf) => {
    if (message.kind === "answer") resolve(message.answer);
    else reject(new Error(message.reason));
  });
  worker.on("error", (error) =>
    reject(new Error(`It could not be replayed: ${error instanceof Error ? error.message : String(error)}`)),
  );
  worker.on("exit", () => reject(new Error("It could not be replayed.")));
  const timer = setTimeout(
    () => reject(new Error(`It takes longer than ${longestMs / 1000} s; ask about less.`)),
    longestMs,
  );
  const giveUp = (): void => reject(new Error("Nobody waits for the answer any more."));
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    await worker.terminate();
  }
}
