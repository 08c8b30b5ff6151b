/** As many worlds as some twenty seconds allow, on threads as `fate torture` has them. */

import { expect, test } from "vitest";
import { runCampaign } from "../../src/torture/campaign.ts";

const seconds = 20;

test("whatever goes wrong, every law holds, seed after seed", async () => {
  const seeds = Array.from({ length: 1000 }, (_, index) => 1000 + index);
  const { broken, worlds, faultSteps } = await runCampaign({
    seeds,
    workers: 2,
    signal: AbortSignal.timeout(seconds * 1000),
  });
  expect(broken?.violations, `fate torture --seed ${broken?.seed} --trace`).toBeUndefined();
  expect(worlds).toBeGreaterThan(50);
  expect(faultSteps).toBeGreaterThan(5000);
});
