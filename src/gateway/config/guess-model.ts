/**
 * What a model costs, from what the configuration says of it and, failing that, from its name: the catalogue's figures where
 * the name leads there (`qwen2.5:7b-instruct-q4_K_M`), a model of that size where the name tells a size, else one of 8B.
 * Whatever is not stated comes back as an assumption, a sentence for people.
 */

import { architectures } from "../../catalogue/architectures.ts";
import { findReleased, knownModels } from "../../catalogue/models.ts";
import type { Model, ModelId } from "../../model/model.ts";
import type { ModelConfig } from "./config.ts";

export type GuessedModel = {
  readonly model: Model;
  readonly assumption?: string;
  /** It is of the size that is taken for granted of any: said of all these together (`unknownModels`). */
  readonly isUnknown?: boolean;
};

const nominalBytes = { bf16: 2, fp8: 1, int4: 0.5625 } as const;
const usualParameters = 8e9;

export function toModelOf(config: ModelConfig): GuessedModel {
  const { model, ...assumed } = guess(config);
  const sized = config.weightBytes === undefined ? model : withWeight(model, config.weightBytes);
  return { model: { ...sized, id: config.id }, ...assumed };
}

function guess(config: ModelConfig): GuessedModel {
  const like = knownModel(config.like ?? config.id);
  if (like !== undefined) return { model: like };
  const { numbers, bytes } = readQuantisation(config.id);
  if (config.parameters !== undefined) {
    const model = ofSize({ total: config.parameters }, numbers, bytes);
    return { model, assumption: `model ${config.id}: its layers are taken from a model of about that size` };
  }
  const released = findByName(config.id);
  if (released !== undefined)
    return { model: released, assumption: `model ${config.id}: taken for ${showModel(released)}, by its name` };
  const size = sizeInName(config.id);
  const model = ofSize(size ?? { total: usualParameters }, numbers, bytes);
  if (size === undefined) return { model, isUnknown: true };
  const taken = `taken for ${showCount(size.total)} parameters in ${showModel(model)}`;
  return { model, assumption: `model ${config.id}: ${taken}, by its name` };
}

/** One sentence for all of them: servers may list hundreds. */
export function unknownModels(ids: readonly ModelId[]): string {
  const named = ids.length > mostNamed ? [...ids.slice(0, mostNamed), `${ids.length - mostNamed} more`] : ids;
  const [which, of] = ids.length === 1 ? ["model", "it"] : ["models", "them"];
  return `${which} ${named.join(", ")}: nothing is known of ${of}; taken for 8 billion parameters. Say like: or parameters: under models`;
}

const mostNamed = 8;

export function knownModel(id: ModelId): Model | undefined {
  return knownModels.find((model) => model.id === id);
}

/** Whether the name alone tells what it costs, more or less. */
export function isTelling(id: ModelId): boolean {
  return knownModel(id) !== undefined || findByName(id) !== undefined || sizeInName(id) !== undefined;
}

/** Whether a model of this name most likely makes embeddings. */
export function looksLikeEmbedding(id: ModelId): boolean {
  return /(^|[-_/.:])(bge|gte|e5|minilm)([-_.:]|$)|embed/.test(id.toLowerCase());
}

type Size = { readonly total: number; readonly active?: number; readonly experts?: number };

/** `8b`, `270m`, `30b-a3b`, `8x7b`, where it stands by itself in the name. */
export function sizeInName(id: ModelId): Size | undefined {
  const name = id.toLowerCase();
  const mixed = /(?:^|[-_:/])(\d{1,3})x(\d{1,4}(?:\.\d{1,3})?)b(?![a-z0-9])/.exec(name);
  if (mixed !== null) {
    const experts = Number(mixed[1]);
    const each = Number(mixed[2]) * 1e9;
    // Attention is shared: together they have about five sixths of what their number says.
    if (experts > 1 && each > 0) return { total: (experts * each * 5) / 6, active: each * 1.8, experts };
  }
  const found = /(?:^|[-_:/])(\d{1,4}(?:\.\d{1,3})?)([bm])(?![a-z0-9])/.exec(name);
  if (found === null) return undefined;
  const total = Number(found[1]) * (found[2] === "b" ? 1e9 : 1e6);
  if (total < 1e6) return undefined;
  const active = Number(/[-_:]a(\d{1,3}(?:\.\d{1,3})?)b(?![a-z0-9])/.exec(name)?.[1] ?? 0) * 1e9;
  return active > 0 && active < total ? { total, active } : { total };
}

/** Dense models whose heads share keys and values, as those of today do. */
const ordinary = architectures.flatMap(({ id, mixture, kvHeads, attentionHeads }) =>
  mixture === undefined && kvHeads < attentionHeads ? (knownModel(id) ?? []) : [],
);

