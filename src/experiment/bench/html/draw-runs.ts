/** Two runs of the same workflows, one above the other on one axis of time: all of them, and the workflow that takes longest. */

import { condense, mostShares } from "../../../view/draw/condense.ts";
import type { Drawing } from "../../../view/draw/plot.ts";
import { label } from "../../../view/draw/plot.ts";
import type { Ink, Shape } from "../../../view/draw/shape.ts";
import { stack, type Part as Stacked } from "../../../view/draw/stack.ts";
import { drawTimeline, timelineHeight } from "../../../view/draw/timeline.ts";
import type { EngineLanes, Span } from "../../../view/scene/span.ts";
import { showDuration } from "../../format.ts";
import type { SeenRun } from "./see-runs.ts";

const width = 1180;
/** More shares side by side than this, and an engine's row shows how full it is. */
const crowded = 6;
const steps = 200;
const levels = 6;

export function drawRuns(runs: readonly SeenRun[], title: string): Drawing {
  const toUs = Math.max(1, ...runs.map(({ lastUs }) => lastUs));
  const rows = isCrowded(runs) ? condenseAll(runs, toUs) : runs.map(({ engines }) => engines);
  return under(
    title,
    runs.map(({ result, lastUs }, index) => {
      const latency = showDuration(result.metrics["meanLatencyUs"] ?? 0);
      const words = `${result.spec.policy}: mean latency ${latency}, all over after ${showDuration(lastUs)}`;
      return drawRows(words, rows[index] ?? [], { fromUs: 0, toUs, nowUs: lastUs });
    }),
  );
}

/** Nothing where no workflow ended in all runs, or where there is but one. */
export function drawLongest(runs: readonly SeenRun[], title: (workflow: string) => string): Drawing | undefined {
  const [first] = runs;
  const workflow = pickLongest(runs);
  if (first === undefined || workflow === undefined || first.workflows.size < 2) return undefined;
  const spanUs = Math.max(...runs.map((run) => latencyOf(run, workflow))) * 1.01;
  const only = isCrowded(runs);
  return under(
    title(workflow),
    runs.map((run) => {
      const { arriveUs = 0, endUs = 0 } = run.workflows.get(workflow) ?? {};
      const rows = only ? run.engines.flatMap((engine) => pickSpans(engine, workflow)) : run.engines;
      const words = `${run.result.spec.policy}: ${showDuration(endUs - arriveUs)}`;
      const time = { fromUs: arriveUs, toUs: arriveUs + spanUs, nowUs: endUs, originUs: arriveUs };
      return drawRows(words, rows, { ...time, workflow });
    }),
  );
}

type Time = {
  readonly fromUs: number;
  readonly toUs: number;
  readonly nowUs: number;
  readonly originUs?: number;
  readonly workflow?: string;
};

function drawRows(title: string, engines: readonly EngineLanes[], time: Time): Stacked {
  const rowHeight = 28;
  const height = timelineHeight(engines.length, rowHeight);
  const nameWidth = 24 + 7 * Math.max(4, ...engines.map(({ engine }) => Math.min(14, engine.length)));
  return {
    title,
    height,
    shapes: drawTimeline(engines, { ...time, width, height, rowHeight, nameWidth, scroll: 0 }),
  };
}

function under(title: string, parts: readonly Stacked[]): Drawing {
  const { shapes, height } = stack(parts);
  return { width, height: height + 26, title, shapes: [...shapes, ...drawLegend(height + 18)] };
}

const phases: readonly (readonly [Ink, string])[] = [
  ["load", "loads a model"],
  ["transfer", "moves data"],
  ["prefill", "prefill"],
  ["decode", "decode"],
  ["hold", "holds a place"],
];

function drawLegend(y: number): readonly Shape[] {
  return phases.flatMap(([fill, words], index): readonly Shape[] => [
    { kind: "box", x: 4 + index * 130, y: y - 9, width: 16, height: 9, fill },
    label(25 + index * 130, y, words),
  ]);
}

/** Where a row shows how full its engine is, and not each share. */
export function isCrowded(runs: readonly SeenRun[]): boolean {
  return runs.some(({ engines }) => engines.some(({ lanes }) => lanes.length > crowded));
}

/** An engine is as full in one run as in another if it has as many shares. */
function condenseAll(runs: readonly SeenRun[], toUs: number): readonly (readonly EngineLanes[])[] {
  const time = { fromUs: 0, toUs, steps };
  const most = new Map<string, number>();
  for (const { engines } of runs)
    for (const engine of engines)
      most.set(engine.engine, Math.max(most.get(engine.engine) ?? 0, mostShares(engine, time)));
  return runs.map(({ engines }) => condense(engines, { ...time, levels, most }));
}

function latencyOf({ workflows }: SeenRun, workflow: string): number {
  const { arriveUs = 0, endUs = 0 } = workflows.get(workflow) ?? {};
  return endUs - arriveUs;
}

/** In all runs together; of equal ones the first. */
function pickLongest(runs: readonly SeenRun[]): string | undefined {
  let longest: string | undefined;
  let mostUs = -1;
  for (const workflow of runs[0]?.workflows.keys() ?? []) {
    if (!runs.every(({ workflows }) => workflows.has(workflow))) continue;
    const us = runs.reduce((sum, run) => sum + latencyOf(run, workflow), 0);
    if (us > mostUs) [longest, mostUs] = [workflow, us];
  }
  return longest;
}

/** An engine with the spans of one workflow only, in as few lanes as they need; none where it had no part in it. */
function pickSpans({ engine, lanes }: EngineLanes, workflow: string): readonly EngineLanes[] {
  const own = lanes
    .flat()
    .filter(({ stage }) => stage?.startsWith(`${workflow}/`) === true)
    .sort((one, other) => one.startUs - other.startUs);
  const packed: Span[][] = [];
  for (const span of own) {
    const lane = packed.find((spans) => (spans.at(-1)?.endUs ?? 0) <= span.startUs);
    if (lane === undefined) packed.push([span]);
    else lane.push(span);
  }
  return packed.length === 0 ? [] : [{ engine, lanes: packed }];
}
