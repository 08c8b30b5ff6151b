/** The worker's side of `fate calibrate`. */

import { strict as assert } from "node:assert";
import { parentPort, workerData } from "node:worker_threads";
import { calibrate, type Calibrated, type CalibrateOptions } from "../calibrate/calibrate.ts";
import { toFailure, type Failure } from "../experiment/failure.ts";

export type CalibrationReport =
  | { readonly kind: "progress"; readonly text: string }
  | { readonly kind: "result"; readonly result: Calibrated }
  | { readonly kind: "failure"; readonly failure: Failure };

const port = parentPort;
assert(port !== null, "calibrate-worker runs as a worker thread only");
const send = (report: CalibrationReport): void => port.postMessage(report);

try {
  const options = workerData as Omit<CalibrateOptions, "onProgress">;
  send({ kind: "result", result: calibrate({ ...options, onProgress: (text) => send({ kind: "progress", text }) }) });
} catch (error) {
  send({ kind: "failure", failure: toFailure(error) });
}
