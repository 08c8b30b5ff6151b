/** Forty worlds, on threads as `fate torture` has them, and one that fails. */

import { expect, test } from "vitest";
import { runCampaign } from "../../src/torture/campaign.ts";
import { shrink } from "../../src/torture/shrink.ts";
import type { Sabotage } from "../../src/torture/sabotage.ts";
import { torture } from "../../src/torture/torture.ts";

const seeds = Array.from({ length: 40 }, (_, index) => 1000 + index);

test("whatever goes wrong, every law holds, seed after seed", async () => {
  const { broken, worlds, faultSteps } = await runCampaign({ seeds, workers: 2, signal: new AbortController().signal });
  expect(broken?.violations, `fate torture --seed ${broken?.seed} --trace`).toBeUndefined();
  expect(worlds).toBe(seeds.length);
  expect(faultSteps).toBeGreaterThan(3000);
});

test("a world that fails is made plainer: kinds of faults that it does not need are off, and it fails by the same law", async () => {
  const sabotage: Sabotage = {
    store: (store) => ({
      ...store,
      saveStage: async (...given) => ((await store.saveStage(...given)) === "lost" ? "lost" : "saved"),
    }),
  };
  const options = { seed: 8, gateways: 1, sabotage };
  const failed = await torture(options);
  expect(failed.violations[0]?.law).toBe("recorded-once");
  const { off, mostFaults = Infinity, result } = await shrink(options, failed, new AbortController().signal);
  expect(result.violations[0]?.law).toBe("recorded-once");
  expect(off.length).toBeGreaterThan(0);
  const again = await torture({ ...options, off: new Set(off), mostFaults });
  expect(again.hash).toBe(result.hash);
  expect([...again.faults.keys()].filter((kind) => off.includes(kind))).toEqual([]);
});
