/** The engine's figures under vLLM's names, so that whatever reads a vLLM server reads this one. */

import type { LoadedModel } from "./loaded-model.ts";
import type { ResidencySight } from "./residency.ts";
import type { Answer } from "./write-answer.ts";

export type Totals = {
  readonly count: (model: string, answer: Answer) => void;
  readonly rows: () => readonly TotalsRow[];
};

type TotalsRow = {
  readonly model: string;
  promptTokens: number;
  cachedTokens: number;
  outputTokens: number;
  finished: number;
};

export function createTotals(models: readonly string[]): Totals {
  const rows = new Map<string, TotalsRow>(
    models.map((model) => [model, { model, promptTokens: 0, cachedTokens: 0, outputTokens: 0, finished: 0 }]),
  );
  return {
    count: (model, answer) => {
      const row = rows.get(model);
      if (row === undefined) return;
      row.promptTokens += answer.promptTokens;
      row.cachedTokens += answer.cachedTokens;
      row.outputTokens += answer.outputTokens;
      row.finished++;
    },
    rows: () => [...rows.values()],
  };
}

export function renderMetrics(sight: ResidencySight, held: readonly LoadedModel[], totals: Totals): string {
  const rows = totals.rows();
  const perModel = (read: (row: TotalsRow) => number): readonly string[] =>
    rows.map((row) => `{model_name="${escapeLabel(row.model)}"} ${read(row)}`);
  return [
    metric("vllm:num_requests_running", "gauge", [` ${sight.running}`]),
    metric("vllm:num_requests_waiting", "gauge", [` ${sight.waiting}`]),
    ...renderCapacity(held),
    metric("vllm:kv_cache_usage_perc", "gauge", [` ${kvShare(held)}`]),
    metric(
      "vllm:prompt_tokens_total",
      "counter",
      perModel((row) => row.promptTokens),
    ),
    metric(
      "vllm:generation_tokens_total",
      "counter",
      perModel((row) => row.outputTokens),
    ),
    metric(
      "vllm:prefix_cache_queries_total",
      "counter",
      perModel((row) => row.promptTokens),
    ),
    metric(
      "vllm:prefix_cache_hits_total",
      "counter",
      perModel((row) => row.cachedTokens),
    ),
    metric(
      "vllm:request_success_total",
      "counter",
      perModel((row) => row.finished),
    ),
  ].join("");
}

/** KV tokens that one model has room for; all have the same number of slots. Unknown while none is in memory. */
function renderCapacity([first]: readonly LoadedModel[]): readonly string[] {
  if (first === undefined) return [];
  const labels = `block_size="1",num_gpu_blocks="${first.contextTokens * first.slotCount}"`;
  return [metric("vllm:cache_config_info", "gauge", [`{${labels}} 1`])];
}

/** Of the KV memory of all resident models. */
function kvShare(held: readonly LoadedModel[]): number {
  const capacity = held.reduce((sum, { contextTokens, slotCount }) => sum + contextTokens * slotCount, 0);
  return capacity === 0 ? 0 : held.reduce((sum, { slots }) => sum + slots.keptTokens(), 0) / capacity;
}

function metric(name: string, type: "gauge" | "counter", samples: readonly string[]): string {
  return `# TYPE ${name} ${type}\n${samples.map((sample) => `${name}${sample}\n`).join("")}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll(/["\\\n]/g, (found) => (found === "\n" ? "\\n" : `\\${found}`));
}
