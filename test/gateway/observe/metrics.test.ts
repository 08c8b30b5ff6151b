import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCostModel } from "../../../src/cost/cost-model.ts";
import { shippedCalibration } from "../../../src/cost/shipped-calibration.ts";
import type { FinishedCall } from "../../../src/gateway/observe/call-metrics.ts";
import { createMetrics, type Metrics } from "../../../src/gateway/observe/metrics.ts";
import { maxLabelValues } from "../../../src/gateway/observe/series.ts";
import type { JournalEvent } from "../../../src/model/event.ts";
import type { Faults } from "../../../src/sim/faults.ts";
import { apply, createState, type State } from "../../../src/state/apply.ts";
import { run } from "../../support/build.ts";
import { randomWorld } from "../../support/random-world.ts";
import { parsePrometheus } from "./parse-prometheus.ts";
import { codePoint } from "../../support/code-point.ts";
import { portionOf } from "../../support/portion.ts";

const call: FinishedCall = {
  surface: "chat",
  status: 200,
  tenant: "default",
  model: "llama-3.1-8b",
  engine: "e0",
  durationUs: 1_100_000,
  overheadUs: 240,
  queueUs: 20_000,
  ttftUs: 100_000,
  planAgeUs: 3000,
  promptTokens: 1000,
  outputTokens: 101,
  cachedTokens: 600,
};

const valuesOf = (metrics: Metrics): ReadonlyMap<string, number> => parsePrometheus(metrics.render()).samples;

/** Everything of one name, by its labels. */
function series(metrics: Metrics, name: string): Record<string, number> {
  const found = [...valuesOf(metrics)].filter(([key]) => key === name || key.startsWith(`${name}{`));
  return Object.fromEntries(found.map(([key, value]) => [key.slice(name.length), value]));
}

describe("records", () => {
  const troubles: readonly (Faults | undefined)[] = [undefined, { crashEveryUs: 8e6, crashForUs: 3e6 }];
  const cases = [7, 11, 14, 19, 22].flatMap((seed) => troubles.map((faults) => ({ seed, faults })));

  test.each(cases)(
    "gauges are what the state holds at every instant: world $seed, faults $faults",
    ({ seed, faults }) => {
      const { events, header } = run({
        ...randomWorld(seed),
        policy: "greedy-finish-sharded",
        ...(faults && { faults }),
      });
      const state = createState(createCostModel(header.cluster, header.models, shippedCalibration).engines);
      const metrics = createMetrics({ engines: header.cluster.engines });
      const instants = 40;
      events.forEach((event, index) => {
        apply(state, event);
        metrics.see(event);
        const next = events[index + 1];
        const isSample = next === undefined || index % Math.ceil(events.length / instants) === 0;
        // In the middle of an instant the state has lost an engine whose stages are only about to be lost.
        if (isSample && next?.atUs !== event.atUs) compareWithState(metrics, state);
      });
      expect(series(metrics, "fate_workflows_open")).toEqual({ "": 0 });
    },
  );

  test("counters are counts of records, and seconds lost to loads are those between their ends", () => {
    const { events, header } = run({ ...randomWorld(11), policy: "greedy-finish-sharded", faults: troubles[1]! });
    const metrics = createMetrics({ engines: header.cluster.engines });
    for (const event of events) metrics.see(event);
    const count = (kind: JournalEvent["kind"]): number => events.filter((event) => event.kind === kind).length;
    const total = (name: string): number => sum(Object.values(series(metrics, name)));
    expect(count("stage-lost")).toBeGreaterThan(0);
    expect(total("fate_retries_total")).toBe(count("stage-lost"));
    expect(total("fate_model_loads_total")).toBe(count("model-load-start"));
    expect(total("fate_model_evictions_total")).toBe(count("model-evict"));
    expect(total("fate_decisions_rejected_total")).toBe(count("decision-reject"));
    expect(total("fate_plans_total")).toBe(count("plan"));
    expect(series(metrics, "fate_decisions_total")['{kind="place"}']).toBe(count("stage-place"));
    expect(total("fate_workflows_total")).toBe(count("workflow-end") + count("workflow-abandon"));
    expect(total("gen_ai_workflow_duration_seconds_count")).toBe(count("workflow-end"));
    const starts = events.filter((event) => event.kind === "prefill-start");
    expect(total("fate_prompt_tokens_total")).toBe(sum(starts.map((event) => event.promptTokens)));
    expect(total("fate_prompt_tokens_not_recomputed_total")).toBe(sum(starts.map((event) => event.cachedTokens)));
  });

  test("a load counts from its start to its end, one that the server made by itself not at all", () => {
    const metrics = createMetrics();
    const at = (atUs: number, cause: "stage" | "observed"): void => {
      const of = { engine: "e0", model: "m", sequence: 1 };
      metrics.see({ kind: "model-load-start", atUs, ...of, bytes: 1, durationUs: 9, cause });
      expect(series(metrics, "fate_model_loading")).toEqual({ '{engine="e0",model="m"}': 1 });
      metrics.see({ kind: "model-load-end", atUs: atUs + 1_500_000, ...of });
      expect(series(metrics, "fate_model_resident")).toEqual({ '{engine="e0",model="m"}': 1 });
      metrics.see({ kind: "model-evict", atUs: atUs + 2_000_000, ...of, cause: "policy" });
    };
    at(0, "stage");
    at(5_000_000, "observed");
    expect(series(metrics, "fate_model_load_seconds_total")).toEqual({ '{engine="e0",model="m"}': 1.5 });
    expect(series(metrics, "fate_model_resident")).toEqual({ '{engine="e0",model="m"}': 0 });
  });

  test("a share that is preempted queues again", () => {
    const metrics = createMetrics();
    const { events } = run({ ...randomWorld(7), policy: "round-robin" });
    const until = events.findIndex((event) => event.kind === "share-start");
    for (const event of events.slice(0, until + 1)) metrics.see(event);
    const started = events[until];
    if (started?.kind !== "share-start") throw new Error("nothing has started");
    const total = (name: string): number => sum(Object.values(series(metrics, name)));
    const [queued, running] = [total("fate_engine_queued"), total("fate_engine_running")];
    metrics.see({ ...started, kind: "share-preempt", outputTokens: 0 });
    expect([total("fate_engine_queued"), total("fate_engine_running")]).toEqual([queued + 1, running - 1]);
  });

  test("a stage given up leaves its queue, with its reason", () => {
    const metrics = createMetrics();
    const { events } = run({ ...randomWorld(7), policy: "round-robin" });
    const until = events.findIndex((event) => event.kind === "stage-place");
    for (const event of events.slice(0, until + 1)) metrics.see(event);
    const placed = events[until];
    if (placed?.kind !== "stage-place") throw new Error("nothing was placed");
    expect(sum(Object.values(series(metrics, "fate_engine_queued")))).toBe(placed.shares.length);
    const { stage, attempt, atUs } = placed;
    metrics.see({ kind: "stage-drop", stage, attempt, atUs, sequence: until + 2, reason: "client-gone" });
    expect(sum(Object.values(series(metrics, "fate_engine_queued")))).toBe(0);
    expect(series(metrics, "fate_stages_dropped_total")).toEqual({ '{reason="client-gone"}': 1 });
  });
});

