/** What lies under a point of a timeline, and what to say of it. */

import type { EngineLanes, Span } from "../scene/span.ts";
import { showDuration } from "./axis.ts";
import { axisHeight, findFirst, rowGap, rowTop, toUs, type TimelineView } from "./timeline.ts";

export type Hit = { readonly engine: string; readonly span?: Span };

/** What lies under a point. */
export function hitTimeline(
  engines: readonly EngineLanes[],
  view: TimelineView,
  x: number,
  y: number,
): Hit | undefined {
  if (y < axisHeight) return undefined;
  const index = Math.floor((y - axisHeight + view.scroll) / view.rowHeight);
  const engine = engines[index];
  if (engine === undefined) return undefined;
  if (x < view.nameWidth) return { engine: engine.engine };
  const inner = y - rowTop(view, index) - rowGap / 2;
  const lane = engine.lanes[Math.floor(inner / ((view.rowHeight - rowGap) / Math.max(1, engine.lanes.length)))];
  if (lane === undefined) return { engine: engine.engine };
  const atUs = toUs(view, x);
  // A pixel and a half to either side, for what is narrower than a pointer.
  const slackUs = (1.5 / Math.max(1, view.width - view.nameWidth)) * (view.toUs - view.fromUs);
  for (let at = findFirst(lane, atUs - slackUs); at < lane.length; at++) {
    const span = lane[at];
    if (span === undefined || span.startUs > atUs + slackUs) break;
    return { engine: engine.engine, span };
  }
  return { engine: engine.engine };
}

/** A span in words. */
export function describeSpan({ activity, startUs, endUs, stage, model, share, attempt }: Span, nowUs: number): string {
  const what = {
    load: "loads",
    transfer: "fetches for",
    prefill: "prefills",
    decode: "decodes",
    hold: "holds a place for",
    down: "is down",
  };
  const of = activity === "load" ? (model ?? "") : (stage ?? "");
  const more = [
    ...(share === undefined || share === 0 ? [] : [`share ${share}`]),
    ...(attempt === undefined || attempt === 0 ? [] : [`attempt ${attempt}`]),
    ...(activity !== "load" && model !== undefined ? [model] : []),
  ];
  return `${what[activity]} ${of}, ${showDuration(Math.min(endUs, nowUs) - startUs)}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
}
