/** Which share of the workflows took at most so much of what they took under the baseline: a panel a mode, a curve a policy. */

import { nearestRank, sortNumbers } from "../../measure/statistics.ts";
import { colourOf, curve, label, legend, linear, px, rule, ticksBetween, wrap } from "./svg.ts";

export type EcdfPanel = {
  readonly title: string;
  /** By policy, in the order of the legend. */
  readonly ratios: ReadonlyMap<string, readonly number[]>;
};

const size = { width: 300, height: 220 };
const gap = { left: 40, right: 14, top: 28, bottom: 44 };
const columns = 3;
const legendHeight = 44;
const points = 100;

export function plotEcdf(title: string, panels: readonly EcdfPanel[]): string {
  const names = [...(panels[0]?.ratios.keys() ?? [])];
  const across = Math.min(columns, panels.length);
  const cell = { width: gap.left + size.width + gap.right, height: gap.top + size.height + gap.bottom };
  const top = 24 + legendHeight;
  const most = rightEnd(panels);
  return wrap(across * cell.width, top + Math.ceil(panels.length / columns) * cell.height, [
    label(gap.left, 18, title, "start", true),
    legend(names, gap.left, 40, across * cell.width - gap.left),
    ...panels.map((panel, index) => {
      const x = (index % columns) * cell.width;
      const y = top + Math.floor(index / columns) * cell.height;
      return `<g transform="translate(${x},${y})">\n${plotPanel(panel, names, most)}\n</g>`;
    }),
  ]);
}

/** One scale for all panels; the few ratios beyond are cut off. */
function rightEnd(panels: readonly EcdfPanel[]): number {
  const all = panels.flatMap(({ ratios }) => [...ratios.values()].flat());
  return Math.min(2, Math.max(1.1, Math.ceil(nearestRank(sortNumbers(all), 0.98) * 10) / 10));
}

function plotPanel({ title, ratios }: EcdfPanel, names: readonly string[], most: number): string {
  const x = linear([0, most], [gap.left, gap.left + size.width]);
  const y = linear([0, 1], [gap.top + size.height, gap.top]);
  const right = x(most);
  return [
    label(gap.left, gap.top - 10, title),
    ...ticksBetween(0, most, 6).map(
      (tick) => rule(`M${px(x(tick))} ${y(0)}V${y(1)}`) + label(x(tick), y(0) + 16, String(tick), "middle"),
    ),
    ...[0, 0.25, 0.5, 0.75, 1].map(
      (tick) =>
        rule(`M${px(x(0))} ${px(y(tick))}H${px(right)}`) + label(x(0) - 6, y(tick) + 4, `${tick * 100}%`, "end"),
    ),
    rule(`M${px(x(1))} ${y(0)}V${y(1)}`, 0.9),
    ...names.map((name, index) => curve(toPath(ratios.get(name) ?? [], most, x, y), colourOf(index))),
    label(gap.left + size.width / 2, y(0) + 34, "latency over that under round-robin", "middle"),
  ].join("\n");
}

/** A hundred quantiles joined by steps. */
function toPath(values: readonly number[], most: number, x: (v: number) => number, y: (v: number) => number): string {
  const sorted = sortNumbers(values);
  const steps = Math.min(points, sorted.length);
  let path = `M${px(x(0))} ${px(y(0))}`;
  for (let step = 1; step <= steps; step++) {
    const value = nearestRank(sorted, step / steps);
    if (value > most) return `${path}H${px(x(most))}`;
    path += `H${px(x(value))}V${px(y(step / steps))}`;
  }
  return `${path}H${px(x(most))}`;
}
