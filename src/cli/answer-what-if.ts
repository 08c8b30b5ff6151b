/** Runs the workload of a question under two policies, on the cluster of the question, in simulated time. */

import type { JournalHeader } from "../journal/journal.ts";
import { parseJournal } from "../journal/parse.ts";
import { createMeasure } from "../measure/measure.ts";
import { policyNamed } from "../policy/policies.ts";
import { simulate } from "../sim/simulate.ts";
import { parseWorkloadFile, type WorkloadAndModels } from "../trace/workload-file.ts";
import { whatIfPolicy, type WhatIfAnswer, type WhatIfRun } from "../view/what-if.ts";

export function answerWhatIf(question: string): WhatIfAnswer {
  const end = question.indexOf("\n") + 1;
  const { header } = parseJournal(question.slice(0, end), "the question");
  const { workload } = parseWorkloadFile(question.slice(end), "the question's workload.ndjson");
  return { own: runUnder(header.policy, header, workload), other: runUnder(whatIfPolicy, header, workload) };
}

function runUnder(name: string, header: JournalHeader, { workflows }: WorkloadAndModels["workload"]): WhatIfRun {
  const policy = policyNamed(name);
  if (policy === undefined) throw new Error(`There is no policy ${name} here.`);
  const { cluster, models, calibration, seed } = header;
  const measurer = createMeasure({ ...header, policy: name });
  simulate({ workflows, cluster, models, calibration, seed, policy, onEvent: (event) => measurer.see(event) });
  const { ended, abandoned, makespanUs, latencyUs, loads, swaps, cachedTokens, recomputedTokens } = measurer.end();
  const latencies = { meanLatencyUs: latencyUs.mean, p95LatencyUs: latencyUs.p95 };
  return { policy: name, ended, abandoned, makespanUs, ...latencies, loads, swaps, cachedTokens, recomputedTokens };
}
