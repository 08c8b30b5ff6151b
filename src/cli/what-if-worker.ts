/** The thread that replays a workload in the simulator, once under the policy that ran and once under the one it is held against. */

import { parentPort, workerData } from "node:worker_threads";
import { answerWhatIf } from "./answer-what-if.ts";
import type { FromWhatIf } from "./what-if.ts";

function tell(message: FromWhatIf): void {
  // It is a thread, not a window: there is no origin to name.
  // eslint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(message);
}

try {
  tell({ kind: "answer", answer: answerWhatIf(workerData as string) });
} catch (error) {
  tell({ kind: "failure", reason: error instanceof Error ? error.message : String(error) });
}
