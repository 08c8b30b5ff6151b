/** Which workload on which cluster: the options that `simulate` and `compare` share. */

import type { WorkloadSource } from "../experiment/cell.ts";
import { families } from "../trace/generate/families.ts";
import { workloadFormats } from "../trace/read-workload.ts";
import { didYouMean, type Option } from "./arguments.ts";
import { UsageError } from "./usage-error.ts";

const familyNames = Object.keys(families);

export const workloadPositional = {
  name: "WORKLOAD",
  required: false,
  summary: "file of workflows: fate's own (JSON, YAML, JSON lines) or a trace; may be gzipped",
} as const;

export const workloadOptions = [
  {
    name: "generate",
    kind: "text",
    shows: "FAMILY,...",
    summary: "generate workflows of these families instead; see fate families",
  },
  {
    name: "count",
    kind: "integer",
    min: 1,
    max: 1_000_000,
    summary: "how many workflows to generate; 100 unless said",
  },
  {
    name: "rate",
    kind: "number",
    min: 1e-6,
    max: 1e6,
    summary: "workflows a second, as a Poisson stream; unless said as in the file, or all at once",
  },
  { name: "format", kind: "choice", choices: workloadFormats, summary: "what the file is", default: "auto" },
  {
    name: "model",
    kind: "text",
    shows: "NAME",
    summary: "the model of traces that name none; llama-3.1-70b unless said",
  },
  {
    name: "limit",
    kind: "integer",
    min: 1,
    max: 1_000_000,
    summary: "take that many workflows of the file, the first ones",
  },
  { name: "cluster", kind: "text", shows: "NAME|FILE", summary: "machines; see fate clusters", default: "hetero-8" },
] as const satisfies readonly Option[];

type WorkloadValues = {
  readonly generate: string | undefined;
  readonly count: number | undefined;
  readonly rate: number | undefined;
  readonly format: string;
  readonly limit: number | undefined;
  readonly model: string | undefined;
};

export function toWorkloadSource(values: WorkloadValues, path: string | undefined): WorkloadSource {
  const { generate, count, rate, format, limit, model } = values;
  const stream = rate === undefined ? {} : { ratePerSecond: rate };
  if (path !== undefined) {
    if (generate !== undefined) throw new UsageError("found both a file and --generate, expected one of them");
    if (count !== undefined)
      throw new UsageError("--count goes with --generate; --limit bounds what is taken of a file");
    const rest = { ...(limit === undefined ? {} : { limit }), ...(model === undefined ? {} : { model }) };
    return { kind: "file", path, format, ...rest, ...stream };
  }
  if (generate === undefined)
    throw new UsageError("no workload: name a file, or --generate FAMILY; fate families lists the families");
  if (limit !== undefined || model !== undefined)
    throw new UsageError("--limit and --model go with a file; --count says how many to generate");
  const names = generate.split(",").map((name) => name.trim());
  for (const name of names)
    if (!familyNames.includes(name))
      throw new UsageError(
        `--generate: found ${JSON.stringify(name)}, expected a family; fate families lists them${didYouMean(name, familyNames)}`,
      );
  return { kind: "generated", families: names, count: count ?? 100, ...stream };
}
