/** The calibration that Fate ships: a first guess until `fate calibrate` has written the fitted one. */

import type { Calibration, Coefficients } from "./calibration.ts";

const generic: Coefficients = {
  flopsShare: 0.6,
  bandwidthShare: 0.75,
  sharpness: 4,
  iterationUs: 1200,
  layerUs: 4.5,
  sequenceUs: 20,
  prefillUs: 0,
  mixedUs: 2900,
  allReduceUs: 8,
};

export const shippedCalibration: Calibration = { version: 1, sources: [], generic, gpus: {}, models: {} };
