/** As many worlds as some twelve seconds allow, on threads as `fate torture` has them. */

import { expect, test } from "vitest";
import { runCampaign } from "../../src/torture/campaign.ts";

const seconds = 12;

test("whatever goes wrong, every law holds, seed after seed", async () => {
  const seeds = Array.from({ length: 1000 }, (_, index) => 1000 + index);
  const { broken, worlds, faultSteps } = await runCampaign({
    seeds,
    workers: 2,
    signal: AbortSignal.timeout(seconds * 1000),
  });
  expect(broken?.violations, `fate torture --seed ${broken?.seed} --trace`).toBeUndefined();
  expect(worlds).toBeGreaterThan(30);
  expect(faultSteps).toBeGreaterThan(3000);
});
