/** What is learnt of engines from how long things took there. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Corrections } from "../../../src/gateway/live/corrections.ts";

const [engine, model] = ["a", "llama"];
const expectedUs = 1_000_000;

/** Observes this ratio so often, each time a little off, by turns more and less. */
function teach(corrections: Corrections, ratio: number, times: number, noise = 0): void {
  for (let time = 0; time < times; time++) {
    const off = 1 + noise * Math.sin(time * 2.4);
    corrections.observe(engine, model, "decode", expectedUs * ratio * off, expectedUs);
  }
}

const decodeOf = (corrections: Corrections): number => corrections.applied(engine, model).decode;

describe("a factor", () => {
  test("is learnt from noisy observations, whatever it is", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.02, max: 50, noNaN: true }), (ratio) => {
        const corrections = new Corrections();
        teach(corrections, ratio, 40, 0.3);
        // It is changed when it is a tenth off, and the noise has its middle within another one.
        expect(decodeOf(corrections) / ratio).toBeGreaterThan(0.8);
        expect(decodeOf(corrections) / ratio).toBeLessThan(1.25);
      }),
    );
  });

  test("is believed from the third observation on, and changed only when that is worth it", () => {
    const corrections = new Corrections();
    teach(corrections, 2, 2);
    expect(decodeOf(corrections)).toBe(1);
    expect(corrections.observe(engine, model, "decode", 2 * expectedUs, expectedUs)).toEqual({
      load: 1,
      prefill: 1,
      decode: 2,
    });
    teach(corrections, 2.1, 60);
    expect(decodeOf(corrections)).toBe(2);
  });

  test("is one of an engine, a model and a term", () => {
    const corrections = new Corrections((id) => (id === "b" ? 0.5 : 1));
    teach(corrections, 3, 5);
    expect(corrections.applied(engine, model)).toEqual({ load: 1, prefill: 1, decode: 3 });
    expect(corrections.applied(engine, "phi")).toEqual({ load: 1, prefill: 1, decode: 1 });
    expect(corrections.applied("b", model)).toEqual({ load: 0.5, prefill: 0.5, decode: 0.5 });
    expect(corrections.learned(engine, model)).toMatchObject({ samples: { load: 0, prefill: 0, decode: 5 } });
  });

  test("follows an engine that has become another", () => {
    const corrections = new Corrections();
    teach(corrections, 4, 40);
    teach(corrections, 0.5, 40);
    expect(decodeOf(corrections)).toBe(0.5);
  });

  test("says how far the observations spread", () => {
    const [even, uneven] = [new Corrections(), new Corrections()];
    teach(even, 2, 31);
    teach(uneven, 2, 31, 0.5);
    expect(even.learned(engine, model).spread.decode).toBe(0);
    expect(uneven.learned(engine, model).spread.decode).toBeGreaterThan(0.1);
  });
});

describe("an odd observation", () => {
  const odd = [0, -1, NaN, Infinity, -Infinity, 1e300, Number.MIN_VALUE] as const;

  test.each(odd)("of %s us is no observation, nor is one against that expectation", (us) => {
    const corrections = new Corrections();
    for (let time = 0; time < 100; time++) {
      expect(corrections.observe(engine, model, "decode", us, expectedUs)).toBeUndefined();
      expect(corrections.observe(engine, model, "decode", expectedUs, us)).toBeUndefined();
    }
    expect(corrections.learned(engine, model)).toMatchObject({ decode: 1, samples: { decode: 0 } });
  });

  test("of what takes next to nothing is left out, as the way there and back", () => {
    const corrections = new Corrections();
    for (let time = 0; time < 100; time++) corrections.observe(engine, model, "decode", 9000, 100);
    expect(decodeOf(corrections)).toBe(1);
  });

  test("among others does not move what they say, however long it took", () => {
    const corrections = new Corrections();
    teach(corrections, 2, 20);
    for (const [observedUs, modelledUs] of [
      [9e9, 1e6],
      [1e4, 1e7],
      // A prompt a thousand times as long as the others.
      [9e9, 1e9],
    ] as const)
      corrections.observe(engine, model, "decode", observedUs, modelledUs);
    teach(corrections, 2, 20);
    expect(decodeOf(corrections)).toBe(2);
  });

  test("never leads to a factor that is no number or out of bounds", () => {
    const us = fc.oneof(fc.double(), fc.double({ min: 1, max: 1e12, noNaN: true }));
    fc.assert(
      fc.property(fc.array(fc.tuple(us, us), { minLength: 40, maxLength: 80 }), (observed) => {
        const corrections = new Corrections();
        for (const [observedUs, modelledUs] of observed)
          corrections.observe(engine, model, "load", observedUs, modelledUs);
        const { load } = corrections.applied(engine, model);
        expect(load).toBeGreaterThanOrEqual(1e-4);
        expect(load).toBeLessThanOrEqual(1e4);
      }),
    );
  });
});
