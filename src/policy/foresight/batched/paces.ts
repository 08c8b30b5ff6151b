/** How long iterations take, by engine and model, and how fast what is in a batch goes. */

import { iterationOfUs, type Rates } from "../../../cost/roofline.ts";
import type { Fleet } from "../fleet.ts";
import type { Batched } from "./batchings.ts";
import type { Shape } from "./shapes.ts";
import type { Shares } from "./shares.ts";

export class Paces {
  readonly #models: number;
  readonly #slow: Float64Array;
  /** By engine and model; how long iterations of so many sequences take is looked up. */
  readonly #rates: readonly (Rates | undefined)[];
  readonly #steps: readonly (Float64Array | undefined)[];

  constructor(fleet: Fleet, batchings: readonly Batched[], slowFactor: Float64Array) {
    this.#models = fleet.models;
    this.#slow = slowFactor;
    const names = [...new Set(fleet.engines.flatMap(({ models }) => [...models.keys()]))];
    const byNumber = Array.from<string | undefined>({ length: fleet.models });
    for (const name of names) byNumber[fleet.modelNumber(name)] = name;
    this.#rates = fleet.engines.flatMap(({ models }) =>
      byNumber.map((name) => (name === undefined ? undefined : models.get(name)?.rates)),
    );
    this.#steps = this.#rates.map((rates, cell) =>
      rates === undefined ? undefined : stepsOf(rates, batchings[Math.floor(cell / fleet.models)]!.maxSequences),
    );
  }

  ratesOf(engine: number, model: number): Rates {
    return this.#rates[engine * this.#models + model]!;
  }

  slowOf(engine: number): number {
    return this.#slow[engine]!;
  }

  /** So many iterations that only decode, whose sequences have so many tokens of context in the first of them. */
  decodeUs(engine: number, model: number, sequences: number, contextTokens: number, steps: number): number {
    const cell = engine * this.#models + model;
    const rates = this.#rates[cell]!;
    const middleTokens = contextTokens + (sequences * (steps - 1)) / 2;
    const us =
      stepUs(rates, this.#steps[cell]!, sequences) + rates.kvUsPerToken * middleTokens * rates.correction.decode;
    return Math.max(1, Math.round(steps * us * this.#slow[engine]!));
  }

  /** Roughly how long until the batch has drained if nobody joins. */
  drainUs(shares: Shares, engine: number): number {
    const count = shares.count[engine]!;
    if (count === 0) return 0;
    const cell = engine * this.#models + shares.model[engine]!;
    const rates = this.#rates[cell]!;
    const from = engine * shares.span;
    let steps = 0;
    let promptTokens = 0;
    let context = 0;
    for (let at = from; at < from + count; at++) {
      const shape = shares.shapes[at]!;
      const opened = shares.opened[at] === 1;
      steps = Math.max(steps, shares.stepsLeft[at]! || shape.decodeSteps);
      promptTokens += opened ? shares.promptLeft[at]! : shape.promptTokens;
      context += shape.sequences * shape.contextTokens;
    }
    const eachUs = stepUs(rates, this.#steps[cell]!, shares.sequences[engine]!) + rates.kvUsPerToken * context;
    return (steps * eachUs + promptTokens * rates.productUsPerToken) * this.#slow[engine]!;
  }

  /** How much longer one of this shape decodes beside those that are in the batch now than alone. */
  besideUs(shares: Shares, engine: number, model: number, shape: Shape): number {
    const cell = engine * this.#models + model;
    const steps = this.#steps[cell]!;
    const rates = this.#rates[cell]!;
    const beside = shares.sequences[engine]!;
    const moreUs = stepUs(rates, steps, beside + shape.sequences) - stepUs(rates, steps, shape.sequences);
    return shape.decodeSteps * (moreUs + rates.kvUsPerToken * shares.joinTokens[engine]!) * this.#slow[engine]!;
  }
}

const knownSteps = new WeakMap<Rates, Float64Array>();

/** By number of sequences that an iteration only decodes, without what their contexts add; NaN where not asked for yet. */
function stepsOf(rates: Rates, maxSequences: number): Float64Array {
  let steps = knownSteps.get(rates);
  if (steps === undefined || steps.length <= maxSequences)
    knownSteps.set(rates, (steps = new Float64Array(maxSequences + 1).fill(NaN)));
  return steps;
}

function stepUs(rates: Rates, steps: Float64Array, sequences: number): number {
  const us = steps[sequences];
  if (us === us && us !== undefined) return us;
  const freshUs = iterationOfUs(rates, 0, 0, 0, sequences, 0);
  if (sequences < steps.length) steps[sequences] = freshUs;
  return freshUs;
}
