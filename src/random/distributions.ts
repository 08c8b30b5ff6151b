/** Draws from the distributions that workloads and faults are made of. */

import type { Rng } from "./rng.ts";

/** Standard normal, by Box and Muller; always takes two draws, so that streams stay aligned. */
export function drawNormal(rng: Rng): number {
  const radius = Math.sqrt(-2 * Math.log(1 - rng.next()));
  return radius * Math.cos(2 * Math.PI * rng.next());
}

/** Log-normal with the given median and the standard deviation of its logarithm. */
export function drawLogNormal(rng: Rng, median: number, sigma: number): number {
  return median * Math.exp(sigma * drawNormal(rng));
}

/** Exponential with the given mean: gaps of a Poisson process. */
export function drawExponential(rng: Rng, mean: number): number {
  return -mean * Math.log(1 - rng.next());
}

/** Whole number, uniform between both ends, both included. */
export function drawInteger(rng: Rng, least: number, most: number): number {
  return least + rng.below(most - least + 1);
}

/** One of the given, by weight. */
export function drawWeighted<T>(rng: Rng, choices: readonly (readonly [T, number])[]): T {
  let total = 0;
  for (const [, weight] of choices) total += weight;
  let left = rng.next() * total;
  for (const [choice, weight] of choices) {
    left -= weight;
    if (left < 0) return choice;
  }
  const last = choices.at(-1);
  if (last === undefined) throw new Error("drawWeighted needs at least one choice");
  return last[0];
}

/** One of the given, uniformly. */
export function drawOne<T>(rng: Rng, choices: readonly T[]): T {
  const choice = choices[rng.below(choices.length)];
  if (choice === undefined) throw new Error("drawOne needs at least one choice");
  return choice;
}
