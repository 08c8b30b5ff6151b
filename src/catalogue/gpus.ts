/** Data sheets of the GPU kinds that Fate knows by name. Dense tensor throughput, without sparsity. */

import type { GpuKind } from "../model/cluster.ts";
import { gibibytes, gigabytes } from "../model/units.ts";

const sheet = (
  id: string,
  memoryGiB: number,
  memoryGBps: number,
  bf16Tflops: number,
  fp8Tflops: number | undefined,
  peerGBps: number,
): GpuKind => ({
  id,
  memoryBytes: gibibytes(memoryGiB),
  memoryBytesPerSecond: gigabytes(memoryGBps),
  bf16FlopsPerSecond: bf16Tflops * 1e12,
  ...(fp8Tflops === undefined ? {} : { fp8FlopsPerSecond: fp8Tflops * 1e12 }),
  peerBytesPerSecond: gigabytes(peerGBps),
});

/** Tensor throughput is with 32-bit accumulation, which halves the figure often quoted for consumer cards. */
export const gpuKinds: readonly GpuKind[] = [
  sheet("a100-80g", 80, 2039, 312, undefined, 300),
  sheet("h100-80g", 80, 3350, 989, 1979, 450),
  sheet("h100-nvl-94g", 94, 3938, 835, 1671, 300),
  sheet("h200-141g", 141, 4800, 989, 1979, 450),
  sheet("b200-180g", 180, 8000, 2250, 4500, 900),
  sheet("gb200-186g", 186, 8000, 2500, 5000, 900),
  sheet("l40s-48g", 48, 864, 362, 733, 32),
  sheet("rtx-6000-ada-48g", 48, 960, 364, 728, 32),
  sheet("rtx-a6000-48g", 48, 768, 155, undefined, 56),
  sheet("rtx-4090-24g", 24, 1008, 165, 330, 32),
  sheet("rtx-3090-24g", 24, 936, 71, undefined, 56),
  sheet("a10g-24g", 24, 600, 125, undefined, 32),
  sheet("l4-24g", 24, 300, 121, 242, 32),
];

/** What a kind is called where its memory goes without saying: `h100` of `h100-80g`. */
export function withoutMemory(id: string): string {
  return id.replace(/-\d+g$/, "");
}
