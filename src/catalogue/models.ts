/**
 * Models that Fate knows by name: each architecture as released, and in 8 and 4 bits.
 * `qwen3-32b` is the release, `qwen3-32b-fp8` and `qwen3-32b-int4` its quantised forms.
 */

import type { Model } from "../model/model.ts";
import { mxfp4Bytes, toModel, type Architecture, type Quantisation } from "./architecture.ts";
import { architectures } from "./architectures.ts";

const bf16: Quantisation = { precision: "bf16" };

/** A small encoder and a vision-language model of the multi-model benchmarks: sizes as stated there, shapes assumed. */
const assumed: readonly Architecture[] = [
  shapeOf("embed-1.2b", 24, 1536, 12, 2, 1.2e9),
  shapeOf("vision-10.6b", 40, 4096, 32, 8, 10.6e9),
];

export const knownModels: readonly Model[] = [
  ...assumed.map((architecture) => toModel(architecture, architecture.id, bf16)),
  ...architectures.flatMap(toVariants),
];

function toVariants(architecture: Architecture): readonly Model[] {
  const { id, native = bf16 } = architecture;
  const released = toModel(architecture, id, native);
  if (native.expertBytes !== undefined) return [released];
  const fp8 = native.precision === "fp8" ? [] : [toModel(architecture, `${id}-fp8`, { precision: "fp8" })];
  return [released, ...fp8, toModel(architecture, `${id}-int4`, { precision: "int4" })];
}

/** All parameters in layers, none in a vocabulary. */
function shapeOf(
  id: string,
  layers: number,
  hiddenSize: number,
  attentionHeads: number,
  kvHeads: number,
  parameters: number,
): Architecture {
  const headSize = 128;
  const attention = hiddenSize * headSize * 2 * (attentionHeads + kvHeads);
  const innerSize = (parameters / layers - attention) / (3 * hiddenSize);
  return { id, layers, hiddenSize, attentionHeads, kvHeads, headSize, innerSize, vocabulary: 0 };
}

/** Parts of a released name that say nothing about the architecture, or are read as the quantisation. */
const ornaments =
  /[-_.](instruct|chat|it|hf|fp8|fp8-dynamic|dynamic|kv|bf16|block|awq|gptq|int4|int8|w4a16|w8a8|quantized|nvfp4|fp4|mxfp4|turbo|base|thinking|preview|\d{4}|v0\.\d|16e|128e|17b)(?=[-_.]|$)/g;

/** Other names under which an architecture is released. */
const sameAs: Readonly<Record<string, string>> = {
  "llama-3-8b": "llama-3.1-8b",
  "llama-3-70b": "llama-3.1-70b",
  "llama-3.3-70b": "llama-3.1-70b",
  "llama-3.1-nemotron-70b": "llama-3.1-70b",
  "deepseek-r1-distill-llama-70b": "llama-3.1-70b",
  "deepseek-r1-distill-llama-8b": "llama-3.1-8b",
  "deepseek-r1-distill-qwen-32b": "qwen2.5-32b",
  "qwq-32b": "qwen2.5-32b",
  "deepseek-r1": "deepseek-v3",
  "deepseek-v3.1": "deepseek-v3",
  "deepseek-v3.2": "deepseek-v3",
  "glm-4.6": "glm-4.5",
  "glm-4.7": "glm-4.5",
  "minimax-m2.5": "minimax-m2",
  "minimax-m2.1": "minimax-m2",
  "llama2-70b": "llama-2-70b",
  "phi-4": "phi-4-14.7b",
};

/**
 * The model behind a released name such as `meta-llama/Llama-3.3-70B-Instruct-FP8`, or nothing if its architecture is not known.
 * What the caller knows of the numeric types goes before what the name says, and that before how it was released.
 */
export function findReleased(path: string, gemmType = "", expertType = ""): Model | undefined {
  const name = (path.split("/").at(-1) ?? "").toLowerCase();
  const plain = name
    .replaceAll(ornaments, "")
    .replaceAll(ornaments, "")
    .replace(/^meta-llama-/, "llama-");
  const architecture = architectures.find(({ id }) => id === (sameAs[plain] ?? plain));
  if (architecture === undefined) return undefined;
  const native = architecture.native ?? bf16;
  const precision = toPrecision(gemmType) ?? toPrecision(name) ?? native.precision;
  const expertBytes = toBytes(expertType) ?? (toPrecision(name) === undefined ? native.expertBytes : undefined);
  const quantisation: Quantisation =
    expertBytes === undefined || architecture.mixture === undefined ? { precision } : { precision, expertBytes };
  const suffix = precision === native.precision ? "" : `-${precision}`;
  return toModel(architecture, `${architecture.id}${suffix}`, quantisation);
}

function toPrecision(text: string): Model["precision"] | undefined {
  if (/fp8|w8a8/.test(text)) return "fp8";
  if (/int4|awq|gptq|w4a16|nvfp4|[-_]fp4/.test(text) && !text.includes("mxfp4")) return "int4";
  if (/bf16|bfloat16|float16/.test(text)) return "bf16";
  return undefined;
}

function toBytes(text: string): number | undefined {
  if (/mxfp4|fp4/.test(text)) return mxfp4Bytes;
  if (/int4|w4/.test(text)) return 0.5625;
  if (/fp8|int8|w8/.test(text)) return 1;
  if (/bf16|bfloat16|float16/.test(text)) return 2;
  return undefined;
}
