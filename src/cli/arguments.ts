/** The command line by table: a command lists its options, and `parseArguments` turns words into typed values. */

import { closest } from "../trace/closest.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

export type Option = {
  readonly name: string;
  readonly summary: string;
  /** Left out when there is none. */
  readonly default?: string | number;
} & (
  | { readonly kind: "flag" }
  /** With `many` it may be given again and again, and each value counts. */
  | { readonly kind: "text"; readonly shows?: string; readonly many?: true }
  | { readonly kind: "integer" | "number"; readonly min: number; readonly max: number }
  | ({ readonly kind: "choice" } & Choices)
  /** Several, with commas between them. */
  | ({ readonly kind: "choices" } & Choices)
);

type Choices = {
  readonly choices: readonly string[];
  /** The command that shows them, where there are more than a message or a help text can hold. */
  readonly listedBy?: string;
};

type Positional = {
  readonly name: string;
  readonly required: boolean;
  /** Takes all that is left; only the last one may. */
  readonly many?: boolean;
  readonly summary: string;
};

type ValueOf<O extends Option> = O extends { kind: "flag" }
  ? boolean
  : O extends { kind: "integer" | "number" }
    ? number
    : O extends { kind: "choices" } | { many: true }
      ? readonly string[]
      : string;

export type Values<Options extends readonly Option[]> = {
  readonly [O in Options[number] as O["name"]]: O extends { kind: "flag" } | { default: string | number }
    ? ValueOf<O>
    : ValueOf<O> | undefined;
};

/** What a run gets: option values, the words that are no options, and the terminal to talk to. */
type Call<Options extends readonly Option[]> = {
  readonly values: Values<Options>;
  readonly words: readonly string[];
  readonly terminal: Terminal;
};

type CommandOf<Options extends readonly Option[]> = {
  /** One or two words, such as `trace convert`. */
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly options: Options;
  readonly positionals: readonly Positional[];
  readonly examples: readonly string[];
  /** Returns the exit code; nothing is 0. */
  readonly run: (call: Call<Options>) => number | void | Promise<number | void>;
};

/** A command as the table holds it, its option types forgotten. */
export type Command = Omit<CommandOf<readonly Option[]>, "run"> & {
  readonly run: (call: AnyCall) => number | void | Promise<number | void>;
};

type AnyCall = {
  readonly values: Readonly<Record<string, Value | undefined>>;
  readonly words: readonly string[];
  readonly terminal: Terminal;
};

type Value = string | number | boolean | readonly string[];

/** A command whose run sees its options with their types. */
export function command<const Options extends readonly Option[]>(described: CommandOf<Options>): Command {
  return described as unknown as Command;
}

export type Parsed = Omit<AnyCall, "terminal"> & { readonly help: boolean };

const common: readonly Option[] = [{ name: "help", kind: "flag", summary: "show this text" }];

/** Words after the command's name, as `--name value`, `--name=value`, `--flag`; `--` ends the options. */
export function parseArguments(words: readonly string[], { name, options, positionals }: Command): Parsed {
  const known = [...options, ...common];
  const values: Record<string, Value | undefined> = {};
  for (const option of options) values[option.name] = option.kind === "flag" ? false : option.default;
  const given = new Map<Option, string>();
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--") {
      rest.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      rest.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const written = word === "-h" ? "--help" : equals === -1 ? word : word.slice(0, equals);
    const option = known.find((candidate) => `--${candidate.name}` === written);
    if (option === undefined) throw unknownOption(name, written, known);
    if (option.kind === "flag") {
      if (equals !== -1) throw new UsageError(`${written} is a flag and takes no value`);
      values[option.name] = true;
      continue;
    }
    const text = equals === -1 ? words[++at] : word.slice(equals + 1);
    if (text === undefined) throw new UsageError(`${written} needs a value: ${expected(option)}`);
    const value = toValue(option, text);
    const before = given.get(option);
    given.set(option, text);
    if (option.kind === "text" && option.many === true)
      values[option.name] = [...((values[option.name] ?? []) as readonly string[]), text];
    else if (before === undefined) values[option.name] = value;
    else throw givenTwice(option, before, text);
  }
  const help = values["help"] === true;
  if (!help) checkPositionals(name, rest, positionals);
  return { values, words: rest, help };
}

function unknownOption(name: string, written: string, known: readonly Option[]): UsageError {
  return new UsageError(
    `fate ${name} has no option ${written}${didYouMean(
      written,
      known.map((option) => `--${option.name}`),
    )}; see fate ${name} --help`,
  );
}

/** Which of them was meant, nobody knows. */
function givenTwice(option: Option, before: string, after: string): UsageError {
  const takesSeveral = option.kind === "choices" || (option.kind === "text" && option.shows?.endsWith(",...") === true);
  const instead = takesSeveral ? "; write several with commas between them" : "";
  return new UsageError(
    `--${option.name}: found ${JSON.stringify(before)} and ${JSON.stringify(after)}, expected it once${instead}`,
  );
}

function toValue(option: Option, text: string): Value {
  switch (option.kind) {
    case "flag":
    case "text":
      return text;
    case "integer":
    case "number": {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      const whole = option.kind === "number" || Number.isInteger(value);
      if (Number.isFinite(value) && whole && value >= option.min && value <= option.max) return value;
      throw new UsageError(`--${option.name}: found ${JSON.stringify(text)}, expected ${expected(option)}`);
    }
    case "choice":
      return toChoice(option.name, option, text);
    case "choices":
      return text.split(",").map((part) => toChoice(option.name, option, part.trim()));
    default:
      return option satisfies never;
  }
}

function toChoice(name: string, among: Choices, text: string): string {
  if (among.choices.includes(text)) return text;
  throw new UsageError(
    `--${name}: found ${JSON.stringify(text)}, expected ${oneOf(among)}${didYouMean(text, among.choices)}`,
  );
}

function oneOf({ choices, listedBy }: Choices): string {
  return listedBy === undefined ? `one of ${choices.join(", ")}` : `a name that ${listedBy} lists`;
}

/** What an option takes, in words. */
export function expected(option: Option): string {
  switch (option.kind) {
    case "flag":
      return "nothing";
    case "text":
      return option.shows ?? "text";
    case "integer":
      return `a whole number from ${option.min} to ${option.max}`;
    case "number":
      return `a number from ${option.min} to ${option.max}`;
    case "choice":
      return oneOf(option);
    case "choices":
      return `names with commas between them, each ${oneOf(option)}`;
    default:
      return option satisfies never;
  }
}

function checkPositionals(name: string, words: readonly string[], positionals: readonly Positional[]): void {
  const missing = positionals.findIndex((positional, index) => positional.required && words[index] === undefined);
  if (missing !== -1) throw new UsageError(`fate ${name} needs ${positionals[missing]?.name}; see fate ${name} --help`);
  const extra = words[positionals.length];
  if (extra !== undefined && positionals.at(-1)?.many !== true)
    throw new UsageError(`fate ${name} does not expect ${JSON.stringify(extra)}; see fate ${name} --help`);
}

/** `, did you mean x?` or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = closest(word, known);
  return near === undefined ? "" : `, did you mean ${near}?`;
}
