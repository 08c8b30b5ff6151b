/** `fate demo` as a whole: what it prints, and what it leaves behind. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { demoCommand } from "../../src/cli/demo.ts";
import { parseArguments } from "../../src/cli/arguments.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

test("the command compares policies on threads of their own and leaves nothing behind", async () => {
  using folder = temporaryFolder();
  const { terminal, said } = createListener();
  const { values } = parseArguments(
    ["--calls", "3", "--speed", "100", "--policies", "round-robin,least-loaded"],
    demoCommand,
  );
  expect(await demoCommand.run({ values, words: [], terminal })).toBe(0);
  expect(said()).toContain("all laws hold");
  expect(said()).toMatch(/Under least-loaded a workflow takes \d+% of its time under round-robin/);
  expect(readdirSync(folder.path)).toEqual([]);
});

test("an interrupted demo leaves nothing behind", async () => {
  using folder = temporaryFolder();
  const stop = new AbortController();
  const { terminal } = createListener(stop);
  const { values } = parseArguments(["--calls", "3", "--policies", "round-robin"], demoCommand);
  const run = demoCommand.run({ values, words: [], terminal });
  stop.abort();
  await expect(run).rejects.toThrow("abort");
  expect(readdirSync(folder.path)).toEqual([]);
});

/** Where temporary files go while the test runs. */
function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "fate-test-"));
  vi.stubEnv("TMPDIR", path);
  return {
    path,
    [Symbol.dispose]: () => {
      vi.unstubAllEnvs();
      rmSync(path, { recursive: true });
    },
  };
}

function createListener(stop = new AbortController()): { readonly terminal: Terminal; readonly said: () => string } {
  let text = "";
  const terminal: Terminal = {
    out: (more) => void (text += more),
    note: () => {},
    progress: () => {},
    endProgress: () => {},
    color: false,
    columns: Infinity,
    signal: stop.signal,
    nowMs: () => 0,
  };
  return { terminal, said: () => text };
}
