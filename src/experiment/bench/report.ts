/** A benchmark's result as a page: what ran, tables, and plots beside it. Everything but plan times comes from the result file. */

import { fitColumns, renderText } from "../table.ts";
import type { BenchFile, SummaryRow } from "./bench-file.ts";
import type { Benchmark } from "./benchmark.ts";
import type { DecisionTimes } from "./decision-times.ts";
import { mainTable, mechanismTable, pairedTable, pairsAt, rowsAt } from "./group-tables.ts";
import { overAblations, overByMode, overByShare, overSettings } from "./overviews.ts";
import { isAt, toPlaces, type Place } from "./places.ts";
import { baseline } from "./policy-lists.ts";
import { heading, table, text, type Part, type Report } from "./report-parts.ts";
import { isTold } from "./told.ts";

export function toReport(
  file: BenchFile,
  { summary, report }: Pick<Benchmark, "summary"> & { readonly report: Exclude<Benchmark["report"], "agents"> },
  times: readonly DecisionTimes[],
): Report {
  const overviews = {
    policies: overByMode,
    shares: overByShare,
    ablation: overAblations,
    settings: overSettings,
  } as const;
  const what = `${capitalise(summary)}. All times are simulated, but for those of plans. Latencies are shown as ratios to those under\n`;
  return {
    name: file.benchmark,
    head: {
      words: [what, { code: baseline }, ", workflow by workflow: less is better.", ...aboutTold(file)],
      command: file.command,
      facts: `${file.data}. Seeds ${showSeeds(file.seeds)}. Code ${file.version}.`,
    },
    overview: overviews[report](file),
    details: toPlaces(file).flatMap((place) => toGroup(file, place, times)),
  };
}

function aboutTold({ summary }: BenchFile): readonly string[] {
  const names = [...new Set(summary.map(({ policy }) => policy))].filter(isTold);
  if (names.length === 0) return [];
  return [
    ` What is told the lengths, last in each table, is no policy but an upper yardstick: how far it would get if nothing were estimated.`,
  ];
}

/** Results and differences of each group, for a terminal. */
export function renderTables(file: BenchFile, width: number): string {
  return toPlaces(file)
    .map((place) => {
      const rows = rowsAt(file, place);
      const paired = pairsAt(file, place);
      return [
        `${place.cluster}, ${place.mode}: ${showSize(rows[0])}`,
        renderText(fitColumns(mainTable(rows, []), width)),
        ...(paired.length === 0
          ? []
          : [`${paired[0]?.policy}, paired by seed`, renderText(fitColumns(pairedTable(paired), width))]),
      ].join("\n");
    })
    .join("\n");
}

function toGroup(file: BenchFile, place: Place, times: readonly DecisionTimes[]): readonly Part[] {
  const rows = rowsAt(file, place);
  const paired = pairsAt(file, place);
  const [first] = paired;
  return [
    heading(`${place.cluster}, ${place.mode}`),
    text(`${showSize(rows[0])} under each policy.`),
    table(mainTable(rows, times.filter(isAt(place))), {
      heading: "95% interval",
      even: 1,
      values: rows.map(({ mean, ci95 }) => ({ mean, ci95 })),
    }),
    text("What explains it, per seed on average:"),
    table(mechanismTable(rows)),
    ...(first === undefined
      ? []
      : [
          text([
            { code: first.policy },
            " against the others, paired by seed; a difference whose interval holds 0 is a tie:",
          ]),
          table(pairedTable(paired), {
            heading: "95% interval",
            even: 0,
            values: paired.map(({ mean, ci95 }) => ({ mean, ci95 })),
          }),
        ]),
  ];
}

function showSize(row: SummaryRow | undefined): string {
  const { seeds = 0, workflows = 0 } = row ?? {};
  return `${seeds} seed${seeds === 1 ? "" : "s"}, ${workflows} workflows`;
}

export function showSeeds(seeds: readonly number[]): string {
  const [first = 0] = seeds;
  const last = seeds.at(-1) ?? 0;
  return seeds.length > 2 && last - first === seeds.length - 1 ? `${first}-${last}` : seeds.join(", ");
}

function capitalise(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
