/** Which workload on which cluster: the options that `simulate` and `compare` share. */

import type { GeneratedSource, WorkloadSource } from "../experiment/cell.ts";
import { families } from "../trace/generate/families.ts";
import { workloadFormats } from "../trace/read-workload.ts";
import { didYouMean, type Option } from "./arguments.ts";
import { UsageError } from "./usage-error.ts";

export const usualCluster = "hetero-8";

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
    summary: "of all calls of a trace, and of families that call only one; as the trace says unless said",
  },
  models: {
    name: "models",
    kind: "text",
    shows: "PART=NAME,...",
    summary: "of recorded sessions, by a part of the name in the trace, as opus=llama-3.1-70b-fp8",
  },
  longestPrompt: {
    name: "longest-prompt",
    ...many,
    max: 10_000_000,
    summary: "recorded sessions end before the first prompt of more tokens",
  },
  tokenScale: {
    name: "token-scale",
    kind: "number",
    min: 1e-6,
    max: 1000,
    summary: "every length of a recorded session times this; 1 unless said",
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

const { generate, count, rate, model, models, longestPrompt, tokenScale, sharedShare, error, format, limit } =
  sourceOptions;

export const workloadOptions = [
  generate,
  count,
  rate,
  model,
  models,
  longestPrompt,
  tokenScale,
  sharedShare,
  error,
  format,
  limit,
  { name: "cluster", kind: "text", shows: "NAME|FILE", summary: "machines; see fate clusters", default: usualCluster },
] as const satisfies readonly Option[];

type WorkloadValues = {
  readonly generate?: string | undefined;
  readonly count?: number | undefined;
  readonly rate?: number | undefined;
  readonly format?: string;
  readonly limit?: number | undefined;
  readonly model?: string | undefined;
  readonly models?: string | undefined;
  readonly "longest-prompt"?: number | undefined;
  readonly "token-scale"?: number | undefined;
  readonly "shared-share"?: number | undefined;
  readonly error?: number | undefined;
};

export function toWorkloadSource(values: WorkloadValues, path: string | undefined): WorkloadSource {
  return path === undefined ? fromOptions(values) : toFile(values, path);
}

/** What goes with a file and with generated workflows alike. */
function toBoth({ rate: ratePerSecond, model: ofAll }: WorkloadValues): {
  readonly ratePerSecond?: number;
  readonly model?: string;
} {
  return {
    ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
    ...(ofAll === undefined ? {} : { model: ofAll }),
  };
}

function toFile(values: WorkloadValues, path: string): WorkloadSource {
  const { format: named = "auto", limit: most } = values;
  if (values.generate !== undefined) throw new UsageError("found both a file and --generate, expected one of them");
  if (values.count !== undefined || values["shared-share"] !== undefined || values.error !== undefined)
    throw new UsageError(
      "--count, --shared-share and --error go with --generate; --limit bounds what is taken of a file",
    );
  const { models: byName, "longest-prompt": maxPromptTokens, "token-scale": scale } = values;
  return {
    kind: "file",
    path,
    format: named,
    ...(most === undefined ? {} : { limit: most }),
    ...(byName === undefined ? {} : { modelsByName: toModelsByName(byName) }),
    ...(maxPromptTokens === undefined ? {} : { maxPromptTokens }),
    ...(scale === undefined ? {} : { tokenScale: scale }),
    ...toBoth(values),
  };
}

function toModelsByName(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(",").map((pair) => pair.split("=").map((side) => side.trim()));
  for (const [part = "", name = "", ...rest] of pairs)
    if (part === "" || name === "" || rest.length > 0)
      throw new UsageError(`--models: found ${JSON.stringify(text)}, expected PART=NAME, with commas between several`);
  return Object.fromEntries(pairs);
}

function fromOptions(values: WorkloadValues): WorkloadSource {
  if (values.generate === undefined)
    throw new UsageError("no workload: name a file, or --generate FAMILY; fate families lists the families");
  if (values.limit !== undefined || (values.format ?? "auto") !== "auto")
    throw new UsageError("--limit and --format go with a file; --count says how many to generate");
  if (values.models !== undefined || values["longest-prompt"] !== undefined || values["token-scale"] !== undefined)
    throw new UsageError("--models, --longest-prompt and --token-scale go with a file of recorded sessions");
  return toGenerated(values, toFamilies(values.generate, "--generate"));
}

export function toGenerated(values: WorkloadValues, names: readonly string[]): GeneratedSource {
  return {
    kind: "generated",
    families: names,
    count: values.count ?? 100,
    ...toBoth(values),
    ...(values["shared-share"] === undefined ? {} : { sharedShare: values["shared-share"] }),
    ...(values.error === undefined ? {} : { error: values.error }),
  };
}

/** The options that make the same source again. */
export function showSource(source: WorkloadSource): string {
  const own =
    source.kind === "file"
      ? [
          source.path,
          `--format ${source.format}`,
          ...said("limit", source.limit),
          ...said("models", showModels(source.modelsByName)),
          ...said("longest-prompt", source.maxPromptTokens),
          ...said("token-scale", source.tokenScale),
        ]
      : [
          `--generate ${source.families.join(",")} --count ${source.count}`,
          ...said("shared-share", source.sharedShare),
          ...said("error", source.error),
        ];
  return [...own, ...said("rate", source.ratePerSecond), ...said("model", source.model)].join(" ");
}

function showModels(byName: Readonly<Record<string, string>> | undefined): string | undefined {
  if (byName === undefined) return undefined;
  return Object.entries(byName)
    .map(([part, name]) => `${part}=${name}`)
    .join(",");
}

function said(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [`--${name} ${value}`];
}

/** `place` is where they were written. */
export function toFamilies(text: string, place: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names)
    if (!familyNames.includes(name))
      throw new UsageError(
        `${place}: found ${JSON.stringify(name)}, expected a family; fate families lists them${didYouMean(name, familyNames)}`,
      );
  return names;
}
