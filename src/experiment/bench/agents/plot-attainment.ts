/** Which share of the workflows is on time at each SLO scale: a panel a cluster, a curve a policy. The upper part, where tails are. */

import { colourOf, curve, label, legend, linear, px, rule, ticksBetween, wrap, type Scale } from "../svg.ts";
import { attainedShares } from "./file.ts";

export type AttainmentPanel = {
  readonly title: string;
  /** By policy the SLO scale needed at each of `attainedShares`; infinite where none is enough. */
  readonly scales: ReadonlyMap<string, readonly number[]>;
};

const size = { width: 300, height: 200 };
const gap = { left: 44, right: 14, top: 28, bottom: 44 };
const columns = 3;
const legendHeight = 44;
const lowest = attainedShares[0] ?? 0;

export function plotAttainment(title: string, panels: readonly AttainmentPanel[]): string {
  const names = [...new Set(panels.flatMap(({ scales }) => [...scales.keys()]))];
  const across = Math.min(columns, panels.length);
  const cell = { width: gap.left + size.width + gap.right, height: gap.top + size.height + gap.bottom };
  const top = 24 + legendHeight;
  return wrap(across * cell.width, top + Math.ceil(panels.length / columns) * cell.height, [
    label(gap.left, 18, title, "start", true),
    legend(names, gap.left, 40, across * cell.width - gap.left),
    ...panels.map((panel, index) => {
      const x = (index % columns) * cell.width;
      const y = top + Math.floor(index / columns) * cell.height;
      return `<g transform="translate(${x},${y})">\n${plotPanel(panel, names)}\n</g>`;
    }),
  ]);
}

function plotPanel({ title, scales }: AttainmentPanel, names: readonly string[]): string {
  const most = rightEnd([...scales.values()]);
  const x = linear([1, most], [gap.left, gap.left + size.width]);
  const y = linear([lowest, 1], [gap.top + size.height, gap.top]);
  return [
    label(gap.left, gap.top - 10, title),
    ...ticksBetween(1, most, 5).map(
      (tick) => rule(`M${px(x(tick))} ${y(lowest)}V${y(1)}`) + label(x(tick), y(lowest) + 16, String(tick), "middle"),
    ),
    ...[0.6, 0.7, 0.8, 0.9, 1].map(
      (tick) =>
        rule(`M${x(1)} ${px(y(tick))}H${px(x(most))}`) +
        label(x(1) - 6, y(tick) + 4, `${Math.round(tick * 100)}%`, "end"),
    ),
    rule(`M${x(1)} ${px(y(0.95))}H${px(x(most))}`, 0.9),
    rule(`M${x(1)} ${px(y(0.99))}H${px(x(most))}`, 0.9),
    ...names.map((name, index) => curve(toPath(scales.get(name) ?? [], most, x, y), colourOf(index))),
    label(gap.left + size.width / 2, y(lowest) + 34, "SLO scale: latency over standalone latency", "middle"),
  ].join("\n");
}

/** Up to where the worst of the policies reaches 99%, and not much beyond what the best needs for that. */
function rightEnd(curves: readonly (readonly number[])[]): number {
  const needed = curves.map((scales) => scales.at(-2) ?? 0).filter((value) => Number.isFinite(value) && value > 0);
  const best = Math.min(...needed, 1e3);
  const worst = Math.max(...needed, 1.1);
  return Math.ceil(Math.min(worst, 3 * best) * 10.5) / 10;
}

function toPath(scales: readonly number[], most: number, x: Scale, y: Scale): string {
  if (scales.length === 0) return "";
  let path = "";
  for (const [index, share] of attainedShares.entries()) {
    const value = scales[index] ?? Infinity;
    if (value > most) return path === "" ? "" : `${path}H${px(x(most))}`;
    const at = px(x(Math.max(1, value)));
    path += path === "" ? `M${at} ${px(y(share))}` : `H${at}V${px(y(share))}`;
  }
  return `${path}H${px(x(most))}`;
}
