/**
 * From a published configuration to a model: counts parameters from the shapes of the matrices,
 * so that a catalogue entry holds nothing but numbers that can be looked up.
 */

import type { Model } from "../model/model.ts";

export type Architecture = {
  readonly id: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly attentionHeads: number;
  /** With multi-head latent attention: 0, and `kvElements` says what a token keeps per layer. */
  readonly kvHeads: number;
  readonly headSize: number;
  /** Inner size of a gated feed-forward layer: three matrices. */
  readonly innerSize: number;
  readonly vocabulary: number;
  /** The output matrix is the embedding table. */
  readonly tied?: boolean;
  readonly mixture?: Mixture;
  /** Parameters of one attention layer, where the heads do not tell. */
  readonly attentionParameters?: number;
  /** Elements that a token keeps per layer, on average over all layers, where `2 * kvHeads * headSize` does not tell. */
  readonly kvElements?: number;
  /** As released; absent means bf16. */
  readonly native?: Quantisation;
};

export type Mixture = {
  readonly experts: number;
  readonly perToken: number;
  readonly innerSize: number;
  /** Inner size of what every token passes through beside its experts. */
  readonly sharedSize?: number;
  /** Layers with an ordinary feed-forward layer of `innerSize` of the architecture instead. */
  readonly denseLayers?: number;
};

/** Numeric type of the matrix products, and bytes of a parameter in the experts where they differ. */
export type Quantisation = {
  readonly precision: Model["precision"];
  readonly expertBytes?: number;
};

/** With the scales that lie beside them. */
const bytesOf = { bf16: 2, fp8: 1, int4: 0.5625 } as const;

/** Four bits, and eight of scale for 32 of them. */
export const mxfp4Bytes = 4.25 / 8;

/**
 * Embeddings and the output matrix stay at 16 bits. Tokens of a prompt pass through the layers only: the output matrix
 * sees one token of a sequence, so that neither counts as active. An embedding table of its own is looked up, not read.
 */
export function toModel(architecture: Architecture, id: string, quantisation: Quantisation): Model {
  const { layers, hiddenSize, mixture, attentionHeads, headSize, kvHeads } = architecture;
  const bytes = bytesOf[quantisation.precision];
  const attention = architecture.attentionParameters ?? hiddenSize * headSize * 2 * (attentionHeads + kvHeads);
  const denseLayers = mixture === undefined ? layers : (mixture.denseLayers ?? 0);
  const gated = (innerSize: number): number => 3 * hiddenSize * innerSize;
  const common =
    layers * attention +
    denseLayers * gated(architecture.innerSize) +
    (layers - denseLayers) * gated(mixture?.sharedSize ?? 0);
  const expert = mixture === undefined ? 0 : (layers - denseLayers) * gated(mixture.innerSize);
  const expertBytes = expert * (mixture?.experts ?? 0) * (quantisation.expertBytes ?? bytes);
  const embeddingBytes = 2 * architecture.vocabulary * hiddenSize;
  const vocabularyBytes = architecture.tied === true ? embeddingBytes : 2 * embeddingBytes;
  const lookupBytes = architecture.tied === true ? 0 : embeddingBytes;
  return {
    id,
    weightBytes: Math.round(common * bytes + expertBytes + vocabularyBytes),
    ...(lookupBytes === 0 ? {} : { lookupBytes }),
    activeParameters: common + expert * (mixture?.perToken ?? 0),
    layers,
    hiddenSize,
    attentionHeads,
    headSize,
    kvBytesPerToken: Math.round(2 * layers * (architecture.kvElements ?? 2 * kvHeads * headSize)),
    precision: quantisation.precision,
    ...(mixture === undefined
      ? {}
      : {
          experts: {
            count: mixture.experts,
            perToken: mixture.perToken,
            weightBytes: Math.round(expertBytes),
          },
        }),
  };
}
