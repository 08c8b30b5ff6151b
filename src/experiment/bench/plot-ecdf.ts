/** Which share of the workflows took at most so much of what they took under the baseline: a panel a mode, a curve a policy. */

import { nearestRank, sortNumbers } from "../../measure/statistics.ts";
import { curve, label, rule, type Drawing } from "../../view/draw/plot.ts";
import { linear, ticksBetween, type Scale } from "../../view/draw/scale.ts";
import type { Shape } from "../../view/draw/shape.ts";
import { inPanels } from "./panels.ts";

export type EcdfPanel = {
  readonly title: string;
  /** By policy, in the order of the legend. */
  readonly ratios: ReadonlyMap<string, readonly number[]>;
};

const points = 100;

export function plotEcdf(title: string, panels: readonly EcdfPanel[]): Drawing {
  const names = [...(panels[0]?.ratios.keys() ?? [])];
  const most = rightEnd(panels);
  return inPanels({ title, names, across: "latency over that under round-robin" }, panels, (panel, area) => {
    const x = linear([0, most], area.x);
    const y = linear([0, 1], area.y);
    return [
      ...ticksBetween(0, most, 6).flatMap((tick): readonly Shape[] => [
        rule([x(tick), y(0), x(tick), y(1)]),
        label(x(tick), y(0) + 16, String(tick), "middle"),
      ]),
      ...[0, 0.25, 0.5, 0.75, 1].flatMap((tick): readonly Shape[] => [
        rule([x(0), y(tick), x(most), y(tick)]),
        label(x(0) - 6, y(tick) + 4, `${tick * 100}%`, "end"),
      ]),
      rule([x(1), y(0), x(1), y(1)], true),
      ...names.map((name, index) => curve(toSteps(panel.ratios.get(name) ?? [], most, x, y), index)),
    ];
  });
}

/** One scale for all panels; the few ratios beyond are cut off. */
function rightEnd(panels: readonly EcdfPanel[]): number {
  const all = panels.flatMap(({ ratios }) => [...ratios.values()].flat());
  return Math.min(2, Math.max(1.1, Math.ceil(nearestRank(sortNumbers(all), 0.98) * 10) / 10));
}

/** A hundred quantiles joined by steps. */
function toSteps(values: readonly number[], most: number, x: Scale, y: Scale): readonly number[] {
  const sorted = sortNumbers(values);
  const steps = Math.min(points, sorted.length);
  const path = [x(0), y(0)];
  let before = 0;
  for (let step = 1; step <= steps; step++) {
    const value = nearestRank(sorted, step / steps);
    if (value > most) break;
    path.push(x(value), y(before), x(value), y(step / steps));
    before = step / steps;
  }
  path.push(x(most), y(before));
  return path;
}
