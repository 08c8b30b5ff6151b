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
/** One press of Ctrl-C can come twice: the terminal sends it to all that run in it, and npm passes on what it got. */
const onePressMs = 500;
/** So long one stays to hear the second: in the midst of ending it would kill, and the exit code would not be 130. */
const passedOnMs = 100;
let firstMs = Infinity;
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    const ms = performance.now();
    // The second one no longer waits for anything to be tidied.
    if (ms - firstMs > onePressMs) process.exit(130);
    if (firstMs === Infinity) setTimeout(() => {}, passedOnMs);
    firstMs = Math.min(firstMs, ms);
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
