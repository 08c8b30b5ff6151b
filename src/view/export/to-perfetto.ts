/**
 * A run as trace events in JSON, which Perfetto and Chrome's own viewer open: a process for each engine with a thread for each lane,
 * one for the workflows with a line each, and counters.
 */

import type { EngineLanes } from "../scene/span.ts";
import type { Scene } from "../scene/scene.ts";
import type { WorkflowStory } from "../scene/stories.ts";

/** Fields as the format names them; times are microseconds. */
export type TraceEvent =
  | {
      readonly ph: "M";
      readonly name: string;
      readonly pid: number;
      readonly tid: number;
      readonly args: Readonly<Record<string, string | number>>;
    }
  | {
      readonly ph: "X";
      readonly name: string;
      readonly cat: string;
      readonly pid: number;
      readonly tid: number;
      readonly ts: number;
      readonly dur: number;
      readonly args: Readonly<Record<string, string | number>>;
    }
  | {
      readonly ph: "C";
      readonly name: string;
      readonly pid: number;
      readonly tid: 0;
      readonly ts: number;
      readonly args: Readonly<Record<string, number>>;
    };

/** Until the last record; what goes on still ends there. */
function toTraceEvents(scene: Scene): TraceEvent[] {
  const events: TraceEvent[] = [];
  for (const [index, engine] of scene.lanes.engines.entries()) tellEngine(engine, index + 1, scene.lastUs, events);
  tellWorkflows([...scene.stories.workflows.values()], scene.lanes.engines.length + 1, scene.lastUs, events);
  return events;
}

export function toPerfetto(scene: Scene): string {
  const { policy, workload, cluster, seed } = scene.header;
  const lines = toTraceEvents(scene).map((event) => JSON.stringify(event));
  const facts = { policy, workload, cluster: cluster.id, seed: String(seed) };
  return `{"displayTimeUnit":"ms","otherData":${JSON.stringify(facts)},"traceEvents":[\n${lines.join(",\n")}\n]}\n`;
}

function tellEngine({ engine, lanes }: EngineLanes, pid: number, nowUs: number, events: TraceEvent[]): void {
  events.push(
    { ph: "M", name: "process_name", pid, tid: 0, args: { name: engine } },
    { ph: "M", name: "process_sort_index", pid, tid: 0, args: { sort_index: pid } },
  );
  for (const [lane, spans] of lanes.entries()) {
    const tid = lane + 1;
    events.push({ ph: "M", name: "thread_name", pid, tid, args: { name: `lane ${tid}` } });
    for (const { activity, startUs, endUs, stage, model, share, attempt } of spans) {
      const of = activity === "load" ? model : stage;
      events.push({
        ph: "X",
        name: of === undefined ? activity : `${activity} ${of}`,
        cat: activity,
        pid,
        tid,
        ts: startUs,
        dur: Math.min(endUs, nowUs) - startUs,
        args: {
          ...(stage === undefined ? {} : { stage, share: share ?? 0, attempt: attempt ?? 0 }),
          ...(model === undefined ? {} : { model }),
        },
      });
    }
  }
}

/** Workflows that are open at once stand one below the other: spans of one thread must not cross. */
function tellWorkflows(workflows: readonly WorkflowStory[], pid: number, nowUs: number, events: TraceEvent[]): void {
  events.push({ ph: "M", name: "process_name", pid, tid: 0, args: { name: "workflows" } });
  events.push({ ph: "M", name: "process_sort_index", pid, tid: 0, args: { sort_index: 0 } });
  const freeUs: number[] = [];
  let open = 0;
  const changes: { readonly ts: number; readonly more: number }[] = [];
  for (const { id, arrive, endUs, outcome, stages } of workflows.toSorted(
    (left, right) => left.arrive.atUs - right.arrive.atUs,
  )) {
    const until = Math.min(endUs, nowUs);
    const free = freeUs.findIndex((us) => us <= arrive.atUs);
    const line = free < 0 ? freeUs.length : free;
    freeUs[line] = until;
    const { class: sort, tenant } = arrive;
    const args = {
      outcome,
      stages: stages.size,
      ...(sort === undefined ? {} : { class: sort }),
      ...(tenant === undefined ? {} : { tenant }),
    };
    events.push({
      ph: "X",
      name: id,
      cat: "workflow",
      pid,
      tid: line + 1,
      ts: arrive.atUs,
      dur: until - arrive.atUs,
      args,
    });
    changes.push({ ts: arrive.atUs, more: 1 });
    if (endUs <= nowUs) changes.push({ ts: endUs, more: -1 });
  }
  for (const { ts, more } of changes.sort((left, right) => left.ts - right.ts)) {
    open += more;
    events.push({ ph: "C", name: "open workflows", pid, tid: 0, ts, args: { open } });
  }
}
