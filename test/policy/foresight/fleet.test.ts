/** What is laid out of a cluster once. */

import { expect, test } from "vitest";
import { knownModels } from "../../../src/catalogue/models.ts";
import { correctCosts } from "../../../src/cost/correct.ts";
import { createCostModel } from "../../../src/cost/cost-model.ts";
import type { Cluster } from "../../../src/model/cluster.ts";
import { fleetOf } from "../../../src/policy/foresight/fleet.ts";
import { cluster } from "../../support/build.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";

const model = "llama-3.1-8b";

function costsOf(machines: Cluster) {
  return createCostModel(machines, knownModels, plainCalibration);
}

test("an engine that was seen to be slower is a sort of its own, whichever it is", () => {
  const costs = costsOf(cluster("h100 h100 h100"));
  const slower = { load: 1, prefill: 2, decode: 5 };
  expect([...fleetOf(costs).sortOf]).toEqual([0, 0, 0]);
  expect([...fleetOf(correctCosts(costs, costs, "engine-0", model, slower)).sortOf]).toEqual([0, 1, 1]);
  expect([...fleetOf(correctCosts(costs, costs, "engine-1", model, slower)).sortOf]).toEqual([0, 1, 0]);
});

test("so is one that may keep fewer prefixes", () => {
  const machines = cluster("h100 h100 h100");
  const engines = machines.engines.map((each, index) => (index === 1 ? { ...each, prefixTokens: 1000 } : each));
  expect([...fleetOf(costsOf({ ...machines, engines })).sortOf]).toEqual([0, 1, 0]);
});

test("ways are numbered as they are met, those of one name once, and -1 where there is none", () => {
  const way = { bytesPerSecond: 1e9, latencyUs: 50 };
  const links = [{ from: "host-0", to: "host-1", ...way }];
  const apart = fleetOf(costsOf(cluster("h100 h100 h100", {}, { links })));
  expect([...apart.wayOf]).toEqual([-1, 0, -1, -1, -1, -1, -1, -1, -1]);
  const { wayOf, wayUsPerByte, ways } = fleetOf(costsOf(cluster("h100 h100 h100", {}, { links, store: way })));
  expect([...wayOf]).toEqual([-1, 0, 1, 2, -1, 2, 3, 3, -1]);
  expect(ways.map(({ id }) => id)).toEqual(["host-0>host-1", "store:host-0", "store:host-1", "store:host-2"]);
  expect(wayUsPerByte[1]).toBe(0.001);
});

test("a correction does not have the ways of many hosts laid out again", () => {
  const base = costsOf(cluster(Array.from({ length: 8 }, () => "h100").join(" ")));
  let asked = 0;
  const route: typeof base.route = (from, to) => {
    asked += 1;
    return base.route(from, to);
  };
  const costs = { ...base, route };
  const before = fleetOf(costs);
  const after = fleetOf(correctCosts(costs, costs, "engine-1", model, { load: 2, prefill: 2, decode: 2 }));
  expect(asked).toBe(8 * 7);
  expect(after.wayOf).toBe(before.wayOf);
});
