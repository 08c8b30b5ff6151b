/** The result file of an experiment: what ran, every cell, and the summary that anyone can compute again from the cells. */

import { sourceName, type CellResult } from "./cell.ts";
import type { Comparison } from "./compare.ts";

export type ResultFile = {
  readonly benchmark: string;
  /** Of the code. */
  readonly version: string;
  readonly command: string;
  readonly seeds: readonly number[];
  readonly cells: readonly ResultCell[];
  readonly summary: readonly ResultSummary[];
};

type ResultCell = {
  readonly cluster: string;
  readonly workload: string;
  readonly policy: string;
  readonly seed: number;
  readonly latenciesUs: readonly (number | null)[];
  /** And every metric by its name. */
  readonly [metric: string]: string | number | readonly (number | null)[];
};

type ResultSummary = {
  readonly cluster: string;
  readonly workload: string;
  readonly policy: string;
  readonly baseline: string;
  readonly metric: string;
  /** Of the metric over the seeds. */
  readonly mean: number;
  /** Relative difference to the baseline, with its 95% interval; null where the seeds give none. */
  readonly difference: number;
  readonly ci95: readonly [number, number] | null;
  readonly verdict: string;
};

type About = {
  readonly benchmark: string;
  readonly version: string;
  readonly command: string;
};

export function toResultFile(about: About, cells: readonly CellResult[], comparison: Comparison): ResultFile {
  const { baseline, metric, seeds, rows } = comparison;
  const [first] = cells;
  const place = {
    cluster: first?.spec.cluster ?? "",
    workload: first === undefined ? "" : sourceName(first.spec.workload),
  };
  return {
    ...about,
    seeds,
    cells: cells.map(({ spec, metrics, latenciesUs }) => ({
      cluster: spec.cluster,
      workload: sourceName(spec.workload),
      policy: spec.policy,
      seed: spec.seed,
      ...metrics,
      latenciesUs,
    })),
    summary: rows.map(({ policy, means, difference, verdict }) => ({
      ...place,
      policy,
      baseline,
      metric,
      mean: means[metric] ?? 0,
      difference: difference.mean,
      ci95: verdict === "open" || verdict === "baseline" ? null : [difference.low, difference.high],
      verdict,
    })),
  };
}

/** One cell a line, so that a diff shows what changed. */
export function renderResultFile(file: ResultFile): string {
  const { cells, summary, ...head } = file;
  const fields = Object.entries(head).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
  return `{\n${fields.join("")}  "cells": [\n${toLines(cells)}\n  ],\n  "summary": [\n${toLines(summary)}\n  ]\n}\n`;
}

function toLines(list: readonly unknown[]): string {
  return list.map((item) => `    ${JSON.stringify(item)}`).join(",\n");
}
