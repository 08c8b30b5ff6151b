import fc from "fast-check";
import { expect, test } from "vitest";
import { gpuKinds } from "../../src/catalogue/gpus.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import { decodeStepsUs, decodeUs } from "../../src/cost/decode.ts";
import { createRates, iterationUs } from "../../src/cost/roofline.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import type { Engine } from "../../src/model/cluster.ts";

const engine: Engine = {
  id: "engine",
  devices: ["gpu-0"],
  role: "both",
  batching: { kind: "exclusive", maxSequences: 256 },
  resident: [],
  maxResident: 1,
  memoryShare: 0.9,
  labels: [],
};

const anyRates = fc
  .tuple(fc.constantFrom(...knownModels), fc.constantFrom(...gpuKinds))
  .map(([model, gpu]) => createRates(engine, gpu, model, shippedCalibration));

test("each further step takes time", () => {
  fc.assert(
    fc.property(
      anyRates,
      fc.integer({ min: 1, max: 512 }),
      fc.nat({ max: 1e6 }),
      fc.integer({ min: 1, max: 20_000 }),
      (rates, sequences, context, steps) => {
        const more = decodeStepsUs(rates, sequences, context, steps + 1);
        expect(more).toBeGreaterThan(decodeStepsUs(rates, sequences, context, steps));
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("many steps in one go take as long as one by one", () => {
  fc.assert(
    fc.property(anyRates, fc.integer({ min: 1, max: 64 }), fc.nat({ max: 1e5 }), (rates, sequences, context) => {
      let sum = 0;
      for (let step = 0; step < 200; step++) {
        const contextTokens = context + step * sequences;
        const idle = { prefillTokens: 0, prefillPairs: 0, prefillSequences: 0 };
        sum += iterationUs(rates, { ...idle, sequences, contextTokens });
      }
      expect(decodeStepsUs(rates, sequences, context, 200) / sum).toBeCloseTo(1, 9);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("nothing to write takes no time", () => {
  fc.assert(
    fc.property(anyRates, (rates) => {
      expect(decodeUs(rates, 4, 1000, 0)).toBe(0);
      expect(decodeUs(rates, 0, 1000, 10)).toBe(0);
    }),
    { seed: 1, numRuns: 20 },
  );
});
