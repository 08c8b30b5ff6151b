/** `/metrics` under the names that vLLM gives them, and the lies about them. */

import { countBatch } from "../batch/count-batch.ts";
import type { Engine } from "../engine.ts";
import type { MetricsLie } from "../faults.ts";
import { sendText, type Call } from "../http/call.ts";
import { histogramBounds, type Histogram, type ModelTotals } from "../totals.ts";

const contentType = "text/plain; version=0.0.4; charset=utf-8";

export function metrics(call: Call): void {
  const { engine } = call;
  const lie = engine.faults.strikeMetrics();
  engine.pacer().act(() => {});
  const text = renderMetrics(engine);
  if (lie === "html")
    return sendText(call, 200, "text/html", "<!doctype html><title>Sign in</title><p>Please sign in.</p>");
  sendText(call, 200, contentType, lie === undefined ? text : toLie(text, lie));
}

/** The same names with other values, or what is no metric at all. */
function toLie(text: string, lie: Exclude<MetricsLie, "html">): string {
  if (lie === "garbage")
    return "vllm:num_requests_running{engine= -Inf\n\u0000}{ NaN\nvllm:kv_cache_usage_perc banana\n";
  return text.replaceAll(/^([^#\n]+) \S+$/gm, lie === "zeros" ? "$1 0" : "$1 9e+300");
}

type Figure = readonly [name: string, kind: "gauge" | "counter", value: (totals: ModelTotals, model: string) => number];

function renderMetrics(engine: Engine): string {
  const batch = engine.batch();
  const { settings } = engine;
  const shown = settings.models.filter(({ id }) => engine.totals.models.has(id) || batch.weights.isResident(id));
  const labels = new Map(shown.map(({ id }) => [id, `engine="0",model_name="${nameOf(engine, id)}"`]));
  const figures: readonly Figure[] = [
    ["vllm:num_requests_running", "gauge", (_, model) => countBatch(batch, model).running],
    ["vllm:num_requests_waiting", "gauge", (_, model) => countBatch(batch, model).waiting],
    [
      "vllm:kv_cache_usage_perc",
      "gauge",
      (_, model) =>
        round(countBatch(batch, model).kvTokens / (settings.costs.models.get(model)?.kvCapacityTokens ?? 1)),
    ],
    ["vllm:prefix_cache_queries_total", "counter", (totals) => totals.prefixQueries],
    ["vllm:prefix_cache_hits_total", "counter", (totals) => totals.prefixHits],
    ["vllm:prompt_tokens_total", "counter", (totals) => totals.promptTokens],
    ["vllm:generation_tokens_total", "counter", (totals) => totals.outputTokens],
    ["vllm:num_preemptions_total", "counter", () => batch.counts.preemptions],
  ];
  const lines: string[] = [];
  for (const [name, kind, value] of figures) {
    lines.push(`# TYPE ${name} ${kind}`);
    for (const [model, label] of labels) lines.push(`${name}{${label}} ${value(engine.totals.of(model), model)}`);
  }
  lines.push("# TYPE vllm:request_success_total counter");
  for (const [model, label] of labels)
    for (const [reason, count] of Object.entries(engine.totals.of(model).finished))
      lines.push(`vllm:request_success_total{${label},finished_reason="${reason}"} ${count}`);
  lines.push("# TYPE vllm:cache_config_info gauge");
  for (const [model, label] of labels) {
    const blocks = Math.floor((settings.costs.models.get(model)?.kvCapacityTokens ?? 0) / settings.blockTokens);
    lines.push(`vllm:cache_config_info{${label},block_size="${settings.blockTokens}",num_gpu_blocks="${blocks}"} 1`);
  }
  for (const [name, pick] of histograms) {
    lines.push(`# TYPE ${name} histogram`);
    for (const [model, label] of labels) lines.push(...renderHistogram(name, label, pick(engine.totals.of(model))));
  }
  return `${lines.join("\n")}\n`;
}

const histograms: readonly (readonly [string, (totals: ModelTotals) => Histogram])[] = [
  ["vllm:time_to_first_token_seconds", ({ firstTokenS }) => firstTokenS],
  ["vllm:inter_token_latency_seconds", ({ betweenTokensS }) => betweenTokensS],
  ["vllm:e2e_request_latency_seconds", ({ wholeS }) => wholeS],
  ["vllm:request_queue_time_seconds", ({ queueS }) => queueS],
  ["vllm:request_prefill_time_seconds", ({ prefillS }) => prefillS],
  ["vllm:request_decode_time_seconds", ({ decodeS }) => decodeS],
];

function renderHistogram(name: string, label: string, { counts, sum, count }: Histogram): string[] {
  let below = 0;
  const buckets = histogramBounds.map((bound, index) => {
    below += counts[index] ?? 0;
    return `${name}_bucket{${label},le="${bound}"} ${below}`;
  });
  return [
    ...buckets,
    `${name}_bucket{${label},le="+Inf"} ${count}`,
    `${name}_sum{${label}} ${round(sum)}`,
    `${name}_count{${label}} ${count}`,
  ];
}

function nameOf({ settings }: Engine, model: string): string {
  return model.replaceAll(/["\\\n]/g, "_") || settings.id;
}

function round(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}
