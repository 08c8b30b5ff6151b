/** Seeds as people write them: `7`, `1-8`, `1-4,9`. */

import { UsageError } from "./usage-error.ts";

const mostSeeds = 10_000;

export function parseSeeds(text: string): readonly number[] {
  const seeds = new Set<number>();
  for (const part of text.split(",")) {
    const [, first, last = first] = /^\s*(\d{1,15})(?:-(\d{1,15}))?\s*$/.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) - Number(first) >= mostSeeds)
      throw new UsageError(`--seeds: found ${JSON.stringify(text)}, expected seeds such as 7, 1-8 or 1-4,9`);
    for (let seed = Number(first); seed <= Number(last); seed++) seeds.add(seed);
  }
  if (seeds.size > mostSeeds) throw new UsageError(`--seeds: found ${seeds.size} seeds, expected at most ${mostSeeds}`);
  return [...seeds];
}
