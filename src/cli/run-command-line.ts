/** One command line, from words to an exit code. Every fault ends here, as one line that says what to do. */

import { JournalError } from "../journal/journal-error.ts";
import { StoreFault } from "../store/store.ts";
import { InputError } from "../trace/input-error.ts";
import { ListenError } from "../wire/listen-at.ts";
import { didYouMean, parseArguments, type Command } from "./arguments.ts";
import { commands } from "./commands.ts";
import { renderCommandHelp, renderHelp } from "./help.ts";
import type { Terminal } from "./terminal.ts";
import { OutsideFault } from "./outside-fault.ts";
import { UsageError } from "./usage-error.ts";
import { fateVersion } from "./version.ts";

/** Of whatever is none of these nor of the world outside, a developer wants to know where it comes from. */
const badInput = [InputError, JournalError, ListenError, UsageError];

export async function runCommandLine(words: readonly string[], terminal: Terminal, debug = false): Promise<number> {
  try {
    return await dispatch(words, terminal);
  } catch (error) {
    terminal.endProgress();
    if (terminal.signal.aborted) {
      terminal.note("fate: interrupted");
      return 130;
    }
    const message = error instanceof Error ? error.message : String(error);
    terminal.note(`fate: ${message.replaceAll(/\s*\n\s*/g, " ")}`);
    if (badInput.some((kind) => error instanceof kind)) return 2;
    if (error instanceof StoreFault || error instanceof OutsideFault) return 1;
    terminal.note(
      debug && error instanceof Error ? (error.stack ?? "") : "fate: FATE_DEBUG=1 shows where this comes from",
    );
    return 1;
  }
}

async function dispatch(words: readonly string[], terminal: Terminal): Promise<number> {
  const [first, second] = words;
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    terminal.out(renderHelp(commands));
    return first === undefined ? 2 : 0;
  }
  if (first === "--version" || first === "-V") {
    terminal.out(`${words.includes("--json") ? JSON.stringify({ fate: fateVersion }) : `fate ${fateVersion}`}\n`);
    return 0;
  }
  const found = find([`${first} ${second}`, first]);
  if (found === undefined) {
    const group = commands.filter(({ name }) => name.startsWith(`${first} `));
    if (group.length > 0 && (second === "--help" || second === "-h")) {
      terminal.out(renderHelp(group));
      return 0;
    }
    throw unknownCommand(first, second, group);
  }
  const parsed = parseArguments(words.slice(found.name.split(" ").length), found);
  if (parsed.help) {
    terminal.out(renderCommandHelp(found));
    return 0;
  }
  return (await found.run({ values: parsed.values, words: parsed.words, terminal })) ?? 0;
}

function find(names: readonly string[]): Command | undefined {
  return names.flatMap((name) => commands.filter((candidate) => candidate.name === name))[0];
}

function unknownCommand(first: string, second: string | undefined, group: readonly Command[]): UsageError {
  if (group.length === 0) {
    const names = [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? name))];
    return new UsageError(
      first.startsWith("-")
        ? `no option ${first} before a command; see fate --help`
        : `no command ${first}${didYouMean(first, names)}; see fate --help`,
    );
  }
  const verbs = group.map(({ name }) => name.split(" ")[1] ?? name);
  const found = second === undefined ? "nothing" : JSON.stringify(second);
  return new UsageError(
    `fate ${first}: found ${found}, expected one of ${verbs.join(", ")}${didYouMean(second ?? "", verbs)}`,
  );
}
