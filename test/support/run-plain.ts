/** Runs with round coefficients, so that expectations can be worked out by hand. */

import type { Journal } from "../../src/journal/journal.ts";
import { run } from "./build.ts";
import { plainCalibration } from "./plain-calibration.ts";

export function runPlain(options: Parameters<typeof run>[0]): Journal {
  return run({ calibration: plainCalibration, ...options });
}
