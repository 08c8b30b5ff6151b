/**
 * The conformance of policies on many random worlds, with everything that can go wrong. Two test files each take every
 * second policy of the table, so that both cores have work.
 */

import { expect, test } from "vitest";
import { policies } from "../../src/policy/policies.ts";
import { fateAblations } from "../../src/policy/fate/ablations.ts";
import { foresightPolicies } from "../../src/policy/foresight/ablations.ts";
import { suffixOf } from "../../src/policy/suffix.ts";
import type { Faults } from "../../src/sim/faults.ts";
import { runUnchecked } from "./build.ts";
import { compareRuns, record } from "./clairvoyance.ts";
import { plainCalibration } from "./plain-calibration.ts";
import { randomWorld, withOtherTruth, type RandomWorld } from "./random-world.ts";
import { findAnyFault, scrutinise } from "./scrutiny.ts";

/** Worlds 1 to 24 belong to the gate. */
const worlds = Array.from({ length: 200 }, (_, index) => randomWorld(index + 101));

/** One in so many is enough; another one for each policy, so that together they see all. Fewer yet for a variant. */
const plainShare = 4;
const variantsShare = 16;
const ablationsShare = 40;
/** And for one that searches at every event; of its own ablations, each has a few. */
const searchingShare = 20;
const searchingAblationsShare = 80;

const troubles: readonly Faults[] = [
  { crashEveryUs: 8e6, crashForUs: 3e6 },
  { slowEveryUs: 5e6, slowForUs: 5e6, slowFactor: 4 },
  { lossChance: 0.2 },
  { staleUs: 300_000 },
  { crashEveryUs: 15e6, crashForUs: 5e6, slowEveryUs: 9e6, lossChance: 0.1, staleUs: 100_000 },
];

/** Declares the tests of the policies at even places in the table, or of those at odd ones. */
export function testAtLength(parity: 0 | 1): void {
  const some = Object.entries(policies)
    .map(([name, policy], place) => [name, policy, worldsFor(name, place), place] as const)
    .filter(([, , , place]) => place % 2 === parity);
  test.for(some)(
    "%s ends what can end, whatever goes wrong, by nothing that it cannot know",
    ([, policy, own, place]) => {
      for (const [index, world] of own.entries()) {
        // Each world in peace, with one of the troubles in turn, and with another truth.
        const { seed } = world;
        const calm = record(world, scrutinise(policy));
        expect({ seed, found: findAnyFault(calm.journal) }).toEqual({ seed, found: [] });
        const faults = troubles[(index + place) % troubles.length] ?? {};
        const troubled = runUnchecked({ ...world, policy: scrutinise(policy), faults, calibration: plainCalibration });
        expect({ seed, faults, found: findAnyFault(troubled) }).toEqual({ seed, faults, found: [] });
        const { clairvoyance } = compareRuns(calm, record(withOtherTruth(world), policy));
        expect({ seed, clairvoyance }).toEqual({ seed, clairvoyance: undefined });
      }
    },
  );
}

function worldsFor(name: string, place: number): readonly RandomWorld[] {
  const share = shareOf(name);
  return worlds.filter((_, index) => index % share === place % share);
}

function shareOf(name: string): number {
  if (name === "foresight") return searchingShare;
  if (name in foresightPolicies) return searchingAblationsShare;
  if (name in fateAblations) return ablationsShare;
  return suffixOf(name) === undefined && !name.startsWith("hexagent-") ? plainShare : variantsShare;
}
