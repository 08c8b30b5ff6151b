/**
 * `/metrics`: fed by the journal's records, by finished calls and by plans, and asked for text in Prometheus format 0.0.4.
 * What is counted elsewhere (breakers, journal bytes, spans) is read when the text is made.
 */

import type { EngineId } from "../../model/cluster.ts";
import type { JournalEvent } from "../../model/event.ts";
import { createCallMetrics, type FinishedCall } from "./call-metrics.ts";
import { createEngineMetrics, type EngineStart } from "./engine-metrics.ts";
import { createPlanMetrics, type PlanTaken } from "./plan-metrics.ts";
import { createCounters, createGauges, type Section } from "./series.ts";
import { createStageMetrics } from "./stage-metrics.ts";

export type Metrics = {
  readonly see: (event: JournalEvent) => void;
  readonly call: (call: FinishedCall) => void;
  readonly plan: (plan: PlanTaken) => void;
  readonly render: () => string;
};

export type MetricsOptions = {
  readonly engines?: readonly EngineStart[];
  readonly sources?: MetricSources;
};

/** Asked at each rendering. Absent: not reported. */
export type MetricSources = {
  readonly breakers?: () => Iterable<BreakerReport>;
  readonly journalBytes?: () => number;
  readonly spans?: () => { readonly sent: number; readonly dropped: number; readonly waiting: number };
  readonly replica?: () => ReplicaReport | undefined;
};

export type BreakerReport = {
  readonly engine: EngineId;
  readonly state: BreakerState;
  /** How often it has opened. */
  readonly trips: number;
};

/** Of one of several gateways. */
export type ReplicaReport = {
  readonly plans: boolean;
  readonly epoch: number;
  readonly linked: boolean;
  readonly gateways: number;
  readonly changes: number;
};

const breakerStates = ["closed", "open"] as const;
export type BreakerState = (typeof breakerStates)[number];

/** Goes into `content-type`. */
export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

export function createMetrics({ engines = [], sources = {} }: MetricsOptions = {}): Metrics {
  const stages = createStageMetrics();
  const fleet = createEngineMetrics(engines);
  const plans = createPlanMetrics();
  const calls = createCallMetrics();
  return {
    see: (event) => {
      stages.see(event);
      fleet.see(event);
      plans.see(event);
    },
    call: calls.call,
    plan: plans.plan,
    render: () => [calls, stages, fleet, plans, readSources(sources)].map(renderSection).join(""),
  };
}

function toReplicaFamilies({ plans, epoch, linked, gateways, changes }: ReplicaReport): Section["families"][number][] {
  const changed = createCounters({
    name: "fate_planner_changes_total",
    help: "How often another gateway began to plan.",
  });
  changed.at().value = changes;
  return [
    gauge("fate_replica_plans", "1 if this gateway plans.", plans ? 1 : 0),
    gauge("fate_replica_linked", "1 if somebody plans for this gateway.", linked ? 1 : 0),
    gauge("fate_replica_gateways", "Other gateways that this one plans for.", gateways),
    gauge("fate_planner_epoch", "Counts the planners there have been.", epoch),
    changed,
  ];
}

function gauge(name: string, help: string, value: number): Section["families"][number] {
  const family = createGauges({ name, help });
  family.at().value = value;
  return family;
}

function renderSection({ families }: Section): string {
  return families.map((family) => family.render()).join("");
}

function readSources({ breakers, journalBytes, spans, replica }: MetricSources): Section {
  const families: Section["families"][number][] = [];
  const report = replica?.();
  if (report !== undefined) families.push(...toReplicaFamilies(report));
  if (breakers !== undefined) {
    const labels = ["engine", "state"];
    const family = createGauges({ name: "fate_breaker_state", help: "1 for the state that it is in.", labels });
    const opened = createCounters({
      name: "fate_breaker_trips_total",
      help: "How often the breaker has opened.",
      labels: ["engine"],
    });
    for (const { engine, state, trips } of breakers()) {
      for (const each of breakerStates) family.at(engine, each).value = each === state ? 1 : 0;
      opened.at(engine).value = trips;
    }
    families.push(family, opened);
  }
  const count = (name: string, help: string, value: number): void => {
    const family = createCounters({ name, help });
    family.at().value = value;
    families.push(family);
  };
  if (journalBytes !== undefined) count("fate_journal_bytes_total", "Bytes written to the journal.", journalBytes());
  if (spans !== undefined) {
    const { sent, dropped, waiting } = spans();
    count("fate_spans_sent_total", "Spans that the collector has taken.", sent);
    count("fate_spans_dropped_total", "Spans given up: no room, or no collector.", dropped);
    const family = createGauges({ name: "fate_spans_waiting", help: "Spans to be sent." });
    family.at().value = waiting;
    families.push(family);
  }
  return { families };
}
