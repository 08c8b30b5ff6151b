/** Forty worlds, on threads as `fate torture` has them. */

import { expect, test } from "vitest";
import { runCampaign } from "../../src/torture/campaign.ts";

const seeds = Array.from({ length: 40 }, (_, index) => 1000 + index);

test("whatever goes wrong, every law holds, seed after seed", async () => {
  const { broken, worlds, faultSteps } = await runCampaign({ seeds, workers: 2, signal: new AbortController().signal });
  expect(broken?.violations, `fate torture --seed ${broken?.seed} --trace`).toBeUndefined();
  expect(worlds).toBe(seeds.length);
  expect(faultSteps).toBeGreaterThan(3000);
});
