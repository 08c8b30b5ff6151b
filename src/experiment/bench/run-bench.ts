/** Runs the cells of a benchmark that are not in the store yet, and puts each there as soon as it is done. */

import type { CellResult } from "../cell.ts";
import { runCells, type Progress } from "../run-cells.ts";
import type { BenchCell } from "./benchmark.ts";
import type { CellStore } from "./cell-store.ts";

export type BenchResult = BenchCell & { readonly result: CellResult };

export type RunBenchOptions = {
  readonly workers: number;
  readonly signal?: AbortSignal;
  /** Of the cells that were not in the store. */
  readonly onProgress?: (progress: Progress) => void;
  readonly store: CellStore;
};

/** In the order of the cells. */
export async function runBench(cells: readonly BenchCell[], options: RunBenchOptions): Promise<readonly BenchResult[]> {
  const { store, workers, signal, onProgress } = options;
  const results = cells.map(({ spec }) => store.find(spec));
  const missing = cells.flatMap(({ spec }, index) => (results[index] === undefined ? [{ spec, index }] : []));
  const ran = await runCells(
    missing.map(({ spec }) => spec),
    {
      workers,
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
      onResult: (result) => store.add(result),
    },
  );
  for (const [at, { index }] of missing.entries()) results[index] = ran[at];
  return cells.map((cell, index) => ({ ...cell, result: results[index] as CellResult }));
}
