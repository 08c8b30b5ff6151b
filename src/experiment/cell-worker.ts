/** The worker's side of `runCells`: runs the cells it is sent, one after another. */

import { strict as assert } from "node:assert";
import { parentPort } from "node:worker_threads";
import { toFailure } from "./failure.ts";
import { runCell } from "./run-cell.ts";
import type { CellReport, CellTask } from "./run-cells.ts";

const port = parentPort;
assert(port !== null, "cell-worker runs as a worker thread only");

const send = (report: CellReport): void => port.postMessage(report);

port.on("message", ({ index, spec }: CellTask) => {
  try {
    const result = runCell(spec, (share) => send({ kind: "progress", index, share }));
    send({ kind: "result", index, result });
  } catch (error) {
    send({ kind: "failure", index, failure: toFailure(error) });
  }
});
