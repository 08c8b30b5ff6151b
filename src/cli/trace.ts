/** `fate trace generate | convert | describe`: workloads made, turned into another format, and looked at. */

import { loadWorkload } from "../experiment/load.ts";
import { describeWorkload } from "../trace/describe.ts";
import type { WorkloadAndModels } from "../trace/workload-file.ts";
import { writeAgenticMooncake } from "../trace/write-agentic-mooncake.ts";
import { writeWorkload } from "../trace/workload-file.ts";
import { command } from "./arguments.ts";
import { renderDescription } from "./render-description.ts";
import type { Terminal } from "./terminal.ts";
import { sourceOptions, toWorkloadSource } from "./workload-options.ts";
import { writeWhole } from "./write-whole.ts";

const writers = {
  fate: ({ workload, models }) => writeWorkload(workload, models),
  "agentic-mooncake": ({ workload }) => writeAgenticMooncake(workload),
} as const satisfies Record<string, (read: WorkloadAndModels) => string>;

const out = { name: "out", kind: "text", shows: "FILE", summary: "where to; standard output unless said" } as const;
const seed = {
  name: "seed",
  kind: "integer",
  min: 0,
  max: 1e15,
  summary: "decides all that is drawn",
  default: 1,
} as const;
const json = { name: "json", kind: "flag", summary: "say what was written as JSON; needs --out" } as const;

export const traceGenerate = command({
  name: "trace generate",
  summary: "generate workflows and write them as a workload file",
  usage: "trace generate FAMILY [--count N] [--seed N] [--out FILE]",
  options: [
    sourceOptions.count,
    sourceOptions.rate,
    sourceOptions.model,
    sourceOptions.sharedShare,
    sourceOptions.error,
    seed,
    out,
    json,
  ],
  positionals: [{ name: "FAMILY,...", required: true, summary: `one or more; fate families lists them` }],
  examples: ["fate trace generate montage --count 50 --seed 7 --out workload.ndjson"],
  run: ({ values, words, terminal }) => {
    const made = loadWorkload(toWorkloadSource({ generate: words[0], ...values }, undefined), values.seed);
    write(made, "fate", values, terminal);
  },
});

export const traceConvert = command({
  name: "trace convert",
  summary: "read a workload or trace, and write it in another format",
  usage: "trace convert FILE --to fate|agentic-mooncake [--out FILE]",
  options: [
    { name: "to", kind: "choice", choices: Object.keys(writers), summary: "the format to write", default: "fate" },
    sourceOptions.format,
    sourceOptions.limit,
    sourceOptions.model,
    sourceOptions.rate,
    seed,
    out,
    json,
  ],
  positionals: [{ name: "FILE", required: true, summary: "a workload or a trace; may be gzipped" }],
  examples: [
    "fate trace convert mooncake.jsonl --out workload.ndjson",
    "fate trace convert workload.ndjson --to agentic-mooncake --out trace.jsonl",
  ],
  run: ({ values, words, terminal }) => {
    const source = toWorkloadSource(values, words[0]);
    write(loadWorkload(source, values.seed), values.to as keyof typeof writers, values, terminal);
  },
});

export const traceDescribe = command({
  name: "trace describe",
  summary: "say what a workload is made of: sizes, shapes, lengths, what prompts share",
  usage: "trace describe FILE [--json]",
  options: [sourceOptions.format, sourceOptions.limit, seed, { name: "json", kind: "flag", summary: "as JSON" }],
  positionals: [{ name: "FILE", required: true, summary: "a workload or a trace; may be gzipped" }],
  examples: ["fate trace describe workload.ndjson", "fate trace describe trace.jsonl.gz --limit 1000 --json"],
  run: ({ values, words, terminal }) => {
    const { workload } = loadWorkload(toWorkloadSource(values, words[0]), values.seed);
    const description = describeWorkload(workload);
    terminal.out(values.json ? `${JSON.stringify(description, undefined, 2)}\n` : renderDescription(description));
  },
});

type WriteValues = { readonly out: string | undefined; readonly json: boolean };

function write(read: WorkloadAndModels, to: keyof typeof writers, values: WriteValues, terminal: Terminal): void {
  const text = writers[to](read);
  if (values.out === undefined) return terminal.out(text);
  writeWhole(values.out, text);
  const { workflows } = read.workload;
  const stages = workflows.reduce((sum, workflow) => sum + workflow.stages.length, 0);
  const written = { file: values.out, format: to, workflows: workflows.length, stages };
  if (values.json) terminal.out(`${JSON.stringify(written)}\n`);
  else terminal.note(`wrote ${written.workflows} workflows of ${stages} stages to ${values.out}`);
}
