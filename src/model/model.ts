/** A language or embedding model, with what its costs depend on and nothing else. */

export type ModelId = string;

export type Model = {
  readonly id: ModelId;
  /** All weights as they lie in memory; what a load moves. */
  readonly weightBytes: number;
  /** The part of them that is looked up and not read in every iteration: an embedding table. */
  readonly lookupBytes?: number;
  /** Parameters one token passes through. Equal to all parameters for a dense model. */
  readonly activeParameters: number;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly attentionHeads: number;
  readonly headSize: number;
  /** Keys and values of one token over all layers. */
  readonly kvBytesPerToken: number;
  /** Numeric type of the matrix products: decides which peak FLOP/s applies. */
  readonly precision: "bf16" | "fp8" | "int4";
  /** Present for a mixture of experts. */
  readonly experts?: Experts;
};

export type Experts = {
  readonly count: number;
  /** Experts one token is routed to. */
  readonly perToken: number;
  /** Bytes of all experts of all layers together; the rest of `weightBytes` is read in every iteration but for `lookupBytes`. */
  readonly weightBytes: number;
};
