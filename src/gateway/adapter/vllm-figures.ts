/** vLLM's metrics, by their names of today and of before. With data parallelism each engine core has its own samples. */

import type { Server } from "./server.ts";
import { type Figures, parseMetrics, readFigures, type Metrics } from "./figures.ts";

const names = {
  running: ["vllm:num_requests_running"],
  waiting: ["vllm:num_requests_waiting"],
  kvShare: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
  prefixQueries: [
    "vllm:prefix_cache_queries_total",
    "vllm:prefix_cache_queries",
    "vllm:gpu_prefix_cache_queries_total",
    "vllm:gpu_prefix_cache_queries",
  ],
  prefixHits: [
    "vllm:prefix_cache_hits_total",
    "vllm:prefix_cache_hits",
    "vllm:gpu_prefix_cache_hits_total",
    "vllm:gpu_prefix_cache_hits",
  ],
};
const cacheConfig = "vllm:cache_config_info";

export async function readVllmFigures(server: Server, signal: AbortSignal): Promise<Figures> {
  const metrics = parseMetrics(await server.text({ method: "GET", path: "/metrics" }, signal), names, [cacheConfig]);
  const kvCapacityTokens = readCapacity(metrics);
  return { ...readFigures(metrics, names), ...(kvCapacityTokens === undefined ? {} : { kvCapacityTokens }) };
}

/** Told in labels: the tokens themselves in newer versions, blocks and their size in all. `None` is Python's nothing. */
function readCapacity(metrics: Metrics): number | undefined {
  let tokens = 0;
  for (const { labels } of metrics.get(cacheConfig) ?? []) {
    const label = (name: string): number => Number(labels.get(name) ?? NaN);
    const told = label("kv_cache_size_tokens");
    const counted = told > 0 ? told : label("num_gpu_blocks") * label("block_size");
    if (counted > 0 && tokens + counted < Number.MAX_SAFE_INTEGER) tokens += counted;
  }
  return tokens > 0 ? tokens : undefined;
}
