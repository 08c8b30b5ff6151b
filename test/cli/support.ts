/** A command line run in this process, and what it wrote. */

import { runCommandLine } from "../../src/cli/run-command-line.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

export type Ran = { readonly code: number; readonly out: string; readonly notes: string };

export async function fate(...words: readonly string[]): Promise<Ran> {
  return fateOn({}, ...words);
}

/** On a terminal that differs in something. */
export async function fateOn(change: Partial<Terminal>, ...words: readonly string[]): Promise<Ran> {
  let out = "";
  let notes = "";
  const terminal: Terminal = {
    out: (text) => (out += text),
    note: (line) => (notes += `${line}\n`),
    progress: () => {},
    endProgress: () => {},
    color: false,
    columns: Infinity,
    signal: new AbortController().signal,
    nowMs: () => performance.now(),
    ...change,
  };
  const code = await runCommandLine(words, terminal);
  return { code, out, notes };
}
