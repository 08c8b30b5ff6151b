/** `fate run`: a declared workflow on a running gateway, followed until it is over. */

import { readFileSync } from "node:fs";
import { createClient, FateError } from "../client/client.ts";
import type { Json, RunEvent, RunView, StageView, WorkflowDefinition } from "../gateway/declared/wire.ts";
import { toDeclared } from "../gateway/declared/parse-declared.ts";
import { InputError } from "../trace/input-error.ts";
import { parseJsonOrYaml } from "../trace/parse-text.ts";
import { decodeText, readText } from "../trace/read-text.ts";
import { withLines } from "../trace/with-lines.ts";
import { command } from "./arguments.ts";
import { OutsideFault } from "./outside-fault.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

export const runCommand = command({
  name: "run",
  summary: "run a declared workflow on a running gateway and print what came of it",
  usage: "run FILE [NAME=VALUE...] [--url ADDRESS] [--json]",
  options: [
    {
      name: "url",
      kind: "text",
      shows: "ADDRESS",
      summary: "where the gateway listens",
      default: "http://127.0.0.1:7373",
    },
    {
      name: "key-env",
      kind: "text",
      shows: "NAME",
      summary: "environment variable that holds the key, if one is needed",
      default: "FATE_API_KEY",
    },
    {
      name: "input",
      kind: "text",
      shows: "NAME=VALUE",
      many: true,
      summary: "an input, as after FILE; may be given several times",
    },
    { name: "json", kind: "flag", summary: "the whole run as JSON" },
  ],
  positionals: [
    { name: "FILE", required: true, summary: "a workflow as YAML or JSON; docs/workflows.md says how to write one" },
    {
      name: "NAME=VALUE...",
      required: false,
      many: true,
      summary: "inputs; a value is JSON if it reads as JSON, else text",
    },
  ],
  examples: [
    'fate run examples/workflows/declared-research.yaml topic="green tea"',
    "fate run workflow.yaml --input depth=3 --url http://127.0.0.1:8080 --json",
  ],
  run: async ({ values, words, terminal }) => {
    const [file = "", ...given] = words;
    const inputs = toInputs([...(values.input ?? []), ...given]);
    const { url, "key-env": keyEnv } = values;
    checkUrl(url);
    const definition = readDefinition(file, inputs);
    const apiKey = process.env[keyEnv];
    const client = createClient({ baseUrl: url, ...(apiKey === undefined ? {} : { apiKey }) });
    const run = await follow(client, definition, terminal).catch((error: unknown) =>
      refuse(error, { url, keyEnv, hasKey: apiKey !== undefined }),
    );
    terminal.endProgress();
    terminal.out(values.json ? `${JSON.stringify(run, undefined, 2)}\n` : renderRun(run));
    return run.status === "succeeded" ? 0 : 1;
  },
});

function checkUrl(url: string): void {
  const protocol = URL.parse(url)?.protocol;
  if (protocol !== "http:" && protocol !== "https:")
    throw new UsageError(`--url: found ${JSON.stringify(url)}, expected an address such as http://127.0.0.1:7373`);
}

function toInputs(words: readonly string[]): { readonly [name: string]: Json } {
  const inputs = new Map<string, Json>();
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals < 1) throw new UsageError(`found ${JSON.stringify(word)}, expected an input such as topic=tea`);
    const name = word.slice(0, equals);
    if (inputs.has(name)) throw new UsageError(`the input ${name} is given twice`);
    inputs.set(name, toValue(word.slice(equals + 1)));
  }
  return Object.fromEntries(inputs);
}

