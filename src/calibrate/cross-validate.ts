/** What the fit would say of rows that it has not seen: other models, other group sizes. */

import { toErrors, type Comparison, type Errors } from "./errors.ts";
import { fitCalibration, type Tables } from "./fit.ts";
import { modelRow, type RowSetup } from "./row-setup.ts";

export type CrossValidation = { readonly fitted: string; readonly held: string; readonly errors: Errors };

export function crossValidate(rows: readonly RowSetup[], tables: Tables): readonly CrossValidation[] {
  const splits: readonly [string, string, (setup: RowSetup) => boolean][] = [
    ["Llama-3.1-70B fp8", "Qwen3-32B", isLlama],
    ["Qwen3-32B", "Llama-3.1-70B fp8", (setup) => !isLlama(setup)],
    ["tensor parallel 2 and 4", "8", hasGroup(1, 2, 4)],
    ["tensor parallel 4 and 8", "2", hasGroup(4, 8)],
  ];
  return splits.map(([fitted, held, isFitted]) => {
    const calibration = fitCalibration({ rows: rows.filter(isFitted), tables, sources: [] });
    const compared = rows
      .filter((setup) => !isFitted(setup))
      .map((setup): Comparison => ({
        row: setup.row,
        model: setup.model.id,
        gpu: setup.gpu.id,
        modelled: modelRow(setup, calibration),
      }));
    return { fitted, held, errors: toErrors(compared) };
  });
}

function isLlama(setup: RowSetup): boolean {
  return setup.model.id.startsWith("llama");
}

function hasGroup(...sizes: readonly number[]): (setup: RowSetup) => boolean {
  return (setup) => sizes.includes(setup.row.tensorParallel);
}
