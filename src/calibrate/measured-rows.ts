/** End-to-end measurements of serving engines, in the columns of aiconfigurator's silicon tables. */

import { InputError, showFound } from "../trace/input-error.ts";
import { parseCsv, readCsv, type CsvRow } from "./csv.ts";

export type MeasuredRow = {
  readonly id: string;
  readonly line: number;
  readonly protocol: ProtocolKind;
  readonly modelPath: string;
  readonly system: string;
  readonly gemmType: string;
  readonly expertType: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Requests under way at once on one engine. */
  readonly concurrency: number;
  readonly tensorParallel: number;
  readonly dataParallel: number;
  readonly pipelineParallel: number;
  readonly mode: string;
  readonly firstTokenMs: number;
  readonly perTokenMs: number;
};

/**
 * How a row was measured, which no column states; `pickProtocol` guesses it from the row's origin.
 * `spread`: lengths uniform in [0.8, 1] of the nominal ones, iterations of 8,192 tokens. `fixed`: nominal lengths, iterations
 * of 2,048 tokens. `node`: lengths spread, 2,048 tokens, and the stated concurrency shared by all engines of a node.
 */
export type ProtocolKind = "spread" | "fixed" | "node";

const columns = [
  "id",
  "silicon_data_source",
  "backend_version",
  "model_path",
  "system",
  "mode",
  "isl",
  "osl",
  "gemm_quant_mode",
  "moe_quant_mode",
  "batch_size",
  "tp_size",
  "pp_size",
  "attention_dp_size",
  "silicon_ttft_ms",
  "silicon_tpot_ms",
];

const gpusPerNode = 8;

export function readMeasuredRows(file: string): readonly MeasuredRow[] {
  return readCsv(file, columns).map((row) => toMeasuredRow(file, row));
}

export function parseMeasuredRows(file: string, text: string): readonly MeasuredRow[] {
  return parseCsv(file, text, columns).map((row) => toMeasuredRow(file, row));
}

function toMeasuredRow(file: string, row: CsvRow): MeasuredRow {
  const whole = (column: string, most: number): number => {
    const value = row.number(column, 1);
    if (Number.isInteger(value) && value <= most) return value;
    throw new InputError(
      file,
      `line ${row.line}, ${column}`,
      showFound(row.text(column)),
      `a whole number up to ${most}`,
    );
  };
  const optional = (column: string, most: number): number =>
    row.text(column) === "" || row.text(column) === "0" ? 1 : whole(column, most);
  const positive = (column: string): number => row.number(column, Number.MIN_VALUE);
  const tensorParallel = whole("tp_size", 64);
  const dataParallel = optional("attention_dp_size", 512);
  const protocol = pickProtocol(row);
  const engines = protocol === "node" ? Math.max(1, gpusPerNode / (tensorParallel * dataParallel)) : 1;
  const modelPath = row.text("model_path");
  if (modelPath === "") throw new InputError(file, `line ${row.line}, model_path`, "nothing", "the name of a model");
  return {
    id: row.text("id"),
    line: row.line,
    protocol,
    modelPath,
    system: row.text("system"),
    gemmType: row.text("gemm_quant_mode"),
    expertType: row.text("moe_quant_mode"),
    promptTokens: whole("isl", 1_000_000),
    outputTokens: whole("osl", 1_000_000),
    concurrency: Math.max(1, Math.round(whole("batch_size", 4096) / engines)),
    tensorParallel,
    dataParallel,
    pipelineParallel: optional("pp_size", 64),
    mode: row.text("mode"),
    firstTokenMs: positive("silicon_ttft_ms"),
    perTokenMs: positive("silicon_tpot_ms"),
  };
}

function pickProtocol(row: CsvRow): ProtocolKind {
  if (row.text("silicon_data_source").includes("gtl_job_id")) return "node";
  if (/^\d{4}_\d{2}_\d{2}_/.test(row.text("id")) || row.text("backend_version") === "") return "spread";
  return "fixed";
}
