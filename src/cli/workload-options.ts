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

const many = { kind: "integer", min: 1, max: 1_000_000 } as const;

/** One by one, for commands that take some of them. */
export const sourceOptions = {
  generate: {
    name: "generate",
    kind: "text",
    shows: "FAMILY,...",
    summary: "generate workflows of these families instead; see fate families",
  },
  count: { name: "count", ...many, summary: "how many workflows to generate; 100 unless said" },
  rate: {
    name: "rate",
    kind: "number",
    min: 1e-6,
    max: 1e6,
    summary: "workflows a second, as a Poisson stream; unless said as in the file, or all at once",
  },
  model: {
    name: "model",
    kind: "text",
    shows: "NAME",
    summary: "for traces that name none and families that call only one",
  },
  sharedShare: {
    name: "shared-share",
    kind: "number",
    min: 0,
    max: 1,
    summary: "part of each prompt that others share, in chain, fan and tree; 0.5 unless said",
  },
  error: {
    name: "error",
    kind: "number",
    min: 0,
    max: 10,
    summary: "how wrong generated estimates are: sigma of their logarithm; 0.4 unless said",
  },
  format: { name: "format", kind: "choice", choices: workloadFormats, summary: "what the file is", default: "auto" },
  limit: { name: "limit", ...many, summary: "take that many workflows of the file, the first ones" },
} as const satisfies Record<string, Option>;

const { generate, count, rate, model, sharedShare, error, format, limit } = sourceOptions;

export const workloadOptions = [
  generate,
  count,
  rate,
  model,
  sharedShare,
  error,
  format,
  limit,
  { name: "cluster", kind: "text", shows: "NAME|FILE", summary: "machines; see fate clusters", default: "hetero-8" },
] as const satisfies readonly Option[];

type WorkloadValues = {
  readonly generate?: string | undefined;
  readonly count?: number | undefined;
  readonly rate?: number | undefined;
  readonly format?: string;
  readonly limit?: number | undefined;
  readonly model?: string | undefined;
  readonly "shared-share"?: number | undefined;
  readonly error?: number | undefined;
};

export function toWorkloadSource(values: WorkloadValues, path: string | undefined): WorkloadSource {
  const both = {
    ...(values.rate === undefined ? {} : { ratePerSecond: values.rate }),
    ...(values.model === undefined ? {} : { model: values.model }),
  };
  return path === undefined ? toGenerated(values, both) : toFile(values, path, both);
}

type OfBoth = { readonly ratePerSecond?: number; readonly model?: string };

function toFile(values: WorkloadValues, path: string, both: OfBoth): WorkloadSource {
  const { format: named = "auto", limit: most } = values;
  if (values.generate !== undefined) throw new UsageError("found both a file and --generate, expected one of them");
  if (values.count !== undefined || values["shared-share"] !== undefined || values.error !== undefined)
    throw new UsageError(
      "--count, --shared-share and --error go with --generate; --limit bounds what is taken of a file",
    );
  return { kind: "file", path, format: named, ...(most === undefined ? {} : { limit: most }), ...both };
}

function toGenerated(values: WorkloadValues, both: OfBoth): WorkloadSource {
  if (values.generate === undefined)
    throw new UsageError("no workload: name a file, or --generate FAMILY; fate families lists the families");
  if (values.limit !== undefined || (values.format ?? "auto") !== "auto")
    throw new UsageError("--limit and --format go with a file; --count says how many to generate");
  return {
    kind: "generated",
    families: toFamilies(values.generate),
    count: values.count ?? 100,
    ...both,
    ...(values["shared-share"] === undefined ? {} : { sharedShare: values["shared-share"] }),
    ...(values.error === undefined ? {} : { error: values.error }),
  };
}
/** The options that make the same source again. */
export function showSource(source: WorkloadSource): string {
  const own =
    source.kind === "file"
      ? [source.path, `--format ${source.format}`, ...said("limit", source.limit)]
      : [
          `--generate ${source.families.join(",")} --count ${source.count}`,
          ...said("shared-share", source.sharedShare),
          ...said("error", source.error),
        ];
  return [...own, ...said("rate", source.ratePerSecond), ...said("model", source.model)].join(" ");
}

function said(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [`--${name} ${value}`];
}

function toFamilies(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names)
    if (!familyNames.includes(name))
      throw new UsageError(
        `--generate: found ${JSON.stringify(name)}, expected a family; fate families lists them${didYouMean(name, familyNames)}`,
      );
  return names;
}