function compareWithState(metrics: Metrics, state: State): void {
  const values = valuesOf(metrics);
  const read = (name: string, engine: string): number => values.get(`${name}{engine="${engine}"}`) ?? 0;
  expect(values.get("fate_stages_waiting")).toBe(state.workflows.ready.length);
  expect(values.get("fate_workflows_open")).toBe(state.workflows.open.size);
  for (const engine of state.cluster) {
    const { id } = engine.holding.engine;
    expect([id, read("fate_engine_queued", id)]).toEqual([id, engine.queue.length]);
    expect([id, read("fate_engine_running", id)]).toEqual([id, engine.running.length]);
    expect([id, read("fate_engine_up", id)]).toEqual([id, engine.up ? 1 : 0]);
  }
}

describe("calls", () => {
  test("times and tokens go under OpenTelemetry's names, in seconds", () => {
    const metrics = createMetrics();
    metrics.call(call);
    const values = valuesOf(metrics);
    const genAi = 'gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="llama-3.1-8b"';
    expect(values.get(`gen_ai_server_request_duration_seconds_sum{${genAi},error_type=""}`)).toBe(1.1);
    expect(values.get(`gen_ai_server_time_to_first_token_seconds_sum{${genAi}}`)).toBe(0.1);
    expect(values.get(`gen_ai_server_time_per_output_token_seconds_sum{${genAi}}`)).toBe(0.01);
    expect(values.get(`gen_ai_server_time_per_output_token_seconds_bucket{${genAi},le="0.01"}`)).toBe(1);
    expect(values.get(`gen_ai_client_token_usage_sum{${genAi},gen_ai_token_type="input"}`)).toBe(1000);
    expect(values.get(`gen_ai_client_token_usage_bucket{${genAi},gen_ai_token_type="output",le="64"}`)).toBe(0);
    expect(values.get(`gen_ai_client_token_usage_bucket{${genAi},gen_ai_token_type="output",le="256"}`)).toBe(1);
    expect(values.get('fate_calls_total{surface="chat",tenant="default",status="200"}')).toBe(1);
    expect(values.get('fate_engine_cached_tokens_total{engine="e0"}')).toBe(600);
    expect(values.get("fate_overhead_seconds_sum")).toBe(0.00024);
    expect(values.get('fate_overhead_seconds_bucket{le="0.00025"}')).toBe(1);
    expect(values.get('fate_overhead_seconds_bucket{le="0.0001"}')).toBe(0);
    expect(values.get("fate_plan_age_seconds_count")).toBe(1);
  });

  test("one that was turned away has its reason and no times of tokens", () => {
    const metrics = createMetrics();
    metrics.call({ surface: "chat", status: 429, tenant: "a", durationUs: 90, overheadUs: 90, refusal: "queue-full" });
    const values = valuesOf(metrics);
    expect(values.get('fate_refusals_total{reason="queue-full"}')).toBe(1);
    expect([...values.keys()].filter((key) => key.includes("first_token"))).toEqual([]);
    expect([...values.keys()].filter((key) => key.includes('error_type="429"')).length).toBeGreaterThan(0);
  });

  test("after so many values a label says other, and known values go on", () => {
    const metrics = createMetrics();
    for (let tenant = 0; tenant < maxLabelValues + 50; tenant++) metrics.call({ ...call, tenant: `t${tenant}` });
    metrics.call({ ...call, tenant: "t0" });
    const calls = series(metrics, "fate_calls_total");
    expect(Object.keys(calls).length).toBe(maxLabelValues + 1);
    expect(calls['{surface="chat",tenant="other",status="200"}']).toBe(50);
    expect(calls['{surface="chat",tenant="t0",status="200"}']).toBe(2);
  });

  test("whatever stands in a label, the text stays sound and nothing is lost", () => {
    const nasty = fc.oneof(
      fc.string({ unit: codePoint }),
      fc.constantFrom('"', "\\", "\n", "\r", '\\"', 'x"} 1\nfate_calls_total 9', "\ud800", "a".repeat(500), "\u2028"),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(nasty, nasty), { maxLength: 12 }), (pairs) => {
        const metrics = createMetrics();
        for (const [tenant, model] of pairs) metrics.call({ ...call, tenant, model, engine: tenant });
        const { samples } = parsePrometheus(metrics.render());
        const calls = [...samples].filter(([key]) => key.startsWith("fate_calls_total"));
        expect(sum(calls.map(([, value]) => value))).toBe(pairs.length);
      }),
      { numRuns: portionOf(60), seed: 1 },
    );
  });
});

