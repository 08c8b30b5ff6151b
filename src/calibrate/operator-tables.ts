/** Shares of the data sheet that single operators reach, from measured tables of one GPU kind: matrix products, attention, all-reduce. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { GpuKind } from "../model/cluster.ts";
import { readCsv, type CsvRow } from "./csv.ts";
import { fitExpertShares, type ExpertShares } from "./expert-tables.ts";

/** What the tables tell of a GPU kind, named as the coefficients that they inform; absent where nothing was measured. */
export type OperatorShares = ExpertShares & {
  readonly flopsShare: number;
  readonly fp8FlopsShare?: number;
  readonly attentionFlopsShare: number;
  readonly bandwidthShare: number;
  readonly kvBandwidthShare: number;
  readonly peerShare: number;
  readonly allReduceUs: number;
};

/** Nothing where the folder is not there: then the GPU kind has no tables. */
export function readOperatorShares(folder: string, gpu: GpuKind): OperatorShares | undefined {
  if (!existsSync(folder)) return undefined;
  const table = (name: string, columns: readonly string[]) => readCsv(join(folder, `${name}_perf.csv.gz`), columns);
  const products = table("gemm", ["gemm_dtype", "m", "n", "k", "latency"]).map(toProduct);
  const prompts = table("context_attention", attentionColumns);
  const contexts = table("generation_attention", attentionColumns);
  const exchanges = table("custom_allreduce", ["num_gpus", "message_size", "latency", "backend"]);
  const weights = weightReading(products, gpu);
  // Experts take the place of a feed-forward layer's products, whose fixed part every layer pays already.
  const experts = fitExpertShares(join(folder, "moe_perf.csv.gz"), gpu);
  return {
    flopsShare: productShare(products, "bfloat16", gpu.bf16FlopsPerSecond),
    ...(gpu.fp8FlopsPerSecond === undefined
      ? {}
      : { fp8FlopsShare: productShare(products, "fp8", gpu.fp8FlopsPerSecond) }),
    attentionFlopsShare: promptShare(prompts, gpu),
    bandwidthShare: weights.share,
    kvBandwidthShare: contextShare(contexts, gpu),
    ...exchangeShares(exchanges, gpu),
    ...experts,
    expertLayerUs: experts.expertLayerUs - 2 * weights.fixedUs,
  };
}

type Product = {
  readonly type: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly us: number;
};

const attentionColumns = ["batch_size", "isl", "num_heads", "num_key_value_heads", "head_dim", "step", "latency"];

function toProduct(row: CsvRow): Product {
  const [m, n, k] = [row.number("m", 1), row.number("n", 1), row.number("k", 1)];
  return { type: row.text("gemm_dtype"), m, n, k, us: row.number("latency", 0) * 1e3 };
}

/** Matrices as layers have them, and as many tokens as a prefill iteration takes in. */
function productShare(products: readonly Product[], type: string, flopsPerSecond: number): number {
  const shares = products
    .filter((row) => row.type === type && row.m >= 1024 && row.m <= 8192 && isLayerSized(row, 16e6, 300e6))
    .map((row) => (2 * row.m * row.n * row.k * 1e6) / row.us / flopsPerSecond);
  return median(shares);
}

/** Few tokens, so that reading the matrix is all. The slope between sizes leaves out what every kernel pays. */
function weightReading(products: readonly Product[], gpu: GpuKind): { share: number; fixedUs: number } {
  const few = products.filter((row) => row.type === "bfloat16" && row.m <= 64);
  const middle = (from: number, to: number): { bytes: number; us: number } => {
    const group = few.filter((row) => isLayerSized(row, from / 2, to / 2));
    return { bytes: median(group.map((row) => row.n * row.k * 2)), us: median(group.map((row) => row.us)) };
  };
  const small = middle(16e6, 40e6);
  const large = middle(100e6, 300e6);
  const usPerByte = (large.us - small.us) / (large.bytes - small.bytes);
  return { share: 1e6 / usPerByte / gpu.memoryBytesPerSecond, fixedUs: small.us - small.bytes * usPerByte };
}

function isLayerSized({ n, k }: Product, from: number, to: number): boolean {
  return n >= 1024 && n <= 65536 && k >= 1024 && k <= 32768 && n * k >= from && n * k < to;
}

/** Causal attention over whole prompts of 2 to 8 thousand tokens, at most 16,384 of them in all. */
function promptShare(rows: readonly CsvRow[], gpu: GpuKind): number {
  const shares = rows.filter(isPlainAttention).flatMap((row) => {
    const [batch, tokens, heads] = [row.number("batch_size", 1), row.number("isl", 1), row.number("num_heads", 1)];
    if (row.number("step", 0) > 0 || heads < 8 || tokens < 2048 || tokens > 8192 || batch * tokens > 16_384) return [];
    const flops = 4 * batch * heads * 128 * ((tokens * (tokens + 1)) / 2);
    return [(flops * 1e3) / row.number("latency", 0) / gpu.bf16FlopsPerSecond];
  });
  return median(shares);
}

/** Four to sixteen query heads share a KV head, and at least 100 MB of keys and values are read. */
function contextShare(rows: readonly CsvRow[], gpu: GpuKind): number {
  const shares = rows.filter(isPlainAttention).flatMap((row) => {
    const heads = row.number("num_key_value_heads", 1);
    const perHead = row.number("num_heads", 1) / heads;
    const bytes = 4 * 128 * heads * row.number("batch_size", 1) * (row.number("isl", 0) + row.number("step", 0));
    if (perHead < 4 || perHead > 16 || bytes < 100e6) return [];
    return [(bytes * 1e3) / row.number("latency", 0) / gpu.memoryBytesPerSecond];
  });
  return median(shares);
}

function isPlainAttention(row: CsvRow): boolean {
  const windowed = row.text("window_size") !== "" && row.text("window_size") !== "0";
  return row.text("head_dim") === "128" && !windowed && row.text("kv_cache_dtype") !== "fp8";
}

/** Small messages cost latency, large ones bandwidth: a ring moves `2 (g - 1) / g` of the message over each GPU's links. */
function exchangeShares(rows: readonly CsvRow[], gpu: GpuKind): { allReduceUs: number; peerShare: number } {
  const graph = rows.filter((row) => row.text("backend") === "vllm_graph");
  const small = graph.filter((row) => row.number("message_size", 0) <= 65_536);
  const large = graph.filter((row) => row.number("message_size", 0) >= 4e6 && row.number("message_size", 0) <= 70e6);
  return {
    allReduceUs: median(small.map((row) => (row.number("latency", 0) * 1e3) / Math.log2(row.number("num_gpus", 2)))),
    peerShare: median(
      large.map((row) => {
        const group = row.number("num_gpus", 2);
        const bytes = (row.number("message_size", 0) * 2 * (group - 1)) / group;
        return (bytes * 1e3) / row.number("latency", 0) / gpu.peerBytesPerSecond;
      }),
    ),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
