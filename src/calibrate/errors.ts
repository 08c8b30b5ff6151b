/** Modelled against measured times: one comparison a row, and the usual figures of many. */

import type { Calibration } from "../cost/calibration.ts";
import type { MeasuredRow } from "./measured-rows.ts";
import { modelRow, setUpRow, type Modelled } from "./row-setup.ts";

export type Comparison = {
  readonly row: MeasuredRow;
  readonly model: string;
  readonly gpu: string;
  readonly modelled: Modelled;
};

type Unmodelled = { readonly row: MeasuredRow; readonly reason: string };

export type Comparisons = { readonly compared: readonly Comparison[]; readonly unmodelled: readonly Unmodelled[] };

export function compareRows(rows: readonly MeasuredRow[], calibration: Calibration): Comparisons {
  const compared: Comparison[] = [];
  const unmodelled: Unmodelled[] = [];
  for (const row of rows) {
    const setup = setUpRow(row);
    if ("reason" in setup) {
      unmodelled.push(setup);
      continue;
    }
    compared.push({ row, model: setup.model.id, gpu: setup.gpu.id, modelled: modelRow(setup, calibration) });
  }
  return { compared, unmodelled };
}

/** Absolute relative errors, as shares of the measured time. */
export type Errors = {
  readonly rows: number;
  readonly perToken: { readonly median: number; readonly p90: number };
  readonly firstToken: { readonly median: number; readonly p90: number };
};

export function toErrors(compared: readonly Comparison[]): Errors {
  const of = (time: keyof Modelled) => {
    const errors = compared.map(({ row, modelled }) => Math.abs(modelled[time] / row[time] - 1));
    return { median: quantile(errors, 0.5), p90: quantile(errors, 0.9) };
  };
  return { rows: compared.length, perToken: of("perTokenMs"), firstToken: of("firstTokenMs") };
}

/** Errors by group, groups in the order in which `keyOf` first names them. */
export function groupErrors(
  compared: readonly Comparison[],
  keyOf: (comparison: Comparison) => string,
): readonly (Errors & { readonly group: string })[] {
  const groups = Map.groupBy(compared, keyOf);
  return [...groups].map(([group, members]) => ({ group, ...toErrors(members) }));
}

/** Linear between the two nearest ranks; 0 of nothing. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const rank = share * (sorted.length - 1);
  const below = sorted[Math.floor(rank)] ?? 0;
  const above = sorted[Math.ceil(rank)] ?? 0;
  return below + (above - below) * (rank - Math.floor(rank));
}
