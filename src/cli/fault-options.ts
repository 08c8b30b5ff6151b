/** Faults from the command line: a preset or JSON, and single options over it. */

import type { Faults } from "../sim/faults.ts";
import { parseJson } from "../trace/parse-text.ts";
import { integer, number, object, optional, parseAs } from "../trace/shape.ts";
import { secondsToUs } from "../model/units.ts";
import { didYouMean, type Option } from "./arguments.ts";
import { UsageError } from "./usage-error.ts";

const presets: Readonly<Record<string, Faults>> = {
  none: {},
  light: {
    crashEveryUs: 3600e6,
    crashForUs: 30e6,
    slowEveryUs: 1800e6,
    slowForUs: 60e6,
    slowFactor: 2,
    lossChance: 0.002,
  },
  heavy: {
    crashEveryUs: 300e6,
    crashForUs: 60e6,
    slowEveryUs: 300e6,
    slowForUs: 60e6,
    slowFactor: 4,
    lossChance: 0.03,
    staleUs: 500_000,
  },
};

const durationUs = () => optional(integer({ min: 1, max: 1e15 }));

const faultsShape = object({
  crashEveryUs: durationUs(),
  crashForUs: durationUs(),
  slowEveryUs: durationUs(),
  slowForUs: durationUs(),
  slowFactor: optional(number({ min: 1, max: 1000 })),
  lossChance: optional(number({ min: 0, max: 1 })),
  staleUs: durationUs(),
});

const duration = { kind: "number", min: 0.001, max: 1e9 } as const;

export const faultOptions = [
  {
    name: "faults",
    kind: "text",
    shows: "none|light|heavy|JSON",
    summary: "what goes wrong, by seed",
    default: "none",
  },
  {
    name: "crash-every",
    ...duration,
    summary: "mean seconds between crashes of one engine; a stage is lost to a hundred at most",
  },
  { name: "crash-for", ...duration, summary: "mean seconds until a crashed engine is back" },
  { name: "slow-every", ...duration, summary: "mean seconds between slow spells of one engine" },
  { name: "slow-for", ...duration, summary: "mean seconds of a slow spell" },
  { name: "slow-factor", kind: "number", min: 1, max: 1000, summary: "how many times as long work takes in one" },
  { name: "loss-chance", kind: "number", min: 0, max: 1, summary: "chance that the result of an attempt gets lost" },
  { name: "stale", ...duration, summary: "seconds by which what a policy sees of engines lags behind" },
] as const satisfies readonly Option[];

type FaultValues = {
  readonly faults: string;
  readonly "crash-every": number | undefined;
  readonly "crash-for": number | undefined;
  readonly "slow-every": number | undefined;
  readonly "slow-for": number | undefined;
  readonly "slow-factor": number | undefined;
  readonly "loss-chance": number | undefined;
  readonly stale: number | undefined;
};

export function toFaults(values: FaultValues): Faults {
  return {
    ...toPreset(values.faults),
    ...inUs("crashEveryUs", values["crash-every"]),
    ...inUs("crashForUs", values["crash-for"]),
    ...inUs("slowEveryUs", values["slow-every"]),
    ...inUs("slowForUs", values["slow-for"]),
    ...inUs("staleUs", values.stale),
    ...(values["slow-factor"] === undefined ? {} : { slowFactor: values["slow-factor"] }),
    ...(values["loss-chance"] === undefined ? {} : { lossChance: values["loss-chance"] }),
  };
}

function inUs(name: keyof Faults, seconds: number | undefined): Faults {
  return seconds === undefined ? {} : { [name]: secondsToUs(seconds) };
}

function toPreset(text: string): Faults {
  const preset = Object.hasOwn(presets, text) ? presets[text] : undefined;
  if (preset !== undefined) return preset;
  if (text.trimStart().startsWith("{")) return parseAs(faultsShape, parseJson(text, "--faults"), "--faults");
  throw new UsageError(
    `--faults: found ${JSON.stringify(text)}, expected none, light, heavy or JSON${didYouMean(text, Object.keys(presets))}`,
  );
}