/** The dense architecture nearest in size, stretched to it. */
function ofSize({ total, active, experts }: Size, precision: Model["precision"], bytes: number): Model {
  const through = active ?? total;
  const nearest = ordinary.reduce((best, each) =>
    distance(each.activeParameters, through) < distance(best.activeParameters, through) ? each : best,
  );
  const weightBytes = Math.round(total * bytes);
  const { lookupBytes: _, ...shape } = nearest;
  if (active === undefined) return { ...shape, weightBytes, activeParameters: total, precision };
  const count = experts ?? 128;
  return {
    ...shape,
    weightBytes,
    activeParameters: active,
    precision,
    experts: {
      count,
      perToken: Math.min(count, experts === undefined ? 8 : 2),
      // What every token passes through anyway is about a third of what it passes through.
      weightBytes: Math.round(Math.max(0, total - active / 3) * bytes),
    },
  };
}

function distance(left: number, right: number): number {
  return Math.abs(Math.log(left / right));
}

/** The catalogue's model under a name as Ollama, llama.cpp and model hubs write it. */
function findByName(id: ModelId): Model | undefined {
  const { numbers, bytes } = readQuantisation(id);
  const plain = (id.toLowerCase().split("/").at(-1) ?? "")
    .replaceAll(/[:@+]/g, "-")
    .replaceAll(/[-_.](gguf|latest|text|i?q\d(_[a-z0-9]+)*|f16|fp16|f32|int8|q\d)(?=[-.]|$)/g, "")
    .replace(/^(llama|gemma|phi|qwen)-?(\d)/, (_, family: string, digit: string) =>
      family === "qwen" ? `${family}${digit}` : `${family}-${digit}`,
    );
  const found = findReleased(plain, numbers === "bf16" && !isQuantised(id) ? "" : numbers);
  if (found === undefined || !isQuantised(id)) return found;
  const nominal = nominalBytes[found.precision];
  // What is released in few bits already is as large as it is.
  return nominal === bytes || found.precision !== numbers
    ? found
    : withWeight(found, Math.round((found.weightBytes * bytes) / nominal));
}

const quantWord = /(?:^|[-_.:])i?q([2-8])(?:_[a-z0-9]+)*(?=[-.:]|$)/;

function isQuantised(id: ModelId): boolean {
  const name = id.toLowerCase();
  return quantWord.test(name) || /[-_.:](int8|w8a16|f16|fp16)(?=[-.:]|$)/.test(name) || isTagged(name);
}

/** Ollama serves four bits where a tag says nothing else. */
function isTagged(name: string): boolean {
  return /:[a-z0-9.-]+$/.test(name);
}

/** Numbers that products are made in, and bytes of a parameter with its scales. */
function readQuantisation(id: ModelId): { readonly numbers: Model["precision"]; readonly bytes: number } {
  const name = id.toLowerCase();
  const bits = Number(quantWord.exec(name)?.[1] ?? 0);
  if (bits > 0 && bits <= 6) return { numbers: "int4", bytes: bits === 4 ? nominalBytes.int4 : (bits + 0.6) / 8 };
  if (bits > 0 || /int8|w8a16/.test(name)) return { numbers: "bf16", bytes: 1.0625 };
  if (/fp8|w8a8/.test(name)) return { numbers: "fp8", bytes: 1 };
  if (/awq|gptq|int4|w4a16|nvfp4|mxfp4|[-_]fp4|[-_]4bit/.test(name))
    return { numbers: "int4", bytes: nominalBytes.int4 };
  if (/bf16|fp16|[-_.:]f16/.test(name) || !isTagged(name)) return { numbers: "bf16", bytes: 2 };
  return { numbers: "int4", bytes: nominalBytes.int4 };
}

/** Everything scaled with the weights that is counted in bytes of weights. */
function withWeight(model: Model, weightBytes: number): Model {
  const scale = weightBytes / model.weightBytes;
  const { lookupBytes, experts } = model;
  return {
    ...model,
    weightBytes,
    ...(lookupBytes === undefined ? {} : { lookupBytes: Math.floor(lookupBytes * scale) }),
    ...(experts === undefined ? {} : { experts: { ...experts, weightBytes: Math.floor(experts.weightBytes * scale) } }),
  };
}

function showModel({ id, weightBytes }: Model): string {
  return `${id} with ${(weightBytes / 1e9).toFixed(1)} GB of weights`;
}

function showCount(parameters: number): string {
  return parameters >= 1e9
    ? `${Number((parameters / 1e9).toFixed(1))} billion`
    : `${Math.round(parameters / 1e6)} million`;
}
