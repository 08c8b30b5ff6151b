/** All commands, in the order in which help lists them. */

import type { Command } from "./arguments.ts";
import { benchCommand } from "./bench.ts";
import { calibrateCommand } from "./calibrate.ts";
import { checkCommand } from "./check.ts";
import { compareCommand } from "./compare.ts";
import { demoCommand } from "./demo.ts";
import { listClusters, listFamilies, listPolicies } from "./lists.ts";
import { runCommand } from "./run.ts";
import { serveCommand } from "./serve.ts";
import { doctorCommand } from "./doctor.ts";
import { engineCommand } from "./engine.ts";
import { keyCommand } from "./key.ts";
import { simulateCommand } from "./simulate.ts";
import { traceConvert, traceDescribe, traceGenerate } from "./trace.ts";

export const commands: readonly Command[] = [
  serveCommand,
  demoCommand,
  runCommand,
  engineCommand,
  doctorCommand,
  keyCommand,
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
