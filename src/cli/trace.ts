/** `fate trace generate | convert | describe`: workloads made, turned into another format, and looked at. */

import { loadWorkload, toGenerateOptions } from "../experiment/load.ts";
import { describeWorkload } from "../trace/describe.ts";
import type { WorkloadAndModels } from "../trace/workload-file.ts";
import { listLost, writeAgenticMooncake } from "../trace/write-agentic-mooncake.ts";
import { writeWorkload } from "../trace/workload-file.ts";
import { command } from "./arguments.ts";
import { renderDescription } from "./render-description.ts";
import type { Terminal } from "./terminal.ts";
import { sourceOptions, toFamilies, toGenerated, toWorkloadSource } from "./workload-options.ts";
import { writeGenerated } from "./write-generated.ts";
import { writeByPieces, writeWhole } from "./write-whole.ts";

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
  run: async ({ values, words, terminal }) => {
    const families = toFamilies(words[0] ?? "", "FAMILY");
    const options = toGenerateOptions(toGenerated(values, families), values.seed);
    const fill = (write: (text: string) => void): Promise<Counts> => writeGenerated(options, write, terminal);
    if (values.out === undefined) await fill(terminal.out);
    else tell(values.out, "fate", await writeByPieces(values.out, fill), values.json, terminal);
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
    const read = loadWorkload(source, values.seed);
    const to = values.to as keyof typeof writers;
    const text = writers[to](read);
    const lost = to === "agentic-mooncake" ? listLost(read.workload) : [];
    if (lost.length > 0) terminal.note(`the format has no place for ${lost.join("; ")}`);
    if (values.out === undefined) return terminal.out(text);
    writeWhole(values.out, text);
    const { workflows } = read.workload;
    const stages = workflows.reduce((sum, workflow) => sum + workflow.stages.length, 0);
    tell(values.out, to, { workflows: workflows.length, stages }, values.json, terminal);
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

type Counts = { readonly workflows: number; readonly stages: number };

function tell(file: string, format: string, { workflows, stages }: Counts, asJson: boolean, terminal: Terminal): void {
  if (asJson) terminal.out(`${JSON.stringify({ file, format, workflows, stages })}\n`);
  else terminal.note(`wrote ${workflows} workflows of ${stages} stages to ${file}`);
}
