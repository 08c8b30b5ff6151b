/** The thread that SQLite runs on, so that the gateway never waits for the disk. */

import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import { createCarryOut, type CarryOut } from "./carry-out.ts";
import { toSqliteFault } from "./fault.ts";
import type { Answer, Question, WorkerOptions } from "./messages.ts";
import { openFile, openFileToRead, type OpenFile } from "./open-file.ts";

const { path, readOnly } = workerData as WorkerOptions;
const port = parentPort;
assert(port !== null, "the SQLite thread runs beside another");

let nowMs = 0;
let file: (OpenFile & { readonly carryOut: CarryOut }) | undefined;

port.on("message", (question: Question) => {
  try {
    port.postMessage(answer(question));
  } catch (error) {
    const { kind, message } = toSqliteFault(error, path);
    port.postMessage({ kind: "fault", fault: kind, message } satisfies Answer);
  }
  if (question.kind === "close") port.close();
});

function answer(question: Question): Answer {
  if (question.kind === "open") {
    const opened = readOnly ? openFileToRead(path) : openFile(path, () => nowMs);
    file = { ...opened, carryOut: createCarryOut(opened.db, path) };
    return { kind: "done" };
  }
  if (question.kind === "close") {
    file?.close();
    file = undefined;
    return { kind: "done" };
  }
  assert(file !== undefined, "the file is opened first");
  switch (question.kind) {
    case "carry-out":
      nowMs = question.nowMs;
      return { kind: "done", outcomes: file.carryOut(question.orders) };
    case "inspect": {
      const rows = file.db.prepare("pragma integrity_check(100)").all();
      const lines = rows.map((row) => String(row["integrity_check"]));
      return { kind: "done", lines: lines.filter((line) => line !== "ok") };
    }
    case "shrink":
      file.db.exec(`pragma incremental_vacuum(${question.pages})`);
      return { kind: "done", left: Number(file.db.prepare("pragma freelist_count").get()?.["freelist_count"] ?? 0) };
    default:
      return question satisfies never;
  }
}
