/** Tables of the benchmark `agents`. */

import { showDifference } from "../../format.ts";
import type { Table } from "../../table.ts";
import type { DecisionTimes } from "../decision-times.ts";
import { showPaired } from "../show.ts";
import { measures, type Contrast, type Measure } from "./contrast.ts";
import type { AgentsFile, AgentsSummary } from "./file.ts";
import type { AgentsPlace } from "./groups.ts";
import type { OverallRow } from "./overall.ts";
import { isYardstick, placements, subject, switchesRoles, type Placement } from "./policies.ts";

type Column = Table["columns"][number];
const left = (heading: string): Column => ({ heading, align: "left" });
const right = (heading: string): Column => ({ heading, align: "right" });

export const measureNames = { req95: "Req95", req99: "Req99", mean: "mean" } as const satisfies Record<Measure, string>;

/** A difference, and `tie` where it is none. */
export function showContrast({ difference, ci95, verdict }: Contrast): string {
  if (difference === null) return "never on time";
  return `${showPaired(difference, ci95)}${verdict === "tie" ? " tie" : ""}`;
}

function showScale(value: number | null): string {
  return value === null ? "never" : value.toFixed(2);
}

export function overallTable(rows: readonly OverallRow[]): Table {
  return {
    columns: [
      left("where"),
      left("load"),
      right("places"),
      ...measures.flatMap((measure) => [right(measureNames[measure]), right("worst")]),
    ],
    rows: rows.map((row) => [
      row.scope,
      String(row.load),
      String(row.places),
      ...measures.flatMap((measure) => [showContrast(row[measure]), showWorst(row[measure])]),
    ]),
  };
}

function showWorst({ worst, worstAt }: OverallRow[Measure]): string {
  return `${worst === null ? "never on time" : showDifference(worst)} (${worstAt})`;
}

/** A row a form of the subject, over all its places. */
export function formsTable(rows: readonly OverallRow[]): Table {
  return {
    columns: [
      left("policy"),
      right("places"),
      ...measures.flatMap((measure) => [right(measureNames[measure]), right("worst")]),
    ],
    rows: rows.map((row) => [
      row.policy,
      String(row.places),
      ...measures.flatMap((measure) => [showContrast(row[measure]), showWorst(row[measure])]),
    ]),
  };
}

/** A row a workload and load of one cluster. */
export function placesTable(file: AgentsFile, places: readonly AgentsPlace[], measure: "req95" | "req99"): Table {
  return {
    columns: [
      left("workload"),
      right("load"),
      right(subject),
      right("bound"),
      ...placements.flatMap((placement) => [left(`strongest ${placement}`), right(""), right("difference")]),
    ],
    rows: places.map((place) => {
      const rows = file.summary.filter(isAt(place));
      const own = rows.find(({ policy }) => policy === subject);
      return [
        place.workload,
        String(place.load),
        showScale(own?.[measure] ?? null),
        showScale(boundOf(own, measure)),
        ...placements.flatMap((placement) => showStrongest(file, place, rows, measure, placement)),
      ];
    }),
  };
}

function showStrongest(
  file: AgentsFile,
  place: AgentsPlace,
  rows: readonly AgentsSummary[],
  measure: Measure,
  placement: Placement,
): readonly string[] {
  const rivals = rows.filter(({ policy }) => isYardstick(policy) && policy.endsWith(placement));
  const [strongest] = rivals.toSorted((one, other) => (one[measure] ?? Infinity) - (other[measure] ?? Infinity));
  if (strongest === undefined) return ["", "", ""];
  const pair = file.paired.find((row) => isAt(place)(row) && row.policy === subject && row.rival === strongest.policy);
  return [
    strongest.policy.slice(0, -placement.length),
    showScale(strongest[measure]),
    pair === undefined ? "" : showContrast(pair[measure]),
  ];
}

/** What no schedule undercuts, on average over the seeds. */
export function boundOf(row: AgentsSummary | undefined, measure: "req95" | "req99"): number {
  const name = measure === "req95" ? "boundReq95" : "boundReq99";
  const roles = row !== undefined && switchesRoles(row.policy) ? "WithRoles" : "";
  return row?.metrics[`${name}${roles}`] ?? 0;
}

