/** Round coefficients that no fit ever changes, for tests whose expectations hang on durations. */

import type { Calibration } from "../../src/cost/calibration.ts";

export const plainCalibration: Calibration = {
  version: 1,
  sources: [],
  generic: {
    flopsShare: 0.5,
    fp8FlopsShare: 0.5,
    attentionFlopsShare: 0.5,
    expertFlopsShare: 0.5,
    expertFp8FlopsShare: 0.5,
    bandwidthShare: 0.75,
    kvBandwidthShare: 0.75,
    expertBandwidthShare: 0.75,
    expert4BitBandwidthShare: 0.75,
    sharpness: 4,
    iterationUs: 1000,
    layerUs: 5,
    expertLayerUs: 0,
    sequenceUs: 20,
    prefillLayerUs: 0,
    mixedUs: 2000,
    allReduceUs: 8,
    peerShare: 0.75,
  },
  gpus: {},
  models: {},
};
