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
  /** Share of peak FLOP/s that matrix products reach, in 16 bits (and in 4, which compute in 16). */
  readonly flopsShare: number;
  /** The same in 8 bits, where the GPU has them. */
  readonly fp8FlopsShare: number;
  /** Share of peak 16-bit FLOP/s that attention over prompts reaches. */
  readonly attentionFlopsShare: number;
  /** Share of peak FLOP/s that the products of experts reach, in 16 bits and in 8. */
  readonly expertFlopsShare: number;
  readonly expertFp8FlopsShare: number;
  /** Share of peak memory bandwidth at which weights are read. */
  readonly bandwidthShare: number;
  /** Share at which keys and values are read. */
  readonly kvBandwidthShare: number;
  /** Share at which the weights of experts are read, and where they have 4 bits. */
  readonly expertBandwidthShare: number;
  readonly expert4BitBandwidthShare: number;
  /** Exponent of the smooth maximum of compute and memory time: 1 adds them, large takes the larger. */
  readonly sharpness: number;
  /** Fixed cost of an iteration. */
  readonly iterationUs: number;
  /** Cost of an iteration per layer: kernels too small to be worth counting. */
  readonly layerUs: number;
  /** Extra cost of an iteration per layer of experts: routing, sorting. */
  readonly expertLayerUs: number;
  /** Cost of an iteration per sequence in the batch: scheduling, sampling. */
  readonly sequenceUs: number;
  /** Extra cost per layer of an iteration that takes in prompt tokens: it is not launched as one graph. */
  readonly prefillLayerUs: number;
  /** Extra cost of an iteration that mixes prompt tokens with decoding. */
  readonly mixedUs: number;
  /** One all-reduce among two GPUs; grows with the logarithm of the group's size. */
  readonly allReduceUs: number;
  /** Share of peak bandwidth between the GPUs of a group. */
  readonly peerShare: number;
};

export type ModelCorrection = {
  readonly prefill: number;
  readonly decode: number;
};
