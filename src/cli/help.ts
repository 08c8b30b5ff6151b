/** Help texts, from the same table that parses. */

import { expected, type Command, type Option } from "./arguments.ts";

const exitCodes = "Exit codes: 0 fine, 1 the run failed or laws were broken, 2 bad input or usage, 130 interrupted.";

export function renderHelp(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }): [string, string] => [name, summary]);
  return [
    "fate schedules multi-stage LLM workflows, here in simulated time: same seed, same bytes.",
    "",
    "Usage: fate COMMAND [OPTIONS]",
    "",
    "Commands:",
    ...toColumns(rows),
    "",
    "fate COMMAND --help shows options and examples. Every command takes --json; --version says which fate this is.",
    exitCodes,
    "",
  ].join("\n");
}

export function renderCommandHelp({ name, summary, usage, options, positionals, examples }: Command): string {
  const words = positionals.map((positional): [string, string] => [positional.name, positional.summary]);
  const rows = options.map((option): [string, string] => [showOption(option), describe(option)]);
  return [
    `fate ${name}: ${summary}`,
    "",
    `Usage: fate ${usage}`,
    ...(words.length === 0 ? [] : ["", ...toColumns(words)]),
    "",
    "Options:",
    ...toColumns([...rows, ["--help", "show this text"]]),
    "",
    "Examples:",
    ...examples.map((example) => `  ${example}`),
    "",
    exitCodes,
    "",
  ].join("\n");
}

function showOption(option: Option): string {
  switch (option.kind) {
    case "flag":
      return `--${option.name}`;
    case "text":
      return `--${option.name} ${option.shows ?? "TEXT"}`;
    case "integer":
    case "number":
      return `--${option.name} N`;
    case "choice":
      return `--${option.name} NAME`;
    case "choices":
      return `--${option.name} NAME,...`;
    default:
      return option satisfies never;
  }
}

/** Names in a line of help. */
const mostShown = 12;

function describe(option: Option): string {
  const few = option.kind === "choice" && option.choices.length <= mostShown ? ` (${expected(option)})` : "";
  const unless = option.default === undefined ? "" : `; ${option.default} unless said`;
  return `${option.summary}${few}${unless}`;
}

function toColumns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(28, Math.max(...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) =>
    left.length > width ? `  ${left}\n  ${" ".repeat(width)}  ${right}` : `  ${left.padEnd(width)}  ${right}`,
  );
}
