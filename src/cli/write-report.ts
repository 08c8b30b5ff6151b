/** Writes a benchmark's report: the page and its plots, and the HTML file, for which two runs are looked at again. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Group } from "../experiment/bench/benchmark.ts";
import type { DecisionTimes } from "../experiment/bench/decision-times.ts";
import { renderHtml } from "../experiment/bench/html/render-html.ts";
import { seeRuns } from "../experiment/bench/html/see-runs.ts";
import { toShownParts, toShownSpecs } from "../experiment/bench/html/shown.ts";
import type { Presented } from "../experiment/bench/present.ts";
import { toPages, type Page, type Part } from "../experiment/bench/report-parts.ts";
import { createProgress } from "./progress-line.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { writeWhole } from "./write-whole.ts";

export const ganttOption = {
  name: "gantt",
  kind: "text",
  shows: "SEED",
  summary: "whose two runs the report shows over time; the first seed unless said; none to leave them out",
} as const;

/** A seed; undefined for the first one. */
export type Gantt = number | "none" | undefined;

export function parseGantt(said: string | undefined): Gantt {
  if (said === undefined || said === "none") return said;
  if (/^\d{1,15}$/.test(said)) return Number(said);
  throw new UsageError(`--gantt: found ${JSON.stringify(said)}, expected a seed, or none`);
}

type Wanted = {
  readonly groups: readonly Group[];
  /** Where graphs come from here and now. */
  readonly data: string;
  readonly gantt: Gantt;
  /** Of the package, and a hash of the code that decides cells. */
  readonly version: string;
  readonly out: string;
  readonly presented: Presented;
  readonly times: readonly DecisionTimes[];
};

/** The paths of what it wrote; the terminal is told each as soon as it is there. */
export async function writeReport(
  wanted: Wanted,
  workers: number | undefined,
  terminal: Terminal,
): Promise<readonly string[]> {
  const { out, presented, times } = wanted;
  const report = presented.report(times);
  const pages = writePages(out, toPages(report), terminal);
  const seen = await lookAtRuns(wanted, workers, terminal);
  const html = renderHtml(report, presented.policies, [...presented.bounds, ...seen]);
  return [...pages, ...writePages(out, [{ name: `${report.name}.html`, text: html }], terminal)];
}

export function writePages(out: string, pages: readonly Page[], terminal: Terminal): readonly string[] {
  mkdirSync(out, { recursive: true });
  return pages.map(({ name, text }) => {
    const path = join(out, name);
    writeWhole(path, text);
    terminal.note(`wrote ${path}`);
    return path;
  });
}

/** Nothing where there is nothing to compare; the terminal is told why. */
async function lookAtRuns(
  { groups, data, gantt, presented, version }: Wanted,
  workers: number | undefined,
  terminal: Terminal,
): Promise<readonly Part[]> {
  if (gantt === "none") return [];
  const shown = presented.shown(gantt);
  if (shown === undefined) return [];
  const specs = presented.about.data === data ? toShownSpecs(groups, shown) : [];
  if (specs.length === 0) {
    terminal.note(`the report shows no runs over time: ${shown.policies.join(" and ")} cannot run here as they did`);
    return [];
  }
  const progress = createProgress(terminal);
  try {
    const runs = await seeRuns(specs, {
      workers: Math.min(workers ?? specs.length, specs.length),
      signal: terminal.signal,
      onProgress: ({ doneShare, cells }) => progress(doneShare / cells, "runs for the report"),
    });
    return toShownParts(presented.about.benchmark, { shown, runs, version, agrees: presented.agrees });
  } finally {
    terminal.endProgress();
  }
}
