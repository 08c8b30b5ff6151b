/**
 * Engines that serve many shares side by side, condensed: a few lanes that are filled from below as far as shares were there, a
 * colour for each kind of activity. So a busy run stays a picture of bounded size.
 */

import type { Activity, EngineLanes, Span } from "../scene/span.ts";

export type Condensed = {
  readonly fromUs: number;
  readonly toUs: number;
  /** Time is divided into so many steps, and fullness into so many lanes. */
  readonly steps: number;
  readonly levels: number;
  /** Of each engine, how many shares fill its lanes. */
  readonly most: ReadonlyMap<string, number>;
};

/** From below. */
const order: readonly Activity[] = ["decode", "prefill", "transfer", "load", "hold", "down"];

type Counts = Map<Activity, number[]>;

export function condense(engines: readonly EngineLanes[], options: Condensed): readonly EngineLanes[] {
  const { fromUs, toUs, steps, levels, most } = options;
  const stepUs = (toUs - fromUs) / steps;
  return engines.map(({ engine, lanes }) => {
    const counts = countShares(lanes.flat(), options);
    const full = Math.max(1, most.get(engine) ?? 1);
    const condensed = Array.from({ length: levels }, (): Span[] => []);
    for (let step = 0; step < steps; step++) {
      let below = 0;
      for (const activity of order) {
        const above = below + (counts.get(activity)?.[step] ?? 0);
        for (let level = filled(below, full, levels); level < filled(above, full, levels); level++)
          extend(condensed[levels - 1 - level] as Span[], activity, fromUs + step * stepUs, stepUs);
        below = above;
      }
    }
    return { engine, lanes: condensed };
  });
}

/** How many shares an engine had at most, step by step on average. */
export function mostShares({ lanes }: EngineLanes, options: Pick<Condensed, "fromUs" | "toUs" | "steps">): number {
  const counts = [...countShares(lanes.flat(), options).values()];
  let most = 0;
  for (let step = 0; step < options.steps; step++)
    most = Math.max(
      most,
      counts.reduce((sum, own) => sum + (own[step] ?? 0), 0),
    );
  return most;
}

function countShares(
  spans: readonly Span[],
  { fromUs, toUs, steps }: Pick<Condensed, "fromUs" | "toUs" | "steps">,
): Counts {
  const counts: Counts = new Map();
  const stepUs = (toUs - fromUs) / steps;
  for (const { activity, startUs, endUs } of spans) {
    let own = counts.get(activity);
    if (own === undefined) counts.set(activity, (own = Array.from({ length: steps }, () => 0)));
    const [start, end] = [(startUs - fromUs) / stepUs, (Math.min(endUs, toUs) - fromUs) / stepUs];
    for (let step = Math.max(0, Math.floor(start)); step < Math.min(steps, end); step++)
      own[step] = (own[step] ?? 0) + Math.min(step + 1, end) - Math.max(step, start);
  }
  return counts;
}

function filled(shares: number, full: number, levels: number): number {
  return Math.min(levels, Math.round((shares / full) * levels));
}

/** The last span goes on if it is of the same activity and ends here. */
function extend(lane: Span[], activity: Activity, startUs: number, stepUs: number): void {
  const last = lane.at(-1);
  if (last?.activity === activity && last.endUs > startUs - stepUs / 2) last.endUs = startUs + stepUs;
  else lane.push({ activity, startUs, endUs: startUs + stepUs });
}
