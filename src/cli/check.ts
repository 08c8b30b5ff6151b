/** `fate check`: holds journals against the laws. */

import type { Violation } from "../check/law.ts";
import { createChecker, violationLimit } from "../check/check.ts";
import { openJournal, parseChunks } from "../journal/read.ts";
import { showCount } from "../experiment/format.ts";
import { command } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";

export const checkCommand = command({
  name: "check",
  summary: "hold journals against the laws that every run obeys",
  usage: "check FILE... [--json]",
  options: [{ name: "json", kind: "flag", summary: "as JSON" }],
  positionals: [{ name: "FILE...", required: true, many: true, summary: "journals; - is standard input" }],
  examples: ["fate check run.ndjson", "gunzip -c run.ndjson.gz | fate check -"],
  run: async ({ values, words, terminal }) => {
    const checked: Checked[] = [];
    for (const file of words) {
      const one = await checkFile(file, terminal);
      checked.push(one);
      if (!values.json) terminal.out(render(one));
    }
    if (values.json) terminal.out(`${JSON.stringify(checked, undefined, 2)}\n`);
    return checked.some(({ violations }) => violations.length > 0) ? 1 : 0;
  },
});

type Checked = {
  readonly file: string;
  readonly policy: string;
  readonly seed: number;
  readonly events: number;
  readonly violations: readonly Violation[];
};

async function checkFile(file: string, terminal: Terminal): Promise<Checked> {
  const { header, events } =
    file === "-" ? await parseChunks("standard input", process.stdin) : await openJournal(file);
  const checker = createChecker(header);
  let count = 0;
  for await (const event of events) {
    checker.see(event);
    count += 1;
    if (count % 10_000 === 0) {
      terminal.signal.throwIfAborted();
      terminal.progress(`${file}: ${showCount(count)} records`);
    }
  }
  terminal.endProgress();
  return { file, policy: header.policy, seed: header.seed, events: count, violations: checker.end() };
}

function render({ file, policy, seed, events, violations }: Checked): string {
  const what = `${file}: ${policy}, seed ${seed}, ${events} records`;
  if (violations.length === 0) return `${what}: all laws hold\n`;
  const more = violations.length >= violationLimit ? ", and perhaps more" : "";
  const lines = violations.map(({ law, sequence, message }) => `  record ${sequence}: ${law}: ${message}\n`);
  return `${what}: ${violations.length} violations${more}\n${lines.join("")}`;
}