/** The subject against each yardstick: a row each, a column a place of one cluster. */
export function matrixTable(file: AgentsFile, places: readonly AgentsPlace[], measure: Measure): Table {
  const pairs = places.map((place) => file.paired.filter((row) => isAt(place)(row) && row.policy === subject));
  const rivals = [...new Set(pairs.flat().map(({ rival }) => rival))].filter(isYardstick);
  return {
    columns: [left("against"), ...places.map(({ workload, load }) => right(`${workload} ${load}`))],
    rows: rivals.map((rival) => [
      rival,
      ...pairs.map((rows) => {
        const pair = rows.find((row) => row.rival === rival);
        return pair === undefined ? "" : showBriefly(pair[measure]);
      }),
    ]),
  };
}

function showBriefly({ difference, verdict }: Contrast): string {
  if (difference === null) return "never on time";
  return verdict === "tie" ? `tie (${showDifference(difference)})` : showDifference(difference);
}

type PolicyColumn = readonly [heading: string, show: (row: AgentsSummary) => string];

/** Those at one place, the least Req95 first. */
export function rowsAt(file: AgentsFile, place: AgentsPlace): readonly AgentsSummary[] {
  return file.summary.filter(isAt(place)).toSorted((one, other) => (one.req95 ?? Infinity) - (other.req95 ?? Infinity));
}

/** What each policy reached at one place. */
export function policiesTable(rows: readonly AgentsSummary[], times: readonly DecisionTimes[]): Table {
  const fair = rows.some(({ metrics }) => metrics["fairness"] !== undefined);
  const gaveUp = rows.some(({ abandoned }) => abandoned > 0);
  const columns: readonly PolicyColumn[] = [
    ...scaleColumns,
    ...(fair ? [fairness] : []),
    ...mechanismColumns,
    ...(times.length > 0 ? timeColumns(times) : []),
    ...(gaveUp ? [abandoned] : []),
  ];
  return {
    columns: [left("policy"), ...columns.map(([heading]) => right(heading))],
    rows: rows.map((row) => [row.policy, ...columns.map(([, show]) => show(row))]),
  };
}

const scaleColumns: readonly PolicyColumn[] = [
  ["Req95", ({ req95 }) => showScale(req95)],
  ["Req99", ({ req99 }) => showScale(req99)],
  ["max", ({ max }) => showScale(max)],
  ["mean", ({ mean }) => showScale(mean)],
];

const fairness: PolicyColumn = ["fairness", (row) => showScale(row.metrics["fairness"] ?? null)];
const abandoned: PolicyColumn = ["abandoned", (row) => String(row.abandoned)];

const mechanismColumns: readonly PolicyColumn[] = [
  ["KV mean", (row) => showPart(row, "kvMeanShare")],
  ["KV peak", (row) => showPart(row, "kvPeakShare")],
  ["KV waits", ({ metrics }) => showMilliseconds(metrics["kvTransferWaitUs"] ?? 0, metrics["kvTransfers"] ?? 0)],
  ["cached", (row) => showPart(row, "cachedShare")],
  ["busy", (row) => showPart(row, "utilisation")],
];

function timeColumns(times: readonly DecisionTimes[]): readonly PolicyColumn[] {
  const byPolicy = new Map(times.map((time) => [time.policy, time]));
  return [
    ["plan ms", ({ policy }) => (byPolicy.get(policy)?.meanMs ?? 0).toFixed(3)],
    ["p99 ms", ({ policy }) => (byPolicy.get(policy)?.p99Ms ?? 0).toFixed(2)],
  ];
}

function showPart({ metrics }: AgentsSummary, name: string): string {
  return `${(100 * (metrics[name] ?? 0)).toFixed(0)}%`;
}

/** For each. */
function showMilliseconds(us: number, count: number): string {
  return `${(us / Math.max(1, count) / 1000).toFixed(1)} ms`;
}

export function isAt({ cluster, workload, load, error }: AgentsPlace): (row: AgentsPlace) => boolean {
  return (row) => row.cluster === cluster && row.workload === workload && row.load === load && row.error === error;
}
