/** Which share of the workflows is on time at each SLO scale: a panel a cluster, a curve a policy. The upper part, where tails are. */

import { curve, label, rule, type Drawing } from "../../../view/draw/plot.ts";
import { linear, ticksBetween, type Scale } from "../../../view/draw/scale.ts";
import type { Shape } from "../../../view/draw/shape.ts";
import { inPanels } from "../panels.ts";
import { attainedShares } from "./file.ts";

export type AttainmentPanel = {
  readonly title: string;
  /** By policy the SLO scale needed at each of `attainedShares`; infinite where none is enough. */
  readonly scales: ReadonlyMap<string, readonly number[]>;
};

const lowest = attainedShares[0] ?? 0;

export function plotAttainment(title: string, panels: readonly AttainmentPanel[]): Drawing {
  const names = [...new Set(panels.flatMap(({ scales }) => [...scales.keys()]))];
  const across = "SLO scale: latency over standalone latency";
  return inPanels({ title, names, across }, panels, ({ scales }, area) => {
    const most = rightEnd([...scales.values()]);
    const x = linear([1, most], area.x);
    const y = linear([lowest, 1], area.y);
    return [
      ...ticksBetween(1, most, 5).flatMap((tick): readonly Shape[] => [
        rule([x(tick), y(lowest), x(tick), y(1)]),
        label(x(tick), y(lowest) + 16, String(tick), "middle"),
      ]),
      ...[0.6, 0.7, 0.8, 0.9, 1].flatMap((tick): readonly Shape[] => [
        rule([x(1), y(tick), x(most), y(tick)]),
        label(x(1) - 6, y(tick) + 4, `${Math.round(tick * 100)}%`, "end"),
      ]),
      ...[0.95, 0.99].map((share) => rule([x(1), y(share), x(most), y(share)], true)),
      ...names.map((name, index) => curve(toSteps(scales.get(name) ?? [], most, x, y), index)),
    ];
  });
}

/** Up to where the worst of the policies reaches 99%, and not much beyond what the best needs for that. */
function rightEnd(curves: readonly (readonly number[])[]): number {
  const needed = curves.map((scales) => scales.at(-2) ?? 0).filter((value) => Number.isFinite(value) && value > 0);
  const best = Math.min(...needed, 1e3);
  const worst = Math.max(...needed, 1.1);
  return Math.ceil(Math.min(worst, 3 * best) * 10.5) / 10;
}

function toSteps(scales: readonly number[], most: number, x: Scale, y: Scale): readonly number[] {
  const path: number[] = [];
  let before: number | undefined;
  for (const [index, share] of attainedShares.entries()) {
    const value = scales[index] ?? Infinity;
    if (value > most) break;
    const at = x(Math.max(1, value));
    if (before !== undefined) path.push(at, y(before));
    path.push(at, y(share));
    before = share;
  }
  return before === undefined ? [] : [...path, x(most), y(before)];
}
