/** How far each policy stays above what no policy undercuts. */

import type { BenchFile } from "./bench-file.ts";
import { tableByMode } from "./overviews.ts";
import { heading, table, text, type Part } from "./report-parts.ts";

/** Nothing where no cell has a bound. */
export function toBoundsParts({ summary }: BenchFile): readonly Part[] {
  const bounded = summary.filter(({ metrics }) => (metrics["meanOverBound"] ?? 0) > 0);
  const clusters = [...new Set(bounded.map(({ cluster }) => cluster))];
  if (clusters.length === 0) return [];
  return [
    heading("What the bounds say"),
    text(
      "Mean of latency over what no policy undercuts on the workflow, were it alone and whatever models and prefixes it finds. 1 is the bound, which may lie below what can be reached.",
    ),
    ...clusters.flatMap((cluster): readonly Part[] => [
      ...(clusters.length === 1 ? [] : [text(`On ${cluster}:`)]),
      table(
        tableByMode(
          bounded.filter((row) => row.cluster === cluster),
          ({ metrics }) => `${(metrics["meanOverBound"] ?? 0).toFixed(2)} x`,
        ),
      ),
    ]),
  ];
}
