/**
 * Writes a whole language model as a GGUF file (version 3): llama architecture, random weights by seed, a vocabulary that
 * takes any text. It says nothing sensible, but llama.cpp loads it, prefills, decodes and keeps KV as with any other.
 */

import { writeFileSync } from "node:fs";
import { createRng } from "../random/rng.ts";
import { createGgufBytes, type GgufValue } from "./gguf-bytes.ts";
import { fillTensor } from "./fill-tensor.ts";
import { listTensors, tensorBytes, type LlamaShape, type Tensor, type WeightFormat } from "./shape.ts";
import { beginId, endId, unknownId, vocabulary, vocabularySize, type PieceKind } from "./vocabulary.ts";

export type GgufPlan = { readonly name: string; readonly seed: number; readonly shape: LlamaShape };

/** Equal plans give equal bytes. */
export function toGguf({ name, seed, shape }: GgufPlan): Uint8Array {
  const tensors = listTensors(shape);
  const head = createGgufBytes();
  head.raw(Buffer.from("GGUF"));
  head.u32(3);
  head.u64(tensors.length);
  const metadata = Object.entries({ ...describeModel(name, shape), ...describeTokenizer() });
  head.u64(metadata.length);
  for (const [key, value] of metadata) head.pair(key, value);
  let offset = 0;
  const offsets: number[] = [];
  for (const tensor of tensors) {
    offsets.push(offset);
    writeInfo(head, tensor, shape.format, offset);
    offset = align(offset + tensorBytes(tensor, shape.format));
  }
  const header = head.take();
  const start = align(header.length);
  const file = new Uint8Array(start + offset);
  file.set(header);
  const rng = createRng(seed, "weights");
  for (const [index, tensor] of tensors.entries())
    fillTensor(new DataView(file.buffer, start + (offsets[index] ?? 0)), tensor, shape.format, rng);
  return file;
}

export function writeGguf(path: string, plan: GgufPlan): void {
  writeFileSync(path, toGguf(plan));
}

/** Where tensors begin; 32 is what the format takes if a file says nothing else. */
function align(bytes: number): number {
  return Math.ceil(bytes / 32) * 32;
}

/** Numbers that the format gives to the types of tensors. */
const tensorTypes = { f32: 0, f16: 1, q8_0: 8 } as const satisfies Record<WeightFormat, number>;
/** Numbers that `general.file_type` gives to files of mostly this type. */
const fileTypes = { f32: 0, f16: 1, q8_0: 7 } as const satisfies Record<WeightFormat, number>;
const pieceTypes = { normal: 1, unknown: 2, control: 3, byte: 6 } as const satisfies Record<PieceKind, number>;

function writeInfo(
  head: ReturnType<typeof createGgufBytes>,
  tensor: Tensor,
  format: WeightFormat,
  offset: number,
): void {
  const { name, columns, rows } = tensor;
  head.text(name);
  head.u32(rows === undefined ? 1 : 2);
  head.u64(columns);
  if (rows !== undefined) head.u64(rows);
  head.u32(rows === undefined ? tensorTypes.f32 : tensorTypes[format]);
  head.u64(offset);
}

function u32(value: number): GgufValue {
  return { type: "u32", value };
}

function describeModel(name: string, shape: LlamaShape): Record<string, GgufValue> {
  return {
    "general.architecture": { type: "text", value: "llama" },
    "general.name": { type: "text", value: name },
    "general.file_type": u32(fileTypes[shape.format]),
    "llama.vocab_size": u32(vocabularySize),
    "llama.context_length": u32(shape.contextTokens),
    "llama.embedding_length": u32(shape.hiddenSize),
    "llama.block_count": u32(shape.layers),
    "llama.feed_forward_length": u32(shape.innerSize),
    "llama.attention.head_count": u32(shape.attentionHeads),
    "llama.attention.head_count_kv": u32(shape.kvHeads),
    "llama.attention.key_length": u32(shape.headSize),
    "llama.attention.value_length": u32(shape.headSize),
    "llama.attention.layer_norm_rms_epsilon": { type: "f32", value: 1e-5 },
    "llama.rope.dimension_count": u32(shape.headSize),
    "llama.rope.freq_base": { type: "f32", value: 10000 },
  };
}

/** A message after another, nothing that depends on those behind it: a conversation that goes on keeps its prefix. */
const chatTemplate =
  "{% for message in messages %}{{ message.role }}:{{ message.content }}\n{% endfor %}" +
  "{% if add_generation_prompt %}assistant:{% endif %}";

function describeTokenizer(): Record<string, GgufValue> {
  return {
    "tokenizer.ggml.model": { type: "text", value: "llama" },
    "tokenizer.ggml.tokens": { type: "texts", value: vocabulary.map(({ text }) => text) },
    "tokenizer.ggml.scores": { type: "f32s", value: vocabulary.map(({ score }) => score) },
    "tokenizer.ggml.token_type": { type: "i32s", value: vocabulary.map(({ kind }) => pieceTypes[kind]) },
    "tokenizer.ggml.bos_token_id": u32(beginId),
    "tokenizer.ggml.eos_token_id": u32(endId),
    "tokenizer.ggml.unknown_token_id": u32(unknownId),
    "tokenizer.ggml.add_bos_token": { type: "bool", value: true },
    "tokenizer.ggml.add_eos_token": { type: "bool", value: false },
    "tokenizer.ggml.add_space_prefix": { type: "bool", value: false },
    "tokenizer.chat_template": { type: "text", value: chatTemplate },
  };
}
