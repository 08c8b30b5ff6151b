/** What the commands about benchmarks share: which one, and the public data that its workloads come from. */

import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "../experiment/bench/benchmark.ts";
import { benchmarks } from "../experiment/bench/benchmarks.ts";
import { findData, instancesFile } from "../experiment/real-dag.ts";
import { InputError } from "../trace/input-error.ts";
import { didYouMean } from "./arguments.ts";
import { UsageError } from "./usage-error.ts";

/** In a clone of fate, the pages that belong to it. */
export const resultsFolder = isClone() ? join("docs", "results") : "results";

function isClone(): boolean {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  return relative(root, process.cwd()) === "" && existsSync(join("docs", "results"));
}

export const dataOption = {
  name: "data",
  kind: "text",
  shows: "DIR",
  summary: "folder of public data; ../shared/data where that is, else graphs are generated",
} as const;

export function pickBenchmark(name: string | undefined): Benchmark {
  const names = Object.keys(benchmarks);
  const found = name !== undefined && Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
  if (found !== undefined) return found;
  const said = name === undefined ? "nothing" : JSON.stringify(name);
  throw new UsageError(
    `fate bench: found ${said}, expected one of ${names.join(", ")}${didYouMean(name ?? "", names)}; --list says what they are`,
  );
}

export function pickData({ recorded }: Benchmark, said: string | undefined): string | undefined {
  if (!recorded) return undefined;
  if (said === undefined) return findData();
  if (!existsSync(instancesFile(said)))
    throw new InputError("--data", "", JSON.stringify(said), `a folder with ${instancesFile(".")}`);
  return said;
}

/** What a report says of where graphs come from. */
export function describeData({ recorded }: Benchmark, data: string | undefined): string {
  if (!recorded) return "Workflows are generated";
  return data === undefined
    ? "Graphs are generated like those of WfInstances, as there was no folder of public data"
    : "Graphs are those of WfInstances";
}
