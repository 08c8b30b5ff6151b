/** Who can be in a batch, by number: stages of the plan, and behind them shares of what has begun. */

import type { Scene } from "../scene.ts";
import type { Begun } from "./begun.ts";
import { wholeShape, type Shape } from "./shapes.ts";

/** No stage, no model. */
export const none = -1;

export class Members {
  readonly stages: number;

  readonly #modelOf: Int32Array;
  readonly #begun: Begun;
  readonly #engines: number;
  /** By stage and engine that can take it, the whole of it. */
  readonly #shapes: readonly (Shape | undefined)[];

  constructor({ fleet, stages, able, modelOf }: Scene, begun: Begun) {
    this.stages = stages.length;
    this.#modelOf = modelOf;
    this.#begun = begun;
    this.#engines = fleet.engines.length;
    this.#shapes = stages.flatMap((stage, number) => {
      const own = Array.from<Shape | undefined>({ length: fleet.engines.length });
      if (stage.kind !== "tool") for (const engine of able[number]!) own[engine] = wholeShape(fleet, stage, engine);
      return own;
    });
  }

  modelOf(number: number): number {
    return number < this.stages ? this.#modelOf[number]! : this.#begun.shares[number - this.stages]!.model;
  }

  shapeOf(number: number, engine: number): Shape {
    if (number >= this.stages) return this.#begun.shares[number - this.stages]!.shape;
    return this.#shapes[number * this.#engines + engine]!;
  }
}
