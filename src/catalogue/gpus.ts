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

export const gpuKinds: readonly GpuKind[] = [
  sheet("a100-80g", 80, 2039, 312, undefined, 300),
  sheet("h100-80g", 80, 3350, 989, 1979, 450),
  sheet("h200-141g", 141, 4800, 989, 1979, 450),
  sheet("l40s-48g", 48, 864, 362, 733, 32),
];
