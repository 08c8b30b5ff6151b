/** Worlds drawn by lot in which engines mix models, under policies of every sort. */

import { expect, test } from "vitest";
import { run } from "../support/build.ts";
import { portionOf } from "../support/portion.ts";
import { mixingWorld } from "../support/random-world.ts";

const faults = {
  crashEveryUs: 20e6,
  crashForUs: 3e6,
  slowEveryUs: 10e6,
  slowForUs: 5e6,
  slowFactor: 2,
  lossChance: 0.05,
};

test.each(["greedy-finish", "fate", "foresight", "collated-fifo", "hexagent"] as const)(
  "under %s no law is broken and every workflow ends that can",
  (policy) => {
    let ended = 0;
    for (let seed = 1; seed <= portionOf(12); seed++) {
      const { events } = run({ ...mixingWorld(seed), policy, seed, ...(seed % 3 === 0 ? { faults } : {}) });
      for (const event of events) {
        if (event.kind === "workflow-end") ended += 1;
        else if (event.kind === "workflow-abandon") expect(["no-engine", "unreachable"]).toContain(event.reason);
      }
    }
    expect(ended).toBeGreaterThan(portionOf(12));
  },
);
