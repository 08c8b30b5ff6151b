/** Whatever befalls several gateways: many seeds. */

import { describe, test } from "vitest";
import { clusterNames, liveMildly, liveWildly } from "./wild.ts";

const seeds = 75;

describe.each(clusterNames)("on %s engines", (name) => {
  test("nothing is lost, doubled, or begun where there is no room", async () => {
    for (let seed = 1; seed <= seeds; seed++) await liveMildly(name, seed);
  });

  test("nothing is lost or doubled when gateways hear nothing of one another either", async () => {
    for (let seed = 1; seed <= seeds; seed++) await liveWildly(name, seed);
  });
});
