/** What a benchmark writes and shows: its result file, its report, and tables for a terminal. */

import { parseJson } from "../../trace/parse-text.ts";
import { parseAs } from "../../trace/shape.ts";
import type { CellResult } from "../cell.ts";
import { toAgentsBoundsParts } from "./agents/bounds-parts.ts";
import { renderAgentsFile, toAgentsFile, toScales, type AgentsFile } from "./agents/file.ts";
import { renderAgentsTables, toAgentsReport } from "./agents/report.ts";
import { pickAgentsShown } from "./agents/shown.ts";
import { modeOf } from "./agents/groups.ts";
import { renderBenchFile, toBenchFile, type About, type BenchFile } from "./bench-file.ts";
import type { Benchmark } from "./benchmark.ts";
import { toBoundsParts } from "./bounds-parts.ts";
import type { DecisionTimes } from "./decision-times.ts";
import { agentsShape, benchShape, timesShape } from "./html/result-shapes.ts";
import { pickShown, type Shown } from "./html/shown.ts";
import { renderTables, toReport } from "./report.ts";
import type { Part, Report } from "./report-parts.ts";
import type { BenchResult } from "./run-bench.ts";

export type Presented = {
  readonly about: About;
  readonly seeds: readonly number[];
  readonly policies: Readonly<Record<string, string>>;
  /** The result file. */
  readonly json: () => string;
  readonly report: (times: readonly DecisionTimes[]) => Report;
  readonly bounds: readonly Part[];
  readonly tables: (width: number) => string;
  /** Which runs to look at, with this seed if it ran there; nothing if nothing can be compared. */
  readonly shown: (seed?: number) => Shown | undefined;
  /** Whether a run of `shown` came out as the result file has it. */
  readonly agrees: (shown: Shown, result: CellResult) => boolean;
};

export function present(about: About, benchmark: Benchmark, results: readonly BenchResult[]): Presented {
  return benchmark.report === "agents"
    ? presentAgents(toAgentsFile(about, results), benchmark)
    : presentLatencies(toBenchFile(about, results), benchmark);
}

/** From a result file; throws an `InputError` where it is none. */
export function presentFile(text: string, file: string, benchmark: Benchmark): Presented {
  const value = parseJson(text, file);
  return benchmark.report === "agents"
    ? presentAgents({ ...parseAs(agentsShape, value, file), time: "simulated" }, benchmark)
    : presentLatencies({ ...parseAs(benchShape, value, file), time: "simulated" }, benchmark);
}

export function parseDecisionTimes(text: string, file: string): readonly DecisionTimes[] {
  return parseAs(timesShape, parseJson(text, file), file).decisionTimes;
}

function presentLatencies(file: BenchFile, { report: layout, summary, shown: wanted }: Benchmark): Presented {
  return {
    about: file,
    seeds: file.seeds,
    policies: file.policies,
    json: () => renderBenchFile(file),
    report: (times) => toReport(file, { report: layout === "agents" ? "policies" : layout, summary }, times),
    bounds: toBoundsParts(file),
    tables: (width) => renderTables(file, width),
    shown: (seed) => pickShown(file, wanted, seed),
    agrees: ({ cluster, mode, seed }, { spec, latenciesUs }) => {
      const cell = file.cells.find(
        (own) => own.cluster === cluster && own.mode === mode && own.seed === seed && own.policy === spec.policy,
      );
      return String(cell?.latenciesUs) === String(latenciesUs);
    },
  };
}

function presentAgents(file: AgentsFile, { shown: wanted }: Benchmark): Presented {
  return {
    about: file,
    seeds: file.seeds,
    policies: file.policies,
    json: () => renderAgentsFile(file),
    report: (times) => toAgentsReport(file, times),
    bounds: toAgentsBoundsParts(file),
    tables: (width) => renderAgentsTables(file, width),
    shown: (seed) => pickAgentsShown(file, wanted, seed),
    agrees: ({ cluster, mode, seed }, { spec, ratios = [] }) => {
      const cell = file.cells.find(
        (own) => own.cluster === cluster && modeOf(own) === mode && own.seed === seed && own.policy === spec.policy,
      );
      return String(cell?.scales) === String(toScales(ratios));
    },
  };
}
