/** How long iterations take of what runs, while nobody says how far it has come. */

import { iterationOfUs, type Rates } from "../../../cost/roofline.ts";
import type { Shape } from "./shapes.ts";

/** Of what decodes, each taken to be halfway through. */
export function halfwayStepUs(decoding: readonly Shape[], rates: Rates, slow: number): number {
  let sequences = 0;
  let context = 0;
  for (const shape of decoding) {
    sequences += shape.sequences;
    context += shape.sequences * (shape.contextTokens + shape.decodeSteps / 2);
  }
  return Math.max(1, iterationOfUs(rates, 0, 0, 0, Math.max(1, sequences), context) * slow);
}
