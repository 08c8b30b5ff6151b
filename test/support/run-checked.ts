/** Runs with round coefficients, and fails if the journal breaks a law. */

import { strict as assert } from "node:assert";
import { check } from "../../src/check/check.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { run } from "./build.ts";
import { plainCalibration } from "./plain-calibration.ts";

export function runChecked(options: Parameters<typeof run>[0]): Journal {
  const journal = run({ calibration: plainCalibration, ...options });
  assert.deepEqual(check(journal), []);
  return journal;
}