test("plans, breakers, journal and spans", () => {
  const metrics = createMetrics({
    sources: {
      breakers: () => [{ engine: "e0", state: "open", trips: 3 }],
      journalBytes: () => 4096,
      spans: () => ({ sent: 5, dropped: 2, waiting: 1 }),
    },
  });
  metrics.plan({ where: "thread", durationUs: 40_000, fallback: "deadline" });
  const values = valuesOf(metrics);
  expect(values.get('fate_breaker_state{engine="e0",state="open"}')).toBe(1);
  expect(values.get('fate_breaker_state{engine="e0",state="closed"}')).toBe(0);
  expect(values.get('fate_breaker_trips_total{engine="e0"}')).toBe(3);
  expect(values.get("fate_journal_bytes_total")).toBe(4096);
  expect(values.get("fate_spans_dropped_total")).toBe(2);
  expect(values.get('fate_planner_fallbacks_total{reason="deadline"}')).toBe(1);
  expect(values.get('fate_plan_duration_seconds_sum{where="thread"}')).toBe(0.04);
});

test("the document names every metric with its kind, and no other", () => {
  const metrics = createMetrics({
    sources: {
      breakers: () => [],
      journalBytes: () => 0,
      spans: () => ({ sent: 0, dropped: 0, waiting: 0 }),
      replica: () => ({ plans: true, epoch: 1, linked: true, gateways: 0, changes: 1 }),
    },
  });
  const told = [...metrics.render().matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`);
  const document = readFileSync(new URL("../../../docs/observability.md", import.meta.url), "utf8");
  const rows = [...document.matchAll(/^\| `((?:fate|gen_ai)_\w+)` *\| (\w+) /gm)].map(
    ([, name, kind]) => `${name} ${kind}`,
  );
  expect(rows.toSorted()).toEqual(told.toSorted());
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
