/** All commands, in the order in which help lists them. */

import type { Command } from "./arguments.ts";
import { benchCommand } from "./bench.ts";
import { benchReportCommand } from "./bench-report.ts";
import { benchStandingCommand } from "./bench-standing.ts";
import { calibrateCommand } from "./calibrate.ts";
import { checkCommand } from "./check.ts";
import { compareCommand } from "./compare.ts";
import { demoCommand } from "./demo.ts";
import { listClusters, listFamilies, listPolicies } from "./lists.ts";
import { replayCommand } from "./replay.ts";
import { runCommand } from "./run.ts";
import { serveCommand } from "./serve.ts";
import { doctorCommand } from "./doctor.ts";
import { engineCommand } from "./engine.ts";
import { keyCommand } from "./key.ts";
import { journalExport, journalImport, journalList, journalVerify } from "./journal.ts";
import { simulateCommand } from "./simulate.ts";
import { tortureCommand } from "./torture.ts";
import { traceConvert, traceDescribe, traceGenerate } from "./trace.ts";

export const commands: readonly Command[] = [
  serveCommand,
  demoCommand,
  runCommand,
  replayCommand,
  engineCommand,
  doctorCommand,
  keyCommand,
  simulateCommand,
  compareCommand,
  benchCommand,
  benchReportCommand,
  benchStandingCommand,
  checkCommand,
  journalList,
  journalExport,
  journalImport,
  journalVerify,
  tortureCommand,
  traceGenerate,
  traceConvert,
  traceDescribe,
  calibrateCommand,
  listPolicies,
  listClusters,
  listFamilies,
];
