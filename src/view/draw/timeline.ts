/** Engines over time, one below the other: what each loaded, fetched, took in and wrote, a lane for each share it had at once. */

import type { EngineLanes, Span } from "../scene/span.ts";
import { toTicks } from "./axis.ts";
import { fitText, type Ink, type Shape } from "./shape.ts";

export type TimelineView = {
  readonly fromUs: number;
  readonly toUs: number;
  readonly width: number;
  /** Of what is seen, the axis included. */
  readonly height: number;
  readonly rowHeight: number;
  /** Pixels that are scrolled away above. */
  readonly scroll: number;
  readonly nameWidth: number;
  /** What goes on still ends here; the time that is looked at. */
  readonly nowUs: number;
  /** A line through this time. */
  readonly cursorUs?: number;
  /** Spans of this stage stand out, joined. */
  readonly stage?: string;
  /** Beginning of the keys of stages that stand out: a workflow. */
  readonly workflow?: string;
  /** Subtracted from the times of the axis. */
  readonly originUs?: number;
};

export const axisHeight = 22;
/** Between rows. */
export const rowGap = 4;

/** Where an engine's row stands, by its position. */
export function rowTop(view: Pick<TimelineView, "rowHeight" | "scroll">, index: number): number {
  return axisHeight + index * view.rowHeight - view.scroll;
}

export function timelineHeight(engines: number, rowHeight: number): number {
  return axisHeight + engines * rowHeight;
}

export function toX({ fromUs, toUs: untilUs, width, nameWidth }: TimelineView, atUs: number): number {
  return nameWidth + ((atUs - fromUs) / Math.max(1, untilUs - fromUs)) * (width - nameWidth);
}

export function toUs({ fromUs, toUs: untilUs, width, nameWidth }: TimelineView, x: number): number {
  return fromUs + ((x - nameWidth) / Math.max(1, width - nameWidth)) * (untilUs - fromUs);
}

export function drawTimeline(engines: readonly EngineLanes[], view: TimelineView): Shape[] {
  const shapes: Shape[] = [];
  const first = Math.max(0, Math.floor(view.scroll / view.rowHeight));
  const last = Math.min(engines.length - 1, Math.floor((view.scroll + view.height - axisHeight) / view.rowHeight));
  const joints = new Map<string, Joint[]>();
  const { width, rowHeight: height } = view;
  for (let index = first | 1; index <= last; index += 2)
    shapes.push({ kind: "box", x: 0, y: rowTop(view, index), width, height, fill: "band" });
  drawGrid(view, shapes);
  for (let index = first; index <= last; index++) {
    const engine = engines[index];
    if (engine !== undefined) drawLanes(engine, rowTop(view, index), view, shapes, joints);
  }
  drawJoints(joints, view, shapes);
  // Names and the axis cover what reaches under them.
  shapes.push({
    kind: "box",
    x: 0,
    y: axisHeight,
    width: view.nameWidth - 6,
    height: view.height - axisHeight,
    fill: "ground",
  });
  const size = view.rowHeight >= 18 ? 11 : 9;
  for (let index = first; index <= last; index++) {
    const text = fitText(engines[index]?.engine ?? "", view.nameWidth - 14, size);
    const y = rowTop(view, index) + view.rowHeight / 2 + size * 0.36;
    shapes.push({ kind: "label", x: view.nameWidth - 10, y, text, ink: "ink", size, anchor: "end" });
  }
  drawAxis(view, shapes);
  return shapes;
}

type Joint = { readonly x: number; readonly top: number; readonly bottom: number; readonly endX: number };

function drawLanes(
  { lanes }: EngineLanes,
  top: number,
  view: TimelineView,
  shapes: Shape[],
  joints: Map<string, Joint[]>,
): void {
  const inner = view.rowHeight - rowGap;
  const laneHeight = inner / Math.max(1, lanes.length);
  for (const [index, lane] of lanes.entries()) {
    const y = top + rowGap / 2 + index * laneHeight;
    const height = Math.max(1, laneHeight - (laneHeight > 4 ? 1 : 0));
    // Spans closer together than a pixel are one, of the colour of the first.
    let drawnX = -Infinity;
    for (let at = findFirst(lane, view.fromUs); at < lane.length; at++) {
      const span = lane[at];
      if (span === undefined || span.startUs > view.toUs || span.startUs > view.nowUs) break;
      const x = Math.max(view.nameWidth, toX(view, span.startUs));
      const endX = Math.min(view.width, toX(view, Math.min(span.endUs, view.nowUs)));
      if (endX < drawnX + 0.5) continue;
      const width = Math.max(0.75, endX - Math.max(x, drawnX));
      drawSpan(span, { x: Math.max(x, drawnX), y, width, height }, view, shapes);
      drawnX = x + Math.max(0.75, endX - x);
      if (span.stage !== undefined && (span.shares !== undefined || span.stage === view.stage))
        note(joints, span, { x, top: y, bottom: y + height, endX });
    }
  }
}

function note(joints: Map<string, Joint[]>, { stage = "" }: Span, joint: Joint): void {
  const known = joints.get(stage);
  if (known === undefined) joints.set(stage, [joint]);
  else known.push(joint);
}

type Place = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

