/** `fate replay`: the viewer of journals, in a browser on this machine. */

import { openJournal } from "../journal/read.ts";
import { serveViewer } from "../view/serve-viewer.ts";
import { command } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { createWhatIf } from "./what-if.ts";

export const replayCommand = command({
  name: "replay",
  summary: "look at a journal in a browser: step, scrub, see why; with two, side by side",
  usage: "replay [FILE [FILE]] [--port N]",
  options: [
    {
      name: "port",
      kind: "integer",
      min: 0,
      max: 65_535,
      summary: "where to listen; 0 takes any free port",
      default: 0,
    },
    { name: "json", kind: "flag", summary: "say where it listens as JSON" },
  ],
  positionals: [
    {
      name: "FILE",
      required: false,
      summary: "a journal, also compressed; without one, the page takes what is dropped on it",
    },
    { name: "FILE", required: false, summary: "another journal of the same workload, to compare" },
  ],
  examples: ["fate replay run.ndjson", "fate replay fate.ndjson.gz round-robin.ndjson.gz"],
  run: async ({ values, words, terminal }) => {
    for (const file of words) await checkHeader(file);
    await using viewer = await serveViewer({ files: words, port: values.port, whatIf: createWhatIf() });
    terminal.out(
      values.json
        ? `${JSON.stringify({ url: viewer.url, files: words })}\n`
        : `The viewer is at ${viewer.url} until it is stopped.\n`,
    );
    await untilStopped(terminal);
  },
});

/** A file that is no journal is said to be none here, and not only in a browser. */
async function checkHeader(file: string): Promise<void> {
  if (file === "-") throw new UsageError("fate replay reads files, not standard input");
  const { events } = await openJournal(file);
  await events[Symbol.asyncIterator]().return?.(undefined);
}

function untilStopped({ signal }: Terminal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
