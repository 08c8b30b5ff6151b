/** The conformance of every policy on many random worlds, with everything that can go wrong. */

import { expect, test } from "vitest";
import { policies } from "../../src/policy/policies.ts";
import type { Faults } from "../../src/sim/faults.ts";
import { run } from "../support/build.ts";
import { compareTruths } from "../support/clairvoyance.ts";
import { plainCalibration } from "../support/plain-calibration.ts";
import { randomWorld, withOtherTruth } from "../support/random-world.ts";
import { findAnyFault, scrutinise } from "../support/scrutiny.ts";

/** Worlds 1 to 24 belong to the gate. */
const worlds = Array.from({ length: 200 }, (_, index) => randomWorld(index + 101));

const troubles: readonly Faults[] = [
  {},
  { crashEveryUs: 8e6, crashForUs: 3e6 },
  { slowEveryUs: 5e6, slowForUs: 5e6, slowFactor: 4 },
  { lossChance: 0.2 },
  { staleUs: 300_000 },
  { crashEveryUs: 15e6, crashForUs: 5e6, slowEveryUs: 9e6, lossChance: 0.1, staleUs: 100_000 },
];

test.for(Object.entries(policies))("%s ends every workflow that can end, whatever goes wrong", ([, policy]) => {
  for (const world of worlds) {
    for (const faults of troubles) {
      const journal = run({ ...world, policy: scrutinise(policy), faults, calibration: plainCalibration });
      expect({ seed: world.seed, faults, found: findAnyFault(journal) }).toEqual({
        seed: world.seed,
        faults,
        found: [],
      });
    }
  }
});

test.for(Object.entries(policies))("%s decides by nothing that it cannot know", ([, policy]) => {
  for (const world of worlds) {
    const { clairvoyance } = compareTruths(world, withOtherTruth(world), () => policy);
    expect({ seed: world.seed, clairvoyance }).toEqual({ seed: world.seed, clairvoyance: undefined });
  }
});
