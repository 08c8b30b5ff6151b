/**
 * What mixtures of experts reach, fitted on measured tables: compute, bandwidth, and a fixed part per layer.
 * Compute and memory time add up: any sharper maximum of the two fits the tables worse.
 */

import type { GpuKind } from "../model/cluster.ts";
import { readCsv } from "./csv.ts";
import { fitLeastSquares } from "./least-squares.ts";

export type ExpertShares = {
  readonly expertFlopsShare: number;
  readonly expertFp8FlopsShare?: number;
  readonly expertBandwidthShare: number;
  readonly expert4BitBandwidthShare?: number;
  readonly expertLayerUs: number;
};

type Layer = {
  readonly type: string;
  readonly flops: number;
  /** Of the experts that some token is expected to hit. */
  readonly bytes: number;
  readonly us: number;
};

const bytesOf: Readonly<Record<string, number>> = { bfloat16: 2, fp8_block: 1, w4a16_mxfp4: 4.25 / 8 };

/** All experts of 16 and 8 bits are read alike; only four bits, which are unpacked on the way, differ. */
export function fitExpertShares(file: string, gpu: GpuKind): ExpertShares {
  const layers = readLayers(file);
  const fit = (type: string, flopsPerSecond: number) => fitType(layers, type, flopsPerSecond, gpu);
  const sixteen = fit("bfloat16", gpu.bf16FlopsPerSecond);
  if (sixteen === undefined) throw new Error(`${file} has no rows of 16-bit experts`);
  const eight = fit("fp8_block", gpu.fp8FlopsPerSecond ?? gpu.bf16FlopsPerSecond);
  const four = fit("w4a16_mxfp4", gpu.bf16FlopsPerSecond);
  return {
    expertFlopsShare: sixteen.flopsShare,
    expertBandwidthShare: sixteen.bandwidthShare,
    expertLayerUs: sixteen.layerUs,
    ...(eight === undefined ? {} : { expertFp8FlopsShare: eight.flopsShare }),
    ...(four === undefined ? {} : { expert4BitBandwidthShare: four.bandwidthShare }),
  };
}

function readLayers(file: string): readonly Layer[] {
  const columns = ["moe_dtype", "num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "latency"];
  return readCsv(file, [...columns, "moe_tp_size", "moe_ep_size", "distribution"]).flatMap((row) => {
    const type = row.text("moe_dtype");
    const bytes = bytesOf[type];
    const [tokens, group] = [row.number("num_tokens", 1), row.number("moe_tp_size", 1)];
    const [perToken, experts] = [row.number("topk", 1), row.number("num_experts", 1)];
    // Uneven routing, as it is in practice; a group as large as one host; no rows whose experts are all the same.
    if (bytes === undefined || row.text("distribution") !== "power_law_1.2") return [];
    if (row.number("moe_ep_size", 1) > 1 || group > 8 || tokens > 16_384 || perToken < 2) return [];
    const expert = (3 * row.number("hidden_size", 1) * row.number("inter_size", 1)) / group;
    const shareHit = 1 - (1 - perToken / experts) ** tokens;
    const us = row.number("latency", 1e-6) * 1e3;
    return [{ type, flops: 2 * expert * perToken * tokens, bytes: expert * experts * bytes * shareHit, us }];
  });
}

function fitType(layers: readonly Layer[], type: string, flopsPerSecond: number, gpu: GpuKind) {
  const chosen = layers.filter((layer) => layer.type === type);
  if (chosen.length === 0) return undefined;
  const [flopsShare = 1, bandwidthShare = 1, layerUs = 0] = fitLeastSquares({
    start: [0.4, 0.6, 20],
    spread: [2, 2, 2],
    outlier: 2,
    steepest: 100,
    rounds: 40,
    residuals: ([compute = 1, memory = 1, fixedUs = 0]) =>
      chosen.map((layer) => {
        const computeUs = (layer.flops * 1e6) / (flopsPerSecond * compute);
        const memoryUs = (layer.bytes * 1e6) / (gpu.memoryBytesPerSecond * memory);
        return Math.log((fixedUs + computeUs + memoryUs) / layer.us) / 0.2;
      }),
  });
  return { flopsShare, bandwidthShare, layerUs };
}
