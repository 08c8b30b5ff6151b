/**
 * A whole workflow laid out beforehand: the order in which stages take their engines, and on which engines each runs. Engines
 * work off what the order gives them, load the next model as soon as they are idle, and give up first the model that their
 * own order uses last.
 */

import type { Instance } from "./instance.ts";

/** One share of the whole stage, or several on different engines whose items add up. */
export type PlanShare = { readonly engine: number; readonly items: number };

export type WholePlan = {
  /** Stages by position, parents before children; tools and skipped ones too. */
  readonly order: readonly number[];
  /** By position; empty for stages that take no engine. */
  readonly shares: readonly (readonly PlanShare[])[];
};

/** By engine, the stages that it works off, in order. */
export function sequencesOf({ engines }: Instance, { order, shares }: WholePlan): number[][] {
  const sequences: number[][] = engines.map(() => []);
  for (const index of order) for (const { engine } of shares[index] ?? []) sequences[engine]?.push(index);
  return sequences;
}