/** Bars of computing fill their lane; a load stands on a line, a transfer is thin, and what only holds its place thinner. */
function drawSpan(span: Span, { x, y, width, height }: Place, view: TimelineView, shapes: Shape[]): void {
  const faded = fades(span, view) ? { opacity: 0.28 } : {};
  switch (span.activity) {
    case "hold":
    case "transfer": {
      const { from, part } = bands[span.activity];
      const band = { y: y + height * from, height: Math.max(1, height * part) };
      shapes.push({ kind: "box", x, width, ...band, fill: span.activity, ...faded });
      return;
    }
    case "down":
      shapes.push({ kind: "box", x, y, width, height, fill: "down", opacity: 0.35 });
      if (width > 40)
        shapes.push({ kind: "label", x: x + 4, y: y + height / 2 + 4, text: "down", ink: "ink", size: 10 });
      return;
    case "load":
      shapes.push({ kind: "box", x, y: y + height * 0.12, width, height: height * 0.88, fill: "load", ...faded });
      break;
    default:
      shapes.push({ kind: "box", x, y, width, height, fill: span.activity, ...faded });
  }
  if (width < 46 || height < 11 || "opacity" in faded) return;
  const text = fitText(span.activity === "load" ? (span.model ?? "") : shortName(span.stage ?? ""), width - 8, 10);
  if (text !== "")
    shapes.push({ kind: "label", x: x + 4, y: y + height / 2 + 3.6, text, ink: inkOn[span.activity], size: 10 });
}

/** Where in the lane, and how much of its height. */
const bands = { hold: { from: 0.42, part: 0.16 }, transfer: { from: 0.3, part: 0.4 } };

const inkOn: Readonly<Record<"load" | "prefill" | "decode", Ink>> = {
  load: "onLoad",
  prefill: "onPrefill",
  decode: "onDecode",
};

function fades({ stage }: Span, view: TimelineView): boolean {
  if (view.workflow === undefined && view.stage === undefined) return false;
  if (stage === undefined) return true;
  return view.workflow === undefined ? stage !== view.stage : !stage.startsWith(`${view.workflow}/`);
}

/** The stage without its workflow. */
function shortName(stage: string): string {
  return stage.slice(stage.lastIndexOf("/") + 1);
}

/** Shares of one stage are joined where the later of them begins; the stage that is looked at is framed too. */
function drawJoints(joints: ReadonlyMap<string, readonly Joint[]>, view: TimelineView, shapes: Shape[]): void {
  for (const [stage, places] of joints) {
    const selected = stage === view.stage;
    if (selected)
      for (const { x, top, bottom, endX } of places)
        shapes.push({
          kind: "box",
          x,
          y: top,
          width: Math.max(1, endX - x),
          height: bottom - top,
          stroke: "ink",
          strokeWidth: 1.5,
        });
    const rows = [...new Set(places.map(({ top }) => top))].sort((left, right) => left - right);
    if (rows.length < 2) continue;
    const firsts = rows.map((row) => places.find(({ top }) => top === row) as Joint);
    for (const [index, lower] of firsts.entries()) {
      const upper = firsts[index - 1];
      if (upper === undefined) continue;
      const x = Math.max(upper.x, lower.x) + 0.5;
      shapes.push({
        kind: "path",
        points: [x, upper.bottom, x, lower.top],
        stroke: selected ? "ink" : "quiet",
        width: selected ? 1.5 : 1,
      });
    }
  }
}

/** Under the bars. */
function drawGrid(view: TimelineView, shapes: Shape[]): void {
  for (const { x } of ticksOf(view)) {
    const points = [x, axisHeight - 4, x, view.height];
    shapes.push({ kind: "path", points, stroke: "line", opacity: 0.7 });
  }
}

/** Above them, and above what is scrolled away. */
function drawAxis(view: TimelineView, shapes: Shape[]): void {
  const { width, height, nameWidth, cursorUs } = view;
  shapes.push({ kind: "box", x: 0, y: 0, width, height: axisHeight, fill: "ground" });
  for (const { x, label } of ticksOf(view)) {
    shapes.push({ kind: "path", points: [x, axisHeight - 4, x, axisHeight], stroke: "line" });
    const anchor = x > width - 30 ? "end" : "middle";
    shapes.push({ kind: "label", x, y: 13, text: label, ink: "quiet", size: 10, anchor });
  }
  shapes.push({ kind: "path", points: [0, axisHeight, width, axisHeight], stroke: "line" });
  if (cursorUs === undefined) return;
  const x = toX(view, cursorUs);
  if (x >= nameWidth && x <= width)
    shapes.push({ kind: "path", points: [x, 14, x, height], stroke: "accent", width: 1.5 });
}

function ticksOf(view: TimelineView): readonly { readonly x: number; readonly label: string }[] {
  const { fromUs, toUs: untilUs, width, nameWidth, originUs = 0 } = view;
  const most = Math.max(2, Math.floor((width - nameWidth) / 80));
  return toTicks(fromUs - originUs, untilUs - originUs, most).flatMap(({ atUs, label }) => {
    const x = toX(view, atUs + originUs);
    return x < nameWidth - 1 ? [] : [{ x, label }];
  });
}

/** The first span that ends after a time: spans are in order and apart. */
export function findFirst(lane: readonly Span[], fromUs: number): number {
  let [low, high] = [0, lane.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lane[middle] as Span).endUs <= fromUs) low = middle + 1;
    else high = middle;
  }
  return low;
}
