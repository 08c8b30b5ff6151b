/** Finished calls as metrics, under OpenTelemetry's GenAI names where there are any. */

import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { Surface } from "../call/call.ts";
import { operations, providers } from "./gen-ai.ts";
import { shortBounds } from "./plan-metrics.ts";
import { createCounters, createHistograms, type Section } from "./series.ts";

/** A call that has been answered, or has failed. Times that were not reached are left out. */
export type FinishedCall = {
  readonly surface: Surface;
  /** As sent to the client; 499 if it had gone. */
  readonly status: number;
  readonly tenant: string;
  /** The gateway's id for it. Absent: the client named none that is known. */
  readonly model?: ModelId;
  readonly engine?: EngineId;
  /** From the first byte of the call to the last of the answer. */
  readonly durationUs: number;
  /** What the gateway itself added: the part of `durationUs` spent neither in the queue nor waiting for the engine. */
  readonly overheadUs?: number;
  readonly queueUs?: number;
  /** To the first token, from the first byte of the call. */
  readonly ttftUs?: number;
  readonly planAgeUs?: number;
  readonly promptTokens?: number;
  readonly outputTokens?: number;
  /** Of the prompt, as the engine counted them. */
  readonly cachedTokens?: number;
  /** Why the gateway turned it away, in a word of its own such as `queue-full`. */
  readonly refusal?: string;
};

/** Those that OpenTelemetry recommends. */
const requestBounds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const firstTokenBounds = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const perTokenBounds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const tokenBounds = Array.from({ length: 14 }, (_, power) => 4 ** power);
const queueBounds = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export function createCallMetrics(): Section & { readonly call: (call: FinishedCall) => void } {
  const families = callFamilies();
  const { request, firstToken, perToken, tokens } = families;
  const overhead = families.overhead.at();
  const queue = families.queue.at();
  const planAge = families.planAge.at();
  const call = (finished: FinishedCall): void => {
    const { surface, status, tenant, model = "unknown", engine, durationUs } = finished;
    const provider = providers[surface];
    const operation = operations[surface];
    families.calls.at(surface, tenant, String(status)).value += 1;
    request.observe(request.at(operation, provider, model, status < 400 ? "" : String(status)), durationUs);
    if (finished.overheadUs !== undefined) families.overhead.observe(overhead, finished.overheadUs);
    if (finished.queueUs !== undefined) families.queue.observe(queue, finished.queueUs);
    if (finished.planAgeUs !== undefined) families.planAge.observe(planAge, finished.planAgeUs);
    if (finished.refusal !== undefined) families.refusals.at(finished.refusal).value += 1;
    if (engine !== undefined) families.cached.at(engine).value += finished.cachedTokens ?? 0;
    countTokens(finished.promptTokens, "input");
    countTokens(finished.outputTokens, "output");
    const { ttftUs, outputTokens = 0 } = finished;
    if (ttftUs === undefined || status >= 400) return;
    firstToken.observe(firstToken.at(operation, provider, model), ttftUs);
    if (outputTokens < 2) return;
    perToken.observe(perToken.at(operation, provider, model), (durationUs - ttftUs) / (outputTokens - 1));

    function countTokens(count: number | undefined, type: "input" | "output"): void {
      if (count === undefined) return;
      tokens.observe(tokens.at(operation, provider, model, type), count);
      families.tenantTokens.at(tenant, type).value += count;
    }
  };
  return { call, families: Object.values(families) };
}

function callFamilies() {
  const genAi = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"];
  return {
    request: createHistograms(
      seconds("gen_ai_server_request_duration_seconds", "From a call's first byte to its answer's last.", [
        ...genAi,
        "error_type",
      ]),
      requestBounds,
    ),
    firstToken: createHistograms(
      seconds("gen_ai_server_time_to_first_token_seconds", "From a call's first byte to the first token.", genAi),
      firstTokenBounds,
    ),
    perToken: createHistograms(
      seconds("gen_ai_server_time_per_output_token_seconds", "Between output tokens after the first.", genAi),
      perTokenBounds,
    ),
    tokens: createHistograms(
      {
        name: "gen_ai_client_token_usage",
        help: "Tokens of a call, of its prompt and of its answer.",
        labels: [...genAi, "gen_ai_token_type"],
      },
      tokenBounds,
    ),
    calls: createCounters({
      name: "fate_calls_total",
      help: "Calls answered.",
      labels: ["surface", "tenant", "status"],
    }),
    refusals: createCounters({
      name: "fate_refusals_total",
      help: "Calls turned away, by reason.",
      labels: ["reason"],
    }),
    tenantTokens: createCounters({
      name: "fate_tenant_tokens_total",
      help: "Tokens by tenant and type.",
      labels: ["tenant", "type"],
    }),
    cached: createCounters({
      name: "fate_engine_cached_tokens_total",
      help: "Prompt tokens that engines say they had cached.",
      labels: ["engine"],
    }),
    overhead: createHistograms(
      seconds("fate_overhead_seconds", "What the gateway itself added to a call."),
      shortBounds,
    ),
    queue: createHistograms(seconds("fate_queue_seconds", "How long a call waited for its place."), queueBounds),
    planAge: createHistograms(seconds("fate_plan_age_seconds", "Age of a plan when a call went by it."), shortBounds),
  };
}

function seconds(name: string, help: string, labels: readonly string[] = []) {
  return { name, help, labels, scale: 1e6 };
}
