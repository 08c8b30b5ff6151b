/** Values with their intervals, as text. */

import { showDifference } from "../format.ts";
import type { Ci95 } from "./bench-file.ts";

/** Intervals of a bootstrap lie about their value unevenly: half their width is shown. */
export function showWithInterval(value: number, ci95: Ci95): string {
  return ci95 === null ? value.toFixed(3) : `${value.toFixed(3)} ± ${((ci95[1] - ci95[0]) / 2).toFixed(3)}`;
}

export function showPaired(share: number, ci95: Ci95): string {
  return ci95 === null ? showDifference(share) : `${showDifference(share)} ± ${((ci95[1] - ci95[0]) * 50).toFixed(1)}`;
}
