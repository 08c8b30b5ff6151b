/** `fate calibrate`: fits the cost model on measured tables, or shows its error on some. */

import { Worker } from "node:worker_threads";
import type { Calibrated, CalibrateOptions } from "../calibrate/calibrate.ts";
import { toError } from "../experiment/failure.ts";
import { command } from "./arguments.ts";
import type { CalibrationReport } from "./calibrate-worker.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

export const calibrateCommand = command({
  name: "calibrate",
  summary: "fit the cost model on measured tables, or show its error on some",
  usage: "calibrate [--data DIR] [--out DIR] | calibrate --check FILE",
  options: [
    {
      name: "data",
      kind: "text",
      shows: "DIR",
      summary: "folder that holds aiconfigurator/; ../shared/data unless said",
    },
    {
      name: "out",
      kind: "text",
      shows: "DIR",
      summary: "a clone of fate, to write its shipped calibration and the report to",
    },
    {
      name: "check",
      kind: "text",
      shows: "FILE",
      summary: "fit nothing: hold the shipped calibration against these rows",
    },
    { name: "json", kind: "flag", summary: "calibration and errors as JSON" },
  ],
  positionals: [],
  examples: ["fate calibrate --data ../shared/data --out .", "fate calibrate --check measured.csv.gz"],
  run: async ({ values, terminal }) => {
    const { data, out, check } = values;
    if (check !== undefined && (data !== undefined || out !== undefined))
      throw new UsageError("--check fits nothing, so that it goes with neither --data nor --out");
    const options = {
      data: data ?? "../shared/data",
      ...(out === undefined ? {} : { out }),
      ...(check === undefined ? {} : { check }),
    };
    const { calibration, report, text } = await calibrateAside(options, terminal);
    terminal.out(values.json ? `${JSON.stringify({ calibration, report }, undefined, 2)}\n` : text);
  },
});

/** TypeScript in a clone, JavaScript in the built package. */
const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "./calibrate-worker.ts" : "./calibrate-worker.js",
  import.meta.url,
);

/** On a thread of its own, so that an interrupt is heard. */
async function calibrateAside(options: Omit<CalibrateOptions, "onProgress">, terminal: Terminal): Promise<Calibrated> {
  const { promise, resolve, reject } = Promise.withResolvers<Calibrated>();
  const worker = new Worker(workerFile, { workerData: options });
  const abort = (): void => reject(terminal.signal.reason as Error);
  terminal.signal.addEventListener("abort", abort, { once: true });
  worker.on("message", (report: CalibrationReport) => {
    if (report.kind === "progress") terminal.progress(report.text);
    else if (report.kind === "result") resolve(report.result);
    else reject(toError(report.failure));
  });
  worker.on("error", reject);
  try {
    return await promise;
  } finally {
    terminal.endProgress();
    terminal.signal.removeEventListener("abort", abort);
    await worker.terminate();
  }
}
