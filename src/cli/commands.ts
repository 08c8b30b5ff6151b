/** All commands, in the order in which help lists them. */

import type { Command } from "./arguments.ts";
import { benchCommand } from "./bench.ts";
import { calibrateCommand } from "./calibrate.ts";
import { checkCommand } from "./check.ts";
import { compareCommand } from "./compare.ts";
import { listClusters, listFamilies, listPolicies } from "./lists.ts";
import { simulateCommand } from "./simulate.ts";
import { traceConvert, traceDescribe, traceGenerate } from "./trace.ts";

export const commands: readonly Command[] = [
  simulateCommand,
  compareCommand,
  benchCommand,
  checkCommand,
  traceGenerate,
  traceConvert,
  traceDescribe,
  calibrateCommand,
  listPolicies,
  listClusters,
  listFamilies,
];
