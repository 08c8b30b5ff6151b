/** The thread's side of `replayTogether`: one replay. */

import { strict as assert } from "node:assert";
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import type { FromReplay } from "./replay-threads.ts";
import { runReplay, type ReplayJob } from "./run-replay.ts";

const port = parentPort;
assert(port !== null, "replay-worker runs as a worker thread only");

const send = (message: FromReplay): void => port.postMessage(message);

try {
  const outcome = await runReplay(workerData as ReplayJob, {
    // The thread is ended from outside.
    signal: new AbortController().signal,
    ready: async () => {
      send({ kind: "ready" });
      await once(port, "message");
    },
    onProgress: (progress) => send({ kind: "progress", progress }),
  });
  send({ kind: "outcome", outcome });
} catch (error) {
  send({ kind: "failure", reason: error instanceof Error ? error.message : String(error) });
}
