/** The GPU kind that an engine runs on, or what it is taken for. */

import { gpuKinds, withoutMemory } from "../../catalogue/gpus.ts";
import type { GpuKind } from "../../model/cluster.ts";
import { gibibytes, gigabytes } from "../../model/units.ts";
import { closest, meant } from "../../trace/closest.ts";
import type { EngineConfig } from "./config.ts";
import { unknownGpu } from "./fill-in.ts";

/** A machine without a GPU: eight recent cores and two channels of memory. */
const cpu: GpuKind = {
  id: "cpu",
  memoryBytes: gibibytes(32),
  memoryBytesPerSecond: gigabytes(60),
  bf16FlopsPerSecond: 1e12,
  peerBytesPerSecond: gigabytes(20),
};

export const gpuNames: readonly string[] = [...gpuKinds.map(({ id }) => id), cpu.id];

/** `; did you mean x?` or nothing, for what is no kind: `h1000`, or `h100` without its memory. */
export function meantGpu(name: string): string {
  const whole = meant(name, gpuNames);
  if (whole !== "") return whole;
  const byModel = new Map(gpuNames.map((known) => [withoutMemory(known), known]));
  const near = closest(name, [...byModel.keys()]);
  return near === undefined ? "" : `; did you mean ${byModel.get(near)}?`;
}

/** What people most often run such a server on. */
const usual = { vllm: "h100-80g", sglang: "h100-80g", openai: "h100-80g" } as const;

export function gpuOf({ id, kind, gpu }: EngineConfig): { readonly gpu: GpuKind; readonly assumption?: string } {
  const name = gpu !== unknownGpu ? gpu : kind in usual ? usual[kind as keyof typeof usual] : "rtx-4090-24g";
  const found = [...gpuKinds, cpu].find((known) => known.id === name);
  if (found === undefined) throw new Error(`engine ${id} stands on GPU kind ${gpu}, which no check has refused`);
  return gpu === unknownGpu
    ? { gpu: found, assumption: `engine ${id}: its GPU is taken for ${name}. Say gpu:` }
    : { gpu: found };
}
