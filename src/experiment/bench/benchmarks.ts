/** All benchmarks by name. */

import { ablation } from "./ablation.ts";
import { agents } from "./agents/agents.ts";
import type { Benchmark } from "./benchmark.ts";
import { prefixReuse } from "./prefix-reuse.ts";
import { realDag } from "./real-dag.ts";
import { sensitivity } from "./sensitivity.ts";
import { sharedPairs } from "./shared-pairs.ts";

export const benchmarks: { readonly [name: string]: Benchmark } = {
  "real-dag": realDag,
  "prefix-reuse": prefixReuse,
  ablation,
  sensitivity,
  agents,
  "shared-pairs": sharedPairs,
};
