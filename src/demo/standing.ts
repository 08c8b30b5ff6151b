/** How one policy fares with the demo's workload: a line of the table, while it runs and at the end, and the verdict in a sentence. */

import type { Table } from "../experiment/table.ts";
import { durationsUpTo, showCount, showDuration } from "../experiment/format.ts";
import { summarise } from "../measure/statistics.ts";
import type { WorkflowId } from "../model/workflow.ts";
import type { Figures } from "./figures.ts";

export type Standing = {
  readonly policy: string;
  readonly workflows: number;
  readonly ended: number;
  /** Of the workflows that have ended. */
  readonly meanUs: number;
  readonly p95Us: number;
  /** From the first call to the last answer. */
  readonly spanUs: number;
  readonly loads: number;
  readonly loadUs: number;
  readonly recomputedTokens: number;
  readonly waiting: number;
  readonly longestWaitUs: number;
};

/** `ended`: whose agents have their last answer. */
export function toStanding(
  policy: string,
  workflows: number,
  figures: Figures,
  ended: readonly WorkflowId[],
): Standing {
  const over = new Set(ended.map((id) => `/${id}`));
  const isOver = (workflow: string): boolean => over.has(workflow.slice(workflow.indexOf("/")));
  const times = figures.spans.filter(({ workflow }) => isOver(workflow)).map(({ startUs, endUs }) => endUs - startUs);
  const { mean, p95 } = summarise(times);
  const starts = figures.spans.map(({ startUs }) => startUs);
  const ends = figures.spans.map(({ endUs }) => endUs);
  return {
    policy,
    workflows,
    ended: ended.length,
    meanUs: mean,
    p95Us: p95,
    spanUs: starts.length === 0 ? 0 : Math.max(...ends) - Math.min(...starts),
    loads: figures.loads,
    loadUs: figures.loadUs,
    recomputedTokens: figures.recomputedTokens,
    waiting: figures.waiting,
    longestWaitUs: Math.max(0, ...figures.waitsUs),
  };
}

export function toTable(standings: readonly Standing[]): Table {
  const times = durationsUpTo(Math.max(0, ...standings.map(({ p95Us }) => p95Us)));
  const lost = durationsUpTo(Math.max(0, ...standings.map(({ loadUs }) => loadUs)));
  const unlessNone = ({ ended }: Standing, text: string): string => (ended === 0 ? "" : text);
  return {
    columns: [
      column("policy", "left"),
      column("workflows done"),
      column("mean time"),
      column("P95 time"),
      column("model loads"),
      column("lost to them"),
      column("tokens recomputed"),
      column("calls waiting"),
    ],
    rows: standings.map((standing) => [
      standing.policy,
      `${standing.ended} of ${standing.workflows}`,
      unlessNone(standing, times(standing.meanUs)),
      unlessNone(standing, times(standing.p95Us)),
      showCount(standing.loads),
      lost(standing.loadUs),
      showCount(standing.recomputedTokens),
      showCount(standing.waiting),
    ]),
  };
}

function column(heading: string, align: "left" | "right" = "right"): Table["columns"][number] {
  return { heading, align };
}

/** One line for a log. */
export function describe({ policy, ended, workflows, meanUs, loads, waiting }: Standing): string {
  const mean = ended === 0 ? "" : `, ${showDuration(meanUs)} on average`;
  return `${policy}: ${ended} of ${workflows} workflows${mean}; ${loads} loads, ${waiting} calls waiting`;
}

/** How the last policy compares with the first. */
export function renderVerdict(standings: readonly Standing[]): string {
  const first = standings[0];
  const last = standings.at(-1);
  if (first === undefined || last === undefined || first === last) return "";
  return (
    `Under ${last.policy} a workflow takes ${ratio(last.meanUs, first.meanUs)} of its time under ${first.policy} ` +
    `(P95 ${ratio(last.p95Us, first.p95Us)}), with ${ratio(last.loadUs, first.loadUs)} of the time lost to model loads ` +
    `and ${ratio(last.recomputedTokens, first.recomputedTokens)} of the tokens recomputed.`
  );
}

function ratio(own: number, other: number): string {
  if (own === other) return "100%";
  return other === 0 ? "more" : `${((own / other) * 100).toFixed(0)}%`;
}
