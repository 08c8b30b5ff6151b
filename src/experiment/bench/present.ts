/** What a benchmark writes and shows: its result file, its pages, and tables for a terminal. */

import { renderAgentsReport, renderAgentsTables } from "./agents/report.ts";
import { renderAgentsFile, toAgentsFile } from "./agents/file.ts";
import { renderBenchFile, toBenchFile, type About } from "./bench-file.ts";
import type { Benchmark } from "./benchmark.ts";
import type { DecisionTimes } from "./decision-times.ts";
import type { Page } from "./overviews.ts";
import { renderReport, renderTables } from "./report.ts";
import type { BenchResult } from "./run-bench.ts";

export type Presented = {
  /** The result file. */
  readonly json: string;
  readonly pages: (times: readonly DecisionTimes[]) => readonly Page[];
  readonly tables: (width: number) => string;
};

export function present(about: About, benchmark: Benchmark, results: readonly BenchResult[]): Presented {
  if (benchmark.report === "agents") {
    const file = toAgentsFile(about, results);
    return {
      json: renderAgentsFile(file),
      pages: (times) => renderAgentsReport(file, times),
      tables: (width) => renderAgentsTables(file, width),
    };
  }
  const file = toBenchFile(about, results);
  const { report, summary } = benchmark;
  return {
    json: renderBenchFile(file),
    pages: (times) => renderReport(file, { report, summary }, times),
    tables: (width) => renderTables(file, width),
  };
}
