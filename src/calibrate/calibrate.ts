/**
 * `fate calibrate`: fits the cost model on measured data and writes the calibration that Fate ships, with its errors;
 * with `check`, holds the shipped calibration against the rows of a file and fits nothing.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gpuKinds } from "../catalogue/gpus.ts";
import type { Calibration } from "../cost/calibration.ts";
import { shippedCalibration } from "../cost/shipped-calibration.ts";
import { InputError } from "../trace/input-error.ts";
import { crossValidate } from "./cross-validate.ts";
import { compareRows } from "./errors.ts";
import { fitCalibration, type Tables } from "./fit.ts";
import { readMeasuredRows } from "./measured-rows.ts";
import { readOperatorShares, type OperatorShares } from "./operator-tables.ts";
import { compareOtherStacks } from "./other-stacks.ts";
import { plotComparisons } from "./plot.ts";
import { showReport, toReport, type Report } from "./report.ts";
import { setUpRow, type RowSetup } from "./row-setup.ts";

export type CalibrateOptions = {
  /** The folder that holds `aiconfigurator/`. */
  readonly data: string;
  /** Folder of the project to write to: `src/cost/shipped-calibration.json` and `docs/results/calibration.*`. Absent: nothing is written. */
  readonly out?: string;
  /** A file of measured rows to check the shipped calibration against, instead of fitting. */
  readonly check?: string;
  readonly onProgress?: (text: string) => void;
};

export type Calibrated = {
  readonly calibration: Calibration;
  readonly report: Report;
  /** The report as Markdown, to print. */
  readonly text: string;
};

const measuredFile = "measured_ttft_tpot_h100_vllm.csv.gz";
const tableFolders = { "a100-80g": "a100_sxm", "h100-80g": "h100_sxm", "h200-141g": "h200_sxm" } as const;

const sources = [
  "github.com/ai-dynamo/aiconfigurator @095f58a51 (Apache-2.0): operator latencies of vLLM on A100, H100 and H200 SXM: shares of FLOP/s and bandwidth, all-reduce, experts.",
  "The same: end-to-end times of Qwen3-32B and Llama-3.1-70B fp8 on H100 SXM, vLLM: what a server adds, and its share of what operators reach.",
  "generic: geometric mean of the three GPU kinds, for kinds without tables of their own.",
];

export function calibrate(options: CalibrateOptions): Calibrated {
  return options.check === undefined ? fitAndReport(options) : checkShipped(options.check, shippedCalibration);
}

function fitAndReport({ data, out, onProgress }: CalibrateOptions): Calibrated {
  const folder = join(data, "aiconfigurator");
  const tables = readTables(folder);
  onProgress?.(`read operator tables of ${Object.keys(tables).join(", ")}`);
  const rows = readMeasuredRows(join(folder, measuredFile));
  // Rows whose concurrency is shared by a node are too few to settle how they were measured: reported, not fitted.
  const fitted = rows
    .filter(({ protocol }) => protocol !== "node")
    .map(setUpRow)
    .filter((setup): setup is RowSetup => !("reason" in setup));
  const calibration = fitCalibration({
    rows: fitted,
    tables,
    sources,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  onProgress?.("cross-validating");
  const comparisons = compareRows(rows, calibration);
  const report = toReport(
    "fate calibrate",
    `aiconfigurator/${measuredFile}`,
    comparisons,
    crossValidate(fitted, tables),
    compareOtherStacks(data, calibration),
  );
  const text = showReport(report);
  if (out !== undefined) {
    write(join(out, "src/cost/shipped-calibration.json"), toJson(calibration));
    write(join(out, "docs/results/calibration.json"), toJson(report));
    write(join(out, "docs/results/calibration.md"), text);
    write(join(out, "docs/results/calibration.svg"), plotComparisons(comparisons.compared));
  }
  return { calibration, report, text };
}

function checkShipped(file: string, calibration: Calibration): Calibrated {
  const comparisons = compareRows(readMeasuredRows(file), calibration);
  const report = toReport("fate calibrate --check", file.split("/").at(-1) ?? file, comparisons);
  return { calibration, report, text: showReport(report) };
}

function readTables(folder: string): Tables {
  const tables: Record<string, OperatorShares> = {};
  for (const [id, name] of Object.entries(tableFolders)) {
    const gpu = gpuKinds.find((kind) => kind.id === id);
    const shares = gpu === undefined ? undefined : readOperatorShares(join(folder, name), gpu);
    if (shares !== undefined) tables[id] = shares;
  }
  if (Object.keys(tables).length === 0) {
    throw new InputError(
      folder,
      "",
      "no operator tables",
      `folders such as ${tableFolders["h100-80g"]} with *_perf.csv.gz`,
    );
  }
  return tables;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
