import { expect, test } from "vitest";
import { createTerminal } from "../../src/cli/terminal.ts";

function open(stream: { isTTY: boolean }, env: Record<string, string> = {}) {
  const written = { out: "", note: "" };
  const clock = { ms: 0 };
  const terminal = createTerminal({
    stdout: { ...stream, write: (text: string) => (written.out += text) },
    stderr: { ...stream, write: (text: string) => (written.note += text) },
    env,
    signal: new AbortController().signal,
    nowMs: () => clock.ms,
  });
  return { terminal, written, clock };
}

test("progress replaces its line on a terminal, and makes way for what follows", () => {
  const { terminal, written, clock } = open({ isTTY: true });
  clock.ms = 100;
  terminal.progress("half");
  terminal.progress("too soon");
  terminal.out("result\n");
  expect(written.note).toBe("\r\u001B[2Khalf\r\u001B[2K");
  expect(written.out).toBe("result\n");
});

test("elsewhere progress is a plain line every few seconds, and never on standard output", () => {
  const { terminal, written, clock } = open({ isTTY: false });
  for (clock.ms = 0; clock.ms <= 7000; clock.ms += 500) terminal.progress(`at ${clock.ms}`);
  expect(written).toEqual({ out: "", note: "at 3000\nat 6000\n" });
});

test("NO_COLOR, a pipe and a dumb terminal get no colour", () => {
  expect(open({ isTTY: true }).terminal.color).toBe(true);
  expect(open({ isTTY: true }, { NO_COLOR: "1" }).terminal.color).toBe(false);
  expect(open({ isTTY: true }, { TERM: "dumb" }).terminal.color).toBe(false);
  expect(open({ isTTY: false }).terminal.color).toBe(false);
});
