/** How far the calibration is from what was measured: as data, as tables, as a plot. */

import { groupErrors, toErrors, type Comparison, type Comparisons, type Errors } from "./errors.ts";
import type { CrossValidation } from "./cross-validate.ts";
import type { StackRatio } from "./other-stacks.ts";

export type Report = {
  readonly command: string;
  readonly source: string;
  readonly overall: Errors;
  readonly byModel: readonly Grouped[];
  readonly byTensorParallel: readonly Grouped[];
  readonly byConcurrency: readonly Grouped[];
  readonly crossValidation: readonly CrossValidation[];
  readonly otherStacks: readonly StackRatio[];
  readonly rows: readonly ReportRow[];
  readonly unmodelled: readonly { readonly line: number; readonly id: string; readonly reason: string }[];
};

type Grouped = Errors & { readonly group: string };

type ReportRow = {
  readonly line: number;
  readonly model: string;
  readonly gpu: string;
  readonly protocol: string;
  readonly tensorParallel: number;
  readonly concurrency: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly measured: { readonly firstTokenMs: number; readonly perTokenMs: number };
  readonly modelled: { readonly firstTokenMs: number; readonly perTokenMs: number };
};

export function toReport(
  command: string,
  source: string,
  { compared, unmodelled }: Comparisons,
  crossValidation: readonly CrossValidation[] = [],
  otherStacks: readonly StackRatio[] = [],
): Report {
  const byNumber = (numberOf: (comparison: Comparison) => number, name: string): readonly Grouped[] =>
    groupErrors(
      [...compared].sort((left, right) => numberOf(left) - numberOf(right)),
      (comparison) => `${comparison.model}, ${name} ${numberOf(comparison)}`,
    ).toSorted((left, right) => compareText(left.group.split(",")[0] ?? "", right.group.split(",")[0] ?? ""));
  return {
    command,
    source,
    overall: toErrors(compared),
    byModel: groupErrors(compared, ({ model, gpu }) => `${model} on ${gpu}`),
    byTensorParallel: byNumber(({ row }) => row.tensorParallel, "tensor parallel"),
    byConcurrency: byNumber(({ row }) => row.concurrency, "concurrency"),
    crossValidation,
    otherStacks,
    rows: compared.map(toReportRow),
    unmodelled: unmodelled.map(({ row, reason }) => ({ line: row.line, id: row.id, reason })),
  };
}

/** As Markdown: all tables have the same columns. */
export function showReport(report: Report): string {
  const sections = [
    showTable("All rows", [{ group: "all", ...report.overall }]),
    showTable("By model and GPU kind", report.byModel),
    showTable("By tensor parallelism", report.byTensorParallel),
    showTable("By concurrency", report.byConcurrency),
  ];
  if (report.crossValidation.length > 0) {
    const held = report.crossValidation.map(({ fitted, held: group, errors }) => ({
      group: `fitted on ${fitted}, held out ${group}`,
      ...errors,
    }));
    sections.push(showTable("Cross-validation: rows that the fit has not seen", held));
  }
  if (report.otherStacks.length > 0) sections.push(showStacks(report.otherStacks));
  const left = report.unmodelled.map(({ line, id, reason }) => `- line ${line} (${id}): ${reason}`);
  if (left.length > 0) sections.push(["## Rows that cannot be modelled", "", ...left].join("\n"));
  const opening = `Modelled against measured times of ${report.source}, by \`${report.command}\`. Absolute relative errors, median / 90th percentile.`;
  return ["# Calibration errors", opening, ...sections].join("\n\n") + "\n";
}

function showTable(title: string, groups: readonly Grouped[]): string {
  const lines = groups.map(
    ({ group, rows, perToken, firstToken }) =>
      `| ${group} | ${rows} | ${showPercent(perToken)} | ${showPercent(firstToken)} |`,
  );
  const head = ["| rows | count | time per output token | time to first token |", "| --- | --- | --- | --- |"];
  return [`## ${title}`, "", ...head, ...lines].join("\n");
}

function showStacks(stacks: readonly StackRatio[]): string {
  const lines = stacks.map(
    ({ source, model, gpu, rows, prefill, decode }) =>
      `| ${source} | ${model} | ${gpu} | ${rows} | ${prefill} | ${decode} |`,
  );
  const head = ["| source | model | GPU kind | count | prefill | decode |", "| --- | --- | --- | --- | --- | --- |"];
  const title = "## Other, older serving stacks, on which nothing is fitted: median of modelled over measured time";
  return [title, "", ...head, ...lines].join("\n");
}

function showPercent({ median, p90 }: Errors["perToken"]): string {
  return `${(median * 100).toFixed(1)}% / ${(p90 * 100).toFixed(1)}%`;
}

function toReportRow({ row, model, gpu, modelled }: Comparison): ReportRow {
  return {
    line: row.line,
    model,
    gpu,
    protocol: row.protocol,
    tensorParallel: row.tensorParallel,
    concurrency: row.concurrency,
    promptTokens: row.promptTokens,
    outputTokens: row.outputTokens,
    measured: { firstTokenMs: toFour(row.firstTokenMs), perTokenMs: toFour(row.perTokenMs) },
    modelled: { firstTokenMs: toFour(modelled.firstTokenMs), perTokenMs: toFour(modelled.perTokenMs) },
  };
}

function toFour(value: number): number {
  return Number(value.toPrecision(4));
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
