/** What a small llama model is made of: its shape, the list of its tensors, and the figures that its costs follow from. */

import type { Model, ModelId } from "../model/model.ts";
import { vocabularySize } from "./vocabulary.ts";

/** How matrices are stored. Norms are always 32 bits. */
export type WeightFormat = "f32" | "f16" | "q8_0";

export type LlamaShape = {
  readonly layers: number;
  /** A multiple of 32, which is what a block of `q8_0` holds. So is `innerSize`. */
  readonly hiddenSize: number;
  readonly attentionHeads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly innerSize: number;
  readonly contextTokens: number;
  readonly format: WeightFormat;
};

export type Tensor = {
  readonly name: string;
  /** Length of a row. */
  readonly columns: number;
  /** Absent: a vector. */
  readonly rows?: number;
};

/** Three sizes: 0.8, 2.8 and 7.0 MB as files. */
export const shapes = {
  small: of(4, 128, 2, 1, 256),
  medium: of(4, 256, 4, 2, 512),
  large: of(8, 256, 4, 2, 768),
} as const satisfies Record<string, LlamaShape>;

function of(
  layers: number,
  hiddenSize: number,
  attentionHeads: number,
  kvHeads: number,
  innerSize: number,
): LlamaShape {
  return {
    layers,
    hiddenSize,
    attentionHeads,
    kvHeads,
    headSize: 64,
    innerSize,
    contextTokens: 8192,
    format: "q8_0",
  };
}

/** In the order in which they lie in the file. */
export function listTensors(shape: LlamaShape): readonly Tensor[] {
  const { hiddenSize: hidden, innerSize: inner } = shape;
  const queries = shape.attentionHeads * shape.headSize;
  const keys = shape.kvHeads * shape.headSize;
  const layer = (index: number): readonly Tensor[] => [
    { name: `blk.${index}.attn_norm.weight`, columns: hidden },
    { name: `blk.${index}.attn_q.weight`, columns: hidden, rows: queries },
    { name: `blk.${index}.attn_k.weight`, columns: hidden, rows: keys },
    { name: `blk.${index}.attn_v.weight`, columns: hidden, rows: keys },
    { name: `blk.${index}.attn_output.weight`, columns: queries, rows: hidden },
    { name: `blk.${index}.ffn_norm.weight`, columns: hidden },
    { name: `blk.${index}.ffn_gate.weight`, columns: hidden, rows: inner },
    { name: `blk.${index}.ffn_up.weight`, columns: hidden, rows: inner },
    { name: `blk.${index}.ffn_down.weight`, columns: inner, rows: hidden },
  ];
  return [
    { name: "token_embd.weight", columns: hidden, rows: vocabularySize },
    ...Array.from({ length: shape.layers }, (_, index) => layer(index)).flat(),
    { name: "output_norm.weight", columns: hidden },
    { name: outputName, columns: hidden, rows: vocabularySize },
  ];
}

export const outputName = "output.weight";

export function tensorBytes({ columns, rows }: Tensor, format: WeightFormat): number {
  if (rows === undefined || format === "f32") return columns * (rows ?? 1) * 4;
  return format === "f16" ? columns * rows * 2 : (columns / 32) * 34 * rows;
}

/** Its true figures. KV is kept in 16 bits; both vocabulary matrices count as bytes and not as active, as everywhere. */
export function toFigures(id: ModelId, shape: LlamaShape): Model {
  const tensors = listTensors(shape);
  const bytes = (some: readonly Tensor[]): number =>
    some.reduce((sum, tensor) => sum + tensorBytes(tensor, shape.format), 0);
  const products = tensors.filter(({ name, rows }) => rows !== undefined && name.startsWith("blk."));
  return {
    id,
    weightBytes: bytes(tensors),
    lookupBytes: bytes(tensors.slice(0, 1)),
    activeParameters: products.reduce((sum, { columns, rows = 1 }) => sum + columns * rows, 0),
    layers: shape.layers,
    hiddenSize: shape.hiddenSize,
    attentionHeads: shape.attentionHeads,
    headSize: shape.headSize,
    kvBytesPerToken: 2 * 2 * shape.layers * shape.kvHeads * shape.headSize,
    precision: shape.format === "q8_0" ? "fp8" : "bf16",
  };
}
