/** One CP-SAT thread for all that plan in this process. It starts at the first question and keeps no process alive. */

import { createCpSat, type CpSatSolver } from "./cp-sat.ts";

let solver: CpSatSolver | undefined;

export function sharedCpSat(): CpSatSolver {
  return (solver ??= createCpSat());
}
