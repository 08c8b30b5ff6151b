/** The page of the benchmark `agents`, and its plots. Everything but plan times comes from the result file. */

import { mean } from "../../../measure/statistics.ts";
import { fitColumns, renderMarkdown, renderText } from "../../table.ts";
import type { DecisionTimes } from "../decision-times.ts";
import type { Page } from "../overviews.ts";
import { errorsTable } from "./errors.ts";
import { attainedShares, type AgentsFile } from "./file.ts";
import { modeOf, type AgentsPlace } from "./groups.ts";
import { plotAttainment } from "./plot-attainment.ts";
import { drawn, isAblation, isBeyond, placements, subject } from "./policies.ts";
import { formsTable, isAt, matrixTable, measureNames, overallTable, placesTable, policiesTable } from "./tables.ts";

export function renderAgentsReport(file: AgentsFile, times: readonly DecisionTimes[]): readonly Page[] {
  const plots = toPlots(file);
  const parts = [
    renderHead(file),
    ...placements.flatMap((placement) => renderOverall(file, `strongest${placement}`)),
    ...renderForms(file, "What each part is worth: without it", isAblation),
    ...renderForms(file, "Beyond the source", isBeyond),
    ...renderErrors(file),
    "## On time by SLO scale",
    ...plots.map(({ name }) => `![Share of workflows on time by SLO scale](${name})`),
    ...renderClusters(file, times),
  ];
  return [{ name: `${file.benchmark}.md`, text: `${parts.map((part) => part.trimEnd()).join("\n\n")}\n` }, ...plots];
}

function renderHead(file: AgentsFile): string {
  const { benchmark, command, seeds, version } = file;
  return `# ${benchmark}

Agents' workflows, revealed as they go, on clusters whose engines batch. All times are simulated, but for those of plans. Req95
and Req99 are the SLO scales at which 95% and 99% of workflows are on time: order statistics of latency over standalone latency.
Less is better. Differences are relative and paired by seed, ± half of a 95% interval; one whose interval holds 0 is a tie.

\`\`\`sh
${command}
\`\`\`

Seeds ${seeds.join(", ")}. Code ${version}. The cells, from which all of this can be computed again, are in
[${benchmark}.json](${benchmark}.json); [docs/benchmarks.md](../benchmarks.md) says what is measured and how.`;
}

function renderOverall({ overall }: AgentsFile, rival: string): readonly string[] {
  const rows = overall.filter((row) => row.policy === subject && row.rival === rival);
  if (rows.length === 0) return [];
  return [
    `## ${subject} against the strongest yardstick ${rival.slice("strongest".length)}`,
    "At each place, and for each measure anew, against the yardstick whose mean over the seeds is least there. Workloads: on clusters that are not uniform.",
    renderMarkdown(overallTable(rows)),
  ];
}

function renderForms({ overall }: AgentsFile, title: string, isOne: (name: string) => boolean): readonly string[] {
  const rows = overall.filter(({ policy, scope, load }) => isOne(policy) && scope === "all" && load === "all");
  return rows.length === 0
    ? []
    : [`## ${title}`, `Against \`${subject}\`, over all places where both ran.`, renderMarkdown(formsTable(rows))];
}

function renderErrors(file: AgentsFile): readonly string[] {
  const table = errorsTable(file);
  return table === undefined
    ? []
    : [
        "## What errors of the estimates cost",
        "Against the same policy with exact estimates, over all places. Error: standard deviation of the logarithm of estimate over truth.",
        renderMarkdown(table),
      ];
}

function renderClusters(file: AgentsFile, times: readonly DecisionTimes[]): readonly string[] {
  const clusters = [...new Set(file.summary.map(({ cluster }) => cluster))];
  return clusters.flatMap((cluster) => {
    const places = placesOf(file).filter((place) => place.cluster === cluster);
    const compared = file.summary.some((row) => row.cluster === cluster && row.policy === subject);
    return [
      `## ${cluster}`,
      ...(compared ? (["req95", "req99"] as const).flatMap((measure) => renderMeasure(file, places, measure)) : []),
      ...places.filter((place) => isShownWhole(place, places)).map((place) => renderPlace(file, place, times)),
    ];
  });
}

