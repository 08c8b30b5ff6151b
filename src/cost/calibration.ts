/**
 * What servers reach of a data sheet, per GPU kind, fitted by `fate calibrate` on measured data.
 * A kind without a row of its own uses the generic one, so an unseen GPU needs its data sheet only.
 */

import type { GpuKindId } from "../model/cluster.ts";
import type { ModelId } from "../model/model.ts";

export type Calibration = {
  /** Format version. */
  readonly version: 1;
  /** Where the numbers come from, for people. */
  readonly sources: readonly string[];
  readonly generic: Coefficients;
  readonly gpus: Readonly<Record<GpuKindId, Coefficients>>;
  /** Ratios of a model's measured to its modelled times, where it was measured. */
  readonly models: Readonly<Record<ModelId, ModelCorrection>>;
};

export type Coefficients = {
  /** Share of peak FLOP/s that matrix products reach. */
  readonly flopsShare: number;
  /** Share of peak memory bandwidth. */
  readonly bandwidthShare: number;
  /** Exponent of the smooth maximum of compute and memory time: 1 adds them, large takes the larger. */
  readonly sharpness: number;
  /** Fixed cost of an iteration. */
  readonly iterationUs: number;
  /** Cost of an iteration per layer: kernel launches. */
  readonly layerUs: number;
  /** Cost of an iteration per sequence in the batch: scheduling, sampling. */
  readonly sequenceUs: number;
  /** Extra cost of an iteration that takes in prompt tokens. */
  readonly prefillUs: number;
  /** Extra cost of an iteration that mixes prompt tokens with decoding. */
  readonly mixedUs: number;
  /** One all-reduce among two GPUs; grows with the logarithm of the group's size. */
  readonly allReduceUs: number;
};

export type ModelCorrection = {
  readonly prefill: number;
  readonly decode: number;
};