function toValue(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** Checked here as far as it can be without the gateway, so that faults name the file. */
function readDefinition(file: string, given: { readonly [name: string]: Json }): WorkflowDefinition {
  const text = file === "-" ? readStandardInput() : readText(file);
  const value = parseJsonOrYaml(text, file);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const inputs = isObject && "inputs" in value ? (value.inputs as object) : {};
  const whole = isObject ? { ...value, inputs: { ...inputs, ...given } } : value;
  withLines(text, file, () => toDeclared(whole, file));
  return whole as WorkflowDefinition;
}

function readStandardInput(): string {
  const name = "standard input";
  try {
    return decodeText(readFileSync(0), name);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(name, "", "nothing that can be read", "a workflow");
  }
}

async function follow(
  client: ReturnType<typeof createClient>,
  definition: WorkflowDefinition,
  terminal: Terminal,
): Promise<RunView> {
  const stages = definition.stages.length;
  let over = 0;
  return client.workflows.run(definition, {
    signal: terminal.signal,
    onWait: ({ tried, waitMs, reason }) => {
      if (tried === 1) terminal.note(`fate: waits for the gateway: ${reason}`);
      terminal.progress(`the gateway is asked again in ${(waitMs / 1000).toFixed(1)} s`);
    },
    onEvent: (event) => {
      if (event.kind === "stage-end" || event.kind === "stage-skip" || event.kind === "stage-fail") over += 1;
      if (event.kind === "workflow-snapshot")
        over = event.run.stages.filter(({ endedMs }) => endedMs !== undefined).length;
      const line = describe(event);
      if (line !== undefined) terminal.note(line);
      terminal.progress(`${over} of ${stages} stages are over`);
    },
  });
}

/** What a person wants to be told at once; nothing for the rest. */
function describe(event: RunEvent): string | undefined {
  switch (event.kind) {
    case "workflow-start":
      return `workflow ${event.workflow}`;
    case "workflow-snapshot":
      return event.run.status === "running" ? `workflow ${event.run.id} goes on` : undefined;
    case "stage-start": {
      const where = event.engine === undefined ? "" : ` on ${event.engine}`;
      return `  ${event.stage} starts${where}${event.items === undefined ? "" : `, ${event.items} items`}`;
    }
    case "stage-retry":
      return `  ${event.stage} is tried again: ${event.message}`;
    case "stage-skip":
      return `  ${event.stage} is skipped`;
    case "stage-fail":
      return `  ${event.stage} failed: ${event.error.message}`;
    case "stage-end":
      return `  ${event.stage} ended${showTime(event.result)}`;
    default:
      return undefined;
  }
}

function showTime({ startedMs, endedMs, usage }: StageView): string {
  if (startedMs === undefined || endedMs === undefined) return "";
  const tokens = usage.outputTokens === 0 ? "" : `, ${usage.promptTokens} tokens in, ${usage.outputTokens} out`;
  return ` after ${((endedMs - startedMs) / 1000).toFixed(1)} s${tokens}`;
}

/** Results to be read; a single one as it is, so that it can be piped. */
function renderRun(run: RunView): string {
  const { status, error, outputs } = run;
  if (status !== "succeeded") return `${status}${error === undefined ? "" : `: ${error.message}`}\n`;
  const entries = Object.entries(outputs);
  const [only] = entries;
  if (entries.length === 1 && only !== undefined) return `${showOutput(only[1])}\n`;
  return entries.map(([stage, output]) => `== ${stage}\n${showOutput(output)}\n`).join("\n");
}

function showOutput(output: Json): string {
  return typeof output === "string" ? output : JSON.stringify(output, undefined, 2);
}

type Asked = { readonly url: string; readonly keyEnv: string; readonly hasKey: boolean };

/** What the gateway says is wrong with the workflow is bad input here too. */
function refuse(error: unknown, { url, keyEnv, hasKey }: Asked): never {
  if (!(error instanceof FateError)) throw error;
  if (error.status === 400) throw new UsageError(error.message);
  if (error.code === "unreachable")
    throw new OutsideFault(`no gateway answers at ${url}; fate serve starts one`, { cause: error });
  if (error.status !== 401) throw new OutsideFault(error.message, { cause: error });
  const found = hasKey ? `the key in ${keyEnv}, which is none of its keys` : `no key: ${keyEnv} is not set`;
  throw new OutsideFault(`the gateway at ${url} wants a key, found ${found}`, { cause: error });
}
