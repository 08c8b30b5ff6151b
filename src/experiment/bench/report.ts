/** A benchmark's result as a page: what ran, tables, and plots beside it. Everything but plan times comes from the result file. */

import { fitColumns, renderMarkdown, renderText } from "../table.ts";
import type { BenchFile, SummaryRow } from "./bench-file.ts";
import type { Benchmark } from "./benchmark.ts";
import type { DecisionTimes } from "./decision-times.ts";
import { mainTable, mechanismTable, pairedTable, rowsAt } from "./group-tables.ts";
import { overAblations, overByMode, overByShare, overSettings, type Page } from "./overviews.ts";
import { isAt, toPlaces, type Place } from "./places.ts";
import { baseline, pickSubject } from "./policy-lists.ts";

/** The page, and its plots. */
export function renderReport(
  file: BenchFile,
  { summary, report }: Pick<Benchmark, "summary"> & { readonly report: Exclude<Benchmark["report"], "agents"> },
  times: readonly DecisionTimes[],
): readonly Page[] {
  const overviews = {
    policies: overByMode,
    shares: overByShare,
    ablation: overAblations,
    settings: overSettings,
  } as const;
  const { text, plots } = overviews[report](file);
  const head = `# ${file.benchmark}

${capitalise(summary)}. All times are simulated, but for those of plans. Latencies are shown as ratios to those under
\`${baseline}\`, workflow by workflow: less is better.

\`\`\`sh
${file.command}
\`\`\`

${file.data}. Seeds ${showSeeds(file.seeds)}. Code ${file.version}. The cells, from which all of this can be computed again, are
in [${file.benchmark}.json](${file.benchmark}.json); [docs/benchmarks.md](../benchmarks.md) says what is measured and how.
`;
  const groups = toPlaces(file).map((place) => renderGroup(file, place, times));
  return [{ name: `${file.benchmark}.md`, text: [head, text, ...groups].join("\n") }, ...plots];
}

/** Results and differences of each group, for a terminal. */
export function renderTables(file: BenchFile, width: number): string {
  return toPlaces(file)
    .map((place) => {
      const rows = rowsAt(file, place);
      const paired = file.paired.filter(
        (row) => isAt(place)(row) && row.policy === pickSubject(rows.map(({ policy }) => policy)),
      );
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

function renderGroup(file: BenchFile, place: Place, times: readonly DecisionTimes[]): string {
  const rows = rowsAt(file, place);
  const subject = pickSubject(rows.map(({ policy }) => policy));
  const paired = file.paired.filter((row) => isAt(place)(row) && row.policy === subject);
  const [first] = rows;
  const parts = [
    `## ${place.cluster}, ${place.mode}`,
    `${showSize(first)} under each policy.`,
    renderMarkdown(mainTable(rows, times.filter(isAt(place)))),
    "What explains it, per seed on average:",
    renderMarkdown(mechanismTable(rows)),
    ...(paired.length === 0
      ? []
      : [
          `\`${subject}\` against the others, paired by seed; a difference whose interval holds 0 is a tie:`,
          renderMarkdown(pairedTable(paired)),
        ]),
  ];
  return `${parts.map((part) => part.trimEnd()).join("\n\n")}\n`;
}

function showSize(row: SummaryRow | undefined): string {
  const { seeds = 0, workflows = 0 } = row ?? {};
  return `${seeds} seed${seeds === 1 ? "" : "s"}, ${workflows} workflows`;
}

function showSeeds(seeds: readonly number[]): string {
  const [first = 0] = seeds;
  const last = seeds.at(-1) ?? 0;
  return seeds.length > 2 && last - first === seeds.length - 1 ? `${first}-${last}` : seeds.join(", ");
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
