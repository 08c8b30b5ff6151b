/** Load figures out of a page of metrics, whatever they are called there. */

import { parsePrometheusText, type Sample } from "../../wire/prometheus-text.ts";
import type { Sight } from "./adapter.ts";

export type Figures = Pick<
  Sight,
  "running" | "waiting" | "kvShare" | "kvCapacityTokens" | "prefixQueries" | "prefixHits"
>;
type Figure = keyof Figures;

/** For each figure the names it has had, the newest first; the first that is there counts. */
export type FigureNames = Partial<Readonly<Record<Figure, readonly string[]>>>;

export type Metrics = ReadonlyMap<string, readonly Sample[]>;

/**
 * Figures of all ranks together: a share is their mean, everything else their sum. `ranksOf` picks the samples that are to be
 * added up. What is not a number, or negative, is left out.
 */
export function readFigures(
  metrics: Metrics,
  names: FigureNames,
  ranksOf: (samples: readonly Sample[]) => readonly Sample[] = (samples) => samples,
): Figures {
  const figures: { [F in Figure]?: number } = {};
  for (const figure of figureOrder) {
    const name = names[figure]?.find((candidate) => metrics.has(candidate));
    const values = ranksOf(name === undefined ? [] : (metrics.get(name) ?? []))
      .map(({ value }) => value)
      .filter((value) => value >= 0 && value < Number.MAX_SAFE_INTEGER);
    if (values.length === 0) continue;
    const sum = values.reduce((total, value) => total + value, 0);
    figures[figure] = figure === "kvShare" ? Math.min(1, sum / values.length) : Math.round(sum);
  }
  return figures;
}

export function parseMetrics(page: string, names: FigureNames, others: readonly string[] = []): Metrics {
  return parsePrometheusText(page, [...Object.values(names).flat(), ...others]).byName;
}

const figureOrder = ["running", "waiting", "kvShare", "kvCapacityTokens", "prefixQueries", "prefixHits"] as const;
