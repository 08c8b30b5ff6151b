/** Two journals of one workload side by side: their engines over one time, their figures, and each workflow in both. */

import { measure, type Measured } from "../../measure/measure.ts";
import { pairRatios } from "../../measure/pairs.ts";
import { showDuration } from "../draw/axis.ts";
import type { App, Run } from "./app.ts";
import { Chart } from "./chart.ts";
import { cells, find, make, table } from "./dom.ts";
import { showCount, showShare } from "./words.ts";

const mostPairs = 40;

export type CompareView = {
  readonly paint: () => void;
  /** The drawings that are seen, with their titles. */
  readonly charts: () => readonly { readonly title: string; readonly chart: Chart }[];
};

export function createCompareView(app: App): CompareView {
  const host = find("compare");
  const measured = new Map<Run, { readonly records: number; readonly of: Measured }>();
  let charts: Chart[] = [];
  let shown: readonly Run[] = [];
  let counted = "";
  const figures = make("div", { class: "pair" });
  const measureOnce = (run: Run): Measured => {
    const records = run.scene.tape.lastSequence;
    const known = measured.get(run);
    if (known?.records === records) return known.of;
    const of = measure({ header: run.scene.header, events: run.scene.tape.records });
    measured.set(run, { records, of });
    return of;
  };
  const paint = (): void => {
    if (app.view !== "compare" || app.runs.length < 2) return;
    const [left, right] = app.runs as [Run, Run];
    if (shown[0] !== left || shown[1] !== right) {
      shown = [left, right];
      charts = [];
      const pairs = shown.map((run) => {
        const canvas = make("canvas", {
          role: "img",
          tabindex: "0",
          "aria-label": `Engines over time, ${titleOf(run)}`,
        });
        charts.push(new Chart(app, canvas, () => run));
        return make("section", { class: "chart" }, make("h2", { text: titleOf(run) }), canvas);
      });
      host.replaceChildren(make("div", { class: "pair" }, legend(), ...pairs, figures));
      counted = "";
    }
    for (const [index, chart] of charts.entries()) {
      chart.shiftUs = (shown[index] as Run).scene.firstUs - left.scene.firstUs;
      chart.paint();
    }
    const state = shown.map(({ scene, loading }) => `${scene.tape.lastSequence} ${loading}`).join("/");
    if (state === counted || left.loading || right.loading) return;
    counted = state;
    figures.replaceChildren(...renderFigures(left, right, measureOnce(left), measureOnce(right)));
  };
  return { paint, charts: () => charts.map((chart, index) => ({ title: titleOf(shown[index] as Run), chart })) };
}

function legend(): HTMLElement {
  const names = {
    load: "load",
    transfer: "transfer",
    prefill: "prefill",
    decode: "decode",
    hold: "waits in its place",
    down: "down",
  };
  return make(
    "div",
    { class: "legend" },
    ...Object.entries(names).map(([kind, text]) => make("span", { class: kind, text })),
  );
}

function titleOf({ name, scene }: Run): string {
  return `${scene.header.policy} (${name})`;
}

function renderFigures(left: Run, right: Run, one: Measured, other: Measured): HTMLElement[] {
  const rows: [string, (of: Measured) => number, (value: number) => string][] = [
    ["makespan", ({ makespanUs }) => makespanUs, showDuration],
    ["mean latency of a workflow", ({ latencyUs }) => latencyUs.mean, showDuration],
    ["95th percentile", ({ latencyUs }) => latencyUs.p95, showDuration],
    ["Req95: 95th percentile of latency over standalone", ({ ratio }) => ratio.p95, (value) => value.toFixed(2)],
    ["time in queues", ({ queueWaitUs }) => queueWaitUs, showDuration],
    ["loads", ({ loads }) => loads, showCount],
    ["swaps", ({ swaps }) => swaps, showCount],
    ["prompt tokens cached", ({ cachedTokens }) => cachedTokens, showCount],
    ["prompt tokens recomputed", ({ recomputedTokens }) => recomputedTokens, showCount],
    ["utilisation of the engines", ({ utilisation }) => utilisation, (value) => showShare(value, 1)],
  ];
  const notes =
    left.scene.tape.firstSequence > 1 || right.scene.tape.firstSequence > 1
      ? ["The oldest records are not kept any more, so figures are of what is left."]
      : [];
  if (left.scene.header.workload !== right.scene.header.workload)
    notes.push("These are journals of two different workloads.");
  const pairs = pairRatios(other, one);
  notes.push(
    `${right.scene.header.policy} ends ${showShare(pairs.winRate, 1)} of the workflows sooner; latencies in all ${pairs.pooled.toFixed(3)} times those of ${left.scene.header.policy}.`,
  );
  return [
    table(
      "Figures from the journals",
      ["", { number: titleOf(left) }, { number: titleOf(right) }, { number: "second over first" }],
      rows.map(([name, of, show]) => {
        const [first, second] = [of(one), of(other)];
        return make(
          "tr",
          {},
          ...cells(
            name,
            { number: show(first) },
            { number: show(second) },
            { number: first === 0 ? "–" : (second / first).toFixed(3) },
          ),
        );
      }),
    ),
    ...notes.map((text) => make("p", { class: "quiet", text })),
    renderPairs(one, other),
  ];
}

/** Those that differ most. */
function renderPairs(one: Measured, other: Measured): HTMLElement {
  const latencies = new Map(other.workflows.map((times) => [times.workflow, times.latencyUs]));
  const both = one.workflows.flatMap(({ workflow, latencyUs }) => {
    const second = latencies.get(workflow);
    return second === undefined ? [] : [{ workflow, first: latencyUs, second }];
  });
  both.sort((left, right) => Math.abs(right.second - right.first) - Math.abs(left.second - left.first));
  return table(
    `Workflows that differ most, of ${both.length} in both`,
    ["workflow", { number: "first" }, { number: "second" }, { number: "difference" }],
    both
      .slice(0, mostPairs)
      .map(({ workflow, first, second }) =>
        make(
          "tr",
          {},
          ...cells(
            workflow,
            { number: showDuration(first) },
            { number: showDuration(second) },
            { number: `${second > first ? "+" : ""}${showDuration(second - first)}` },
          ),
        ),
      ),
  );
}
