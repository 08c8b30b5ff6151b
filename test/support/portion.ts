/**
 * How much of a random search runs here. The gate goes through the first part of it, the project `long` through all: it runs every file
 * that imports this one too, so that nothing is left out which the gate does not get to.
 */

export const isWhole = process.env["WHOLE"] !== undefined;

const gateShare = 4;

/** Of so many runs: all, or the first quarter of them, since one seed draws the same ones in the same order. */
export function portionOf(runs: number): number {
  return isWhole ? runs : Math.ceil(runs / gateShare);
}
