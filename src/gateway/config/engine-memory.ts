/**
 * How much memory an engine has in Fate's model of it. An engine that the gateway emulates has what its GPU has, and models
 * that do not fit are left out. Of a server the configuration may know too little, and what it serves it can hold: where the figures say
 * otherwise, its memory is taken as larger than its GPU's, and the assumption is written down.
 */

import type { GpuKind } from "../../model/cluster.ts";
import type { Model, ModelId } from "../../model/model.ts";
import type { EngineConfig } from "./config.ts";

export type ServedModel = { readonly model: Model; readonly contextTokens: number };

export type MemoryPlan = {
  readonly gpu: GpuKind;
  readonly kvBytes?: number;
  readonly models: readonly ModelId[];
  readonly resident: readonly ModelId[];
  readonly assumptions: readonly string[];
};

/** Fewer are not worth holding a model for: `model/holding.ts` asks for so many. */
const leastKvTokens = 1024;
/** What a real server is trusted to have room for, whatever its GPU: for a call, or of one that never says how much it has, for so many at most. */
const trustedKvTokens = 4096;
const mostTrustedCalls = 256;

/** What an emulated engine sets aside for each of several models unless it is told otherwise. */
const emulatedKvBytes = 8e9;

export type MemoryQuestion = {
  readonly engine: EngineConfig;
  readonly gpu: GpuKind;
  readonly served: readonly ServedModel[];
  /** At most `maxResident` of those served. */
  readonly resident: readonly ModelId[];
  readonly maxResident: number;
  /** It runs its models side by side, each as if it were alone. */
  readonly mixesModels: boolean;
  /** KV tokens that the server itself says it has, and the model that it says so of. */
  readonly told?: { readonly tokens: number; readonly model: Model };
};

export function planMemory(question: MemoryQuestion): MemoryPlan {
  const { kind, url } = question.engine;
  return kind === "emulated" && url === undefined ? planEmulated(question) : planReal(question);
}

function planEmulated({ engine, gpu, served, resident, maxResident }: MemoryQuestion): MemoryPlan {
  const room = roomOf(gpu, engine);
  const kvBytes = engine.kvBytes ?? (maxResident > 1 ? emulatedKvBytes : undefined);
  const fitting = served.filter(({ model }) => fits(model, room, kvBytes));
  const held: ModelId[] = [];
  let left = room;
  for (const id of resident) {
    const model = fitting.find((each) => each.model.id === id)?.model;
    const need = model === undefined ? Infinity : kvBytes === undefined ? room : model.weightBytes + kvBytes;
    if (need > left) continue;
    left -= need;
    held.push(id);
  }
  const without = served.filter((each) => !fitting.includes(each));
  return {
    gpu,
    ...(kvBytes === undefined ? {} : { kvBytes: Math.min(kvBytes, room) }),
    models: fitting.map(({ model }) => model.id),
    resident: held,
    assumptions: [
      ...without.map(
        ({ model }) => `engine ${engine.id}: ${showNeed(model, kvBytes)} do not fit into ${showBytes(room)}`,
      ),
      ...resident
        .filter((id) => !held.includes(id))
        .map((id) => `engine ${engine.id}: ${id} is not loaded at the start, since not all of resident fit`),
    ],
  };
}

function planReal(question: MemoryQuestion): MemoryPlan {
  const { engine, served, resident, maxResident } = question;
  const kvBytes = realKvBytes(question);
  const byId = new Map(served.map(({ model }) => [model.id, model]));
  const need = (model: Model): number =>
    model.weightBytes + (kvBytes ?? trustedTokens(engine) * Math.max(1, model.kvBytesPerToken));
  const largest = served.reduce((most, { model }) => Math.max(most, need(model)), kvBytes ?? 0);
  const together = resident.reduce((sum, id) => sum + need(byId.get(id) ?? unreachable(id)), 0);
  const needed = Math.max(largest, maxResident > 1 ? together : 0);
  const { gpu, grown } = growTo(question.gpu, engine, needed);
  return {
    gpu,
    ...(kvBytes === undefined ? {} : { kvBytes }),
    models: served.map(({ model }) => model.id),
    resident,
    assumptions: grown
      ? [
          `engine ${engine.id}: what it serves takes ${showBytes(needed)}, more than its share of ` +
            `${engine.gpus} x ${question.gpu.id}; it is taken to have as much. Say gpu: and gpus:, or kvBytes:`,
        ]
      : [],
  };
}

/** What the server says, else what the file says, else what is usual; enough for every model to be worth holding. */
function realKvBytes({ engine, gpu, served, maxResident, mixesModels, told }: MemoryQuestion): number | undefined {
  const perToken = Math.max(1, ...served.map(({ model }) => model.kvBytesPerToken));
  const least = leastKvTokens * perToken;
  if (told !== undefined) return Math.max(least, told.tokens * Math.max(1, told.model.kvBytesPerToken));
  if (engine.kvBytes !== undefined) return Math.max(least, engine.kvBytes);
  if (maxResident === 1) return undefined;
  const room = roomOf(gpu, engine);
  const heaviest = Math.max(0, ...served.map(({ model }) => model.weightBytes));
  const context = Math.max(trustedKvTokens, ...served.map(({ contextTokens }) => contextTokens)) * perToken;
  const left = room - heaviest;
  return Math.max(trustedTokens(engine) * perToken, mixesModels ? Math.max(context, left) : Math.min(context, left));
}

/** Calls must not wait for memory of which nothing is known: the server admits them by itself. */
function trustedTokens({ kind, maxSequences }: EngineConfig): number {
  return trustedKvTokens * (kind === "openai" ? Math.min(maxSequences, mostTrustedCalls) : 1);
}

function fits(model: Model, room: number, kvBytes: number | undefined): boolean {
  const left = room - model.weightBytes;
  return left >= (kvBytes ?? 0) && (kvBytes ?? left) >= leastKvTokens * model.kvBytesPerToken;
}

function roomOf(gpu: GpuKind, { gpus, memoryShare }: Pick<EngineConfig, "gpus" | "memoryShare">): number {
  return Math.floor(gpu.memoryBytes * gpus * memoryShare);
}

/** The kind as it is if it has the room, else one with as much as it takes, whose name says so: people see it. */
function growTo(
  gpu: GpuKind,
  engine: EngineConfig,
  needed: number,
): { readonly gpu: GpuKind; readonly grown: boolean } {
  if (roomOf(gpu, engine) >= needed) return { gpu, grown: false };
  // A little more than the quotient, which binary fractions may round down, up to what the name tells: one name is one size.
  const leastBytes = (needed / (engine.gpus * engine.memoryShare)) * (1 + 1e-9) + 1;
  const memoryBytes = Math.ceil(leastBytes / shownBytes) * shownBytes;
  return { gpu: { ...gpu, id: `${gpu.id}, taken to have ${showBytes(memoryBytes)}`, memoryBytes }, grown: true };
}

function unreachable(id: ModelId): never {
  throw new Error(`${id} is resident where it is not served`);
}

function showNeed(model: Model, kvBytes: number | undefined): string {
  return `${showBytes(model.weightBytes)} of ${model.id}${kvBytes === undefined ? "" : ` and ${showBytes(kvBytes)} of KV`}`;
}

/** Sizes are shown to a tenth of a gigabyte. */
const shownBytes = 1e8;

function showBytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
