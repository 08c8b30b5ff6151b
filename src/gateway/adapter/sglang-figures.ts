/**
 * SGLang's load: `/v1/loads` in newer versions, `/get_load` in older ones, and `/metrics` where it is switched on.
 * In its metrics every tensor-parallel rank repeats the same number, every data-parallel rank has its own, and a priority's
 * share of the queue stands beside the whole queue.
 */

import type { Sample } from "../../wire/prometheus-text.ts";
import { array, integer, number, openObject, optional } from "../../trace/shape.ts";
import { isMissing } from "./engine-fault.ts";
import { type Figures, parseMetrics, readFigures } from "./figures.ts";
import type { Server } from "./server.ts";

const names = {
  running: ["sglang:num_running_reqs"],
  waiting: ["sglang:num_queue_reqs"],
  kvShare: ["sglang:token_usage"],
  kvCapacityTokens: ["sglang:max_total_num_tokens"],
  prefixQueries: ["sglang:prompt_tokens_total"],
  prefixHits: ["sglang:cached_tokens_total"],
};

/** Undefined where it tells none. */
export async function readSglangFigures(server: Server, signal: AbortSignal): Promise<Figures | undefined> {
  const [metrics, loads] = await Promise.all([
    orMissing(readMetrics(server, signal)),
    orMissing(readLoads(server, signal)),
  ]);
  const load = loads ?? (metrics === undefined ? await orMissing(readOldLoad(server, signal)) : undefined);
  return metrics === undefined && load === undefined ? undefined : { ...metrics, ...load };
}

async function orMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function readMetrics(server: Server, signal: AbortSignal): Promise<Figures> {
  const page = await server.text({ method: "GET", path: "/metrics" }, signal);
  return readFigures(parseMetrics(page, names), names, foldRanks);
}

const repeatedBy = new Set(["tp_rank", "pp_rank", "moe_ep_rank", "moe_dp_rank", "attn_tp_rank"]);

function foldRanks(samples: readonly Sample[]): readonly Sample[] {
  const whole = samples.filter(({ labels }) => (labels.get("priority") ?? "") === "");
  const ranked = whole.filter(({ labels }) => labels.has("dp_rank"));
  const folded = new Map<string, Sample>();
  for (const sample of ranked.length > 0 ? ranked : whole) {
    const own = [...sample.labels].filter(([label]) => !repeatedBy.has(label));
    const key = JSON.stringify(own.toSorted(([left], [right]) => (left < right ? -1 : 1)));
    const known = folded.get(key);
    if (known === undefined || sample.value > known.value) folded.set(key, sample);
  }
  return [...folded.values()];
}

const count = integer({ max: 1e15 });
const loadsShape = openObject({
  loads: array(
    openObject({
      num_running_reqs: count,
      num_waiting_reqs: count,
      max_total_num_tokens: optional(count),
      token_usage: optional(number({ min: 0, max: 1000 })),
    }),
    { max: 1024 },
  ),
});

async function readLoads(server: Server, signal: AbortSignal): Promise<Figures> {
  const { loads } = await server.json({ method: "GET", path: "/v1/loads?include=core" }, loadsShape, signal);
  const capacity = sum(loads.map((rank) => rank.max_total_num_tokens ?? 0));
  const share = sum(loads.map((rank) => rank.token_usage ?? 0)) / Math.max(1, loads.length);
  return {
    running: sum(loads.map((rank) => rank.num_running_reqs)),
    waiting: sum(loads.map((rank) => rank.num_waiting_reqs)),
    ...(capacity > 0 ? { kvCapacityTokens: capacity } : {}),
    ...(loads.some((rank) => rank.token_usage !== undefined) ? { kvShare: Math.min(1, share) } : {}),
  };
}

const oldLoadShape = array(openObject({ num_reqs: count, num_waiting_reqs: count }), { max: 1024 });

/** Here `num_reqs` counts those that wait as well. */
async function readOldLoad(server: Server, signal: AbortSignal): Promise<Figures> {
  const ranks = await server.json({ method: "GET", path: "/get_load" }, oldLoadShape, signal);
  const waiting = sum(ranks.map((rank) => rank.num_waiting_reqs));
  return { running: Math.max(0, sum(ranks.map((rank) => rank.num_reqs)) - waiting), waiting };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
