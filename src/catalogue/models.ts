/** Models that Fate knows by name, from their published configurations. */

import type { Model } from "../model/model.ts";

type Dense = {
  readonly id: string;
  readonly parameters: number;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly attentionHeads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly precision?: Model["precision"];
};

const bytesOf = { bf16: 2, fp8: 1, int4: 0.55 } as const;

const dense = (spec: Dense): Model => {
  const precision = spec.precision ?? "bf16";
  return {
    id: spec.id,
    weightBytes: Math.round(spec.parameters * bytesOf[precision]),
    activeParameters: spec.parameters,
    layers: spec.layers,
    hiddenSize: spec.hiddenSize,
    attentionHeads: spec.attentionHeads,
    headSize: spec.headSize,
    kvBytesPerToken: 2 * spec.layers * spec.kvHeads * spec.headSize * 2,
    precision,
  };
};

export const knownModels: readonly Model[] = [
  dense({
    id: "embed-1.2b",
    parameters: 1.2e9,
    layers: 24,
    hiddenSize: 1536,
    attentionHeads: 12,
    kvHeads: 2,
    headSize: 128,
  }),
  dense({
    id: "llama-3.1-8b",
    parameters: 8.03e9,
    layers: 32,
    hiddenSize: 4096,
    attentionHeads: 32,
    kvHeads: 8,
    headSize: 128,
  }),
  dense({
    id: "vision-10.6b",
    parameters: 10.6e9,
    layers: 40,
    hiddenSize: 4096,
    attentionHeads: 32,
    kvHeads: 8,
    headSize: 128,
  }),
  dense({
    id: "phi-4-14.7b",
    parameters: 14.7e9,
    layers: 40,
    hiddenSize: 5120,
    attentionHeads: 40,
    kvHeads: 10,
    headSize: 128,
  }),
  dense({
    id: "qwen2.5-32b",
    parameters: 32.5e9,
    layers: 64,
    hiddenSize: 5120,
    attentionHeads: 40,
    kvHeads: 8,
    headSize: 128,
  }),
  dense({
    id: "qwen3-32b",
    parameters: 32.8e9,
    layers: 64,
    hiddenSize: 5120,
    attentionHeads: 64,
    kvHeads: 8,
    headSize: 128,
  }),
  dense({
    id: "llama-3.1-70b",
    parameters: 70.6e9,
    layers: 80,
    hiddenSize: 8192,
    attentionHeads: 64,
    kvHeads: 8,
    headSize: 128,
  }),
  dense({
    id: "llama-3.1-70b-fp8",
    parameters: 70.6e9,
    layers: 80,
    hiddenSize: 8192,
    attentionHeads: 64,
    kvHeads: 8,
    headSize: 128,
    precision: "fp8",
  }),
];
