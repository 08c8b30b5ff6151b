/** The page of the benchmark `agents`, and its plots. Everything but plan times comes from the result file. */

import { mean } from "../../../measure/statistics.ts";
import { fitColumns, renderText } from "../../table.ts";
import type { DecisionTimes } from "../decision-times.ts";
import { heading, plot, table, text, type Part, type Report } from "../report-parts.ts";
import { plotIntervals, type IntervalRow } from "../plot-intervals.ts";
import { measures, type Contrast } from "./contrast.ts";
import { errorsTable } from "./errors.ts";
import { attainedShares, type AgentsFile } from "./file.ts";
import { modeOf, type AgentsPlace } from "./groups.ts";
import { plotAttainment } from "./plot-attainment.ts";
import { drawn, isAblation, isBeyond, placements, subject } from "./policies.ts";
import {
  formsTable,
  isAt,
  matrixTable,
  measureNames,
  overallTable,
  placesTable,
  policiesTable,
  rowsAt,
} from "./tables.ts";

export function toAgentsReport(file: AgentsFile, times: readonly DecisionTimes[]): Report {
  return {
    name: file.benchmark,
    head: {
      words: intro,
      command: file.command,
      facts: `Seeds ${file.seeds.join(", ")}. Code ${file.version}.`,
    },
    overview: [
      ...placements.flatMap((placement) => toOverallParts(file, `strongest${placement}`)),
      ...toForms(file, "What each part is worth: without it", "parts", isAblation),
      ...toForms(file, "Beyond the source", "beyond", isBeyond),
      ...toErrors(file),
      heading("On time by SLO scale"),
      ...toPlots(file),
    ],
    details: toClusters(file, times),
  };
}

const intro = `Agents' workflows, revealed as they go, on clusters whose engines batch. All times are simulated, but for those of plans. Req95
and Req99 are the SLO scales at which 95% and 99% of workflows are on time: order statistics of latency over standalone latency.
Less is better. Differences are relative and paired by seed, ± half of a 95% interval; one whose interval holds 0 is a tie.`;

function toOverallParts({ overall }: AgentsFile, rival: string): readonly Part[] {
  const rows = overall.filter((row) => row.policy === subject && row.rival === rival);
  if (rows.length === 0) return [];
  return [
    heading(`${subject} against the strongest yardstick ${rival.slice("strongest".length)}`),
    text(
      "At each place, and for each measure anew, against the yardstick whose mean over the seeds is least there. Workloads: on clusters that are not uniform.",
    ),
    table(overallTable(rows)),
  ];
}

function toForms(
  { benchmark, overall }: AgentsFile,
  title: string,
  suffix: string,
  isOne: (name: string) => boolean,
): readonly Part[] {
  const rows = overall.filter(({ policy, scope, load }) => isOne(policy) && scope === "all" && load === "all");
  if (rows.length === 0) return [];
  const drawing = plotIntervals({
    title: `${benchmark}: over all places, simulated`,
    axis: `% more than ${subject}`,
    series: measures.map((measure) => measureNames[measure]),
    rows: rows.map((row) => ({ name: row.policy, values: measures.map((measure) => toPercent(row[measure])) })),
    even: 0,
  });
  return [
    heading(title),
    text(["Against ", { code: subject }, ", over all places where both ran."]),
    table(formsTable(rows)),
    plot(`${benchmark}-${suffix}.svg`, title, drawing),
  ];
}

function toPercent({ difference, ci95 }: Contrast): IntervalRow["values"][number] {
  if (difference === null) return undefined;
  return { mean: difference * 100, ci95: ci95 === null ? null : [ci95[0] * 100, ci95[1] * 100] };
}

function toErrors(file: AgentsFile): readonly Part[] {
  const content = errorsTable(file);
  return content === undefined
    ? []
    : [
        heading("What errors of the estimates cost"),
        text(
          "Against the same policy with exact estimates, over all places. Error: standard deviation of the logarithm of estimate over truth.",
        ),
        table(content),
      ];
}

function toClusters(file: AgentsFile, times: readonly DecisionTimes[]): readonly Part[] {
  const clusters = [...new Set(file.summary.map(({ cluster }) => cluster))];
  return clusters.flatMap((cluster) => {
    const places = placesOf(file).filter((place) => place.cluster === cluster);
    const compared = file.summary.some((row) => row.cluster === cluster && row.policy === subject);
    return [
      heading(cluster),
      ...(compared ? (["req95", "req99"] as const).flatMap((measure) => toMeasure(file, places, measure)) : []),
      ...places.filter((place) => isShownWhole(place, places)).flatMap((place) => toPlace(file, place, times)),
    ];
  });
}

function toMeasure(file: AgentsFile, places: readonly AgentsPlace[], measure: "req95" | "req99"): readonly Part[] {
  const matrix = matrixTable(file, places, measure);
  return [
    text(`${measureNames[measure]}. The bound is a scale that no schedule undercuts.`),
    table(placesTable(file, places, measure)),
    ...(matrix.rows.length === 0
      ? []
      : [text([`${measureNames[measure]} of `, { code: subject }, " against each yardstick:"]), table(matrix)]),
  ];
}

/** The mixed workload at its highest load, or the last there is; the result file has the others. */
function isShownWhole(place: AgentsPlace, places: readonly AgentsPlace[]): boolean {
  const mixed = places.filter(({ workload }) => workload === "mixed");
  return place === (mixed.length > 0 ? mixed : places).at(-1);
}

function toPlace(file: AgentsFile, place: AgentsPlace, times: readonly DecisionTimes[]): readonly Part[] {
  const mode = modeOf(place);
  const rows = rowsAt(file, place);
  const own = times.filter((row) => row.cluster === place.cluster && row.mode === mode);
  return [
    text(`All policies with ${place.workload} at load ${place.load}:`),
    table(policiesTable(rows, own), {
      heading: "Req95, 95% interval",
      even: 1,
      values: rows.map(({ req95, req95Ci95 }) => (req95 === null ? undefined : { mean: req95, ci95: req95Ci95 })),
    }),
  ];
}

/** With exact estimates. */
function placesOf({ summary }: AgentsFile): readonly AgentsPlace[] {
  const places = summary
    .filter(({ error }) => error === 0)
    .map(({ cluster, workload, load, error }): AgentsPlace => ({ cluster, workload, load, error }));
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}

/** Of each workload its highest load, mixed first. */
function toPlots(file: AgentsFile): readonly Part[] {
  const places = placesOf(file);
  const workloads = [...new Set(places.map(({ workload }) => workload))];
  const order = [...workloads.filter((name) => name === "mixed"), ...workloads.filter((name) => name !== "mixed")];
  return order.map((workload, index): Part => {
    const own = places.filter((place) => place.workload === workload);
    const load = Math.max(...own.map((place) => place.load));
    const panels = own
      .filter((place) => place.load === load)
      .map((place) => ({ title: place.cluster, scales: scalesAt(file, place) }));
    const suffix = index === 0 ? "" : `-${workload}`;
    const title = `${workload} at load ${load}: share of workflows on time, simulated`;
    const about = "Share of workflows on time by SLO scale";
    return plot(`${file.benchmark}${suffix}.svg`, about, plotAttainment(title, panels));
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
      const rows = rowsAt(file, place);
      const { seeds = 0, workflows = 0 } = rows[0] ?? {};
      const size = `${seeds} seed${seeds === 1 ? "" : "s"}, ${workflows} workflows`;
      return `${place.cluster}, ${modeOf(place)}: ${size}\n${renderText(fitColumns(policiesTable(rows, []), width))}`;
    })
    .join("\n");
}