function renderMeasure(
  file: AgentsFile,
  places: readonly AgentsPlace[],
  measure: "req95" | "req99",
): readonly string[] {
  const matrix = matrixTable(file, places, measure);
  return [
    `${measureNames[measure]}. The bound is a scale that no schedule undercuts.`,
    renderMarkdown(placesTable(file, places, measure)),
    ...(matrix.rows.length === 0
      ? []
      : [`${measureNames[measure]} of \`${subject}\` against each yardstick:`, renderMarkdown(matrix)]),
  ];
}

/** The mixed workload at its highest load, or the last there is; the result file has the others. */
function isShownWhole(place: AgentsPlace, places: readonly AgentsPlace[]): boolean {
  const mixed = places.filter(({ workload }) => workload === "mixed");
  return place === (mixed.length > 0 ? mixed : places).at(-1);
}

function renderPlace(file: AgentsFile, place: AgentsPlace, times: readonly DecisionTimes[]): string {
  const mode = modeOf(place);
  const own = times.filter((row) => row.cluster === place.cluster && row.mode === mode);
  const table = policiesTable(file.summary.filter(isAt(place)), own);
  return `All policies with ${place.workload} at load ${place.load}:\n\n${renderMarkdown(table)}`;
}

/** With exact estimates. */
function placesOf({ summary }: AgentsFile): readonly AgentsPlace[] {
  const places = summary
    .filter(({ error }) => error === 0)
    .map(({ cluster, workload, load, error }): AgentsPlace => ({ cluster, workload, load, error }));
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}

/** Of each workload its highest load, mixed first. */
function toPlots(file: AgentsFile): readonly Page[] {
  const places = placesOf(file);
  const workloads = [...new Set(places.map(({ workload }) => workload))];
  const order = [...workloads.filter((name) => name === "mixed"), ...workloads.filter((name) => name !== "mixed")];
  return order.map((workload, index): Page => {
    const own = places.filter((place) => place.workload === workload);
    const load = Math.max(...own.map((place) => place.load));
    const panels = own
      .filter((place) => place.load === load)
      .map((place) => ({ title: place.cluster, scales: scalesAt(file, place) }));
    const suffix = index === 0 ? "" : `-${workload}`;
    return {
      name: `${file.benchmark}${suffix}.svg`,
      text: plotAttainment(`${workload} at load ${load}: share of workflows on time, simulated`, panels),
    };
  });
}

/** Of policies that are drawn, or of whatever ran where none of them did: means over the seeds. */
function scalesAt(file: AgentsFile, place: AgentsPlace): ReadonlyMap<string, readonly number[]> {
  const cells = file.cells.filter(isAt(place));
  const ran = [...new Set(cells.map(({ policy }) => policy))];
  const shown = drawn.filter((name) => ran.includes(name));
  return new Map(
    (shown.length > 0 ? shown : ran.slice(0, 6)).map((policy) => {
      const own = cells.filter((cell) => cell.policy === policy);
      return [policy, attainedShares.map((_, index) => mean(own.map(({ scales }) => scales[index] ?? Infinity)))];
    }),
  );
}

/** For a terminal: what each policy reached at each place. */
export function renderAgentsTables(file: AgentsFile, width: number): string {
  const places = new Map(
    file.summary.map(({ cluster, workload, load, error }) => {
      const place: AgentsPlace = { cluster, workload, load, error };
      return [JSON.stringify(place), place];
    }),
  );
  return [...places.values()]
    .map((place) => {
      const rows = file.summary.filter(isAt(place));
      const { seeds = 0, workflows = 0 } = rows[0] ?? {};
      const size = `${seeds} seed${seeds === 1 ? "" : "s"}, ${workflows} workflows`;
      return `${place.cluster}, ${modeOf(place)}: ${size}\n${renderText(fitColumns(policiesTable(rows, []), width))}`;
    })
    .join("\n");
}
