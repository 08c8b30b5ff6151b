#!/usr/bin/env node
/** The program: finds the command, runs it, and turns whatever comes of it into an exit code. */

import { enableCompileCache } from "node:module";

// What is loaded after this line is compiled once, not at each start.
enableCompileCache();
const [{ runCommandLine }, { createTerminal }] = await Promise.all([
  import("./run-command-line.ts"),
  import("./terminal.ts"),
]);

const interrupt = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    // The second one no longer waits for anything to be tidied.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort();
  });
}
// A reader that has seen enough, such as head, is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
process.stderr.on("error", () => {});

process.exitCode = await runCommandLine(
  process.argv.slice(2),
  createTerminal({
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: interrupt.signal,
    nowMs: () => performance.now(),
  }),
  process.env["FATE_DEBUG"] === "1",
);
