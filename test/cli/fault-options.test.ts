import { expect, test } from "vitest";
import { toFaults } from "../../src/cli/fault-options.ts";

const none = {
  "crash-every": undefined,
  "crash-for": undefined,
  "slow-every": undefined,
  "slow-for": undefined,
  "slow-factor": undefined,
  "loss-chance": undefined,
  stale: undefined,
};

test("a single option goes over the preset", () => {
  expect(toFaults({ ...none, faults: "none" })).toEqual({});
  expect(toFaults({ ...none, faults: "heavy", "crash-every": 2 })).toMatchObject({
    crashEveryUs: 2e6,
    staleUs: 500_000,
  });
  expect(toFaults({ ...none, faults: '{"lossChance":0.5}', "slow-factor": 3 })).toEqual({
    lossChance: 0.5,
    slowFactor: 3,
  });
});

test("what is no preset and no faults is refused", () => {
  expect(() => toFaults({ ...none, faults: "heavi" })).toThrow("did you mean heavy?");
  expect(() => toFaults({ ...none, faults: "constructor" })).toThrow("expected none, light, heavy or JSON");
  expect(() => toFaults({ ...none, faults: '{"lossChance":2}' })).toThrow("--faults: lossChance: found 2");
  expect(() => toFaults({ ...none, faults: '{"lossChance":}' })).toThrow("--faults: line 1:15");
});
