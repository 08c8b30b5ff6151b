/** How far the subject stays above the SLO scale that no schedule undercuts. */

import { heading, table, text, type Part } from "../report-parts.ts";
import type { AgentsFile } from "./file.ts";
import { subject } from "./policies.ts";
import { boundOf, isAt, measureNames } from "./tables.ts";

/** Nothing where the subject did not run, or no cell has a bound. */
export function toAgentsBoundsParts({ summary }: AgentsFile): readonly Part[] {
  const own = summary.filter((row) => row.policy === subject && row.error === 0 && boundOf(row, "req95") > 0);
  if (own.length === 0) return [];
  const clusters = [...new Set(own.map(({ cluster }) => cluster))];
  const kinds = [...new Map(own.map((row) => [`${row.workload} ${row.load}`, row])).entries()];
  return [
    heading("What the bounds say"),
    ...(["req95", "req99"] as const).flatMap((measure): readonly Part[] => [
      text([
        `${measureNames[measure]} of `,
        { code: subject },
        " over a scale that no schedule undercuts, however clairvoyant. 1 is the bound, which may lie below what can be reached.",
      ]),
      table({
        columns: [
          { heading: "cluster", align: "left" },
          ...kinds.map(([name]) => ({ heading: name, align: "right" }) as const),
        ],
        rows: clusters.map((cluster) => [
          cluster,
          ...kinds.map(([, kind]) => {
            const row = own.find(isAt({ ...kind, cluster }));
            const [reached, bound] = [row?.[measure] ?? undefined, boundOf(row, measure)];
            return row === undefined ? "" : reached === undefined ? "never" : `${(reached / bound).toFixed(2)} x`;
          }),
        ]),
      }),
    ]),
  ];
}
