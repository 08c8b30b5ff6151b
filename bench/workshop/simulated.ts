/** The same workloads in the simulator, whose figures do not change from run to run. */

import { createChecker } from "../../src/check/check.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import { FigureCount } from "../../src/demo/figures.ts";
import type { ReplayOutcome } from "../../src/demo/run-replay.ts";
import type { JournalHeader } from "../../src/journal/journal.ts";
import { secondsToUs } from "../../src/model/units.ts";
import type { Workload } from "../../src/model/workflow.ts";
import { policyNamed } from "../../src/policy/policies.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { withHardestWait } from "../../src/policy/with-hardest-wait.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { workshopCluster } from "./cluster.ts";
import { withEvictionRegret } from "./eviction-regret.ts";
import { parameters } from "./parameters.ts";

const regretSuffix = "+regret";
/** Swept over 0.25 to 4 on seeds 101 to 110: flat from 1 on. */
const regretWeight = 2;
const hardestWaitUs = secondsToUs(parameters.hardestWaitSeconds);

/** With the hardest wait that the gateway puts around every policy. */
export function runSimulated(workload: Workload, name: string, seed: number): ReplayOutcome {
  const plan = findPlan(name);
  const { cluster, models } = workshopCluster();
  const header: JournalHeader = {
    kind: "journal",
    version: 1,
    seed,
    policy: name,
    workload: workload.id,
    cluster,
    models,
    calibration: shippedCalibration,
  };
  const checker = createChecker(header);
  const count = new FigureCount(1);
  const failures: string[] = [];
  const { events } = simulate({
    workflows: workload.workflows,
    models,
    cluster,
    policy: {
      summary: name,
      whenIdle: policyNamed(name)?.whenIdle ?? false,
      plan: withHardestWait(plan, hardestWaitUs),
    },
    seed,
    onEvent: (event) => {
      checker.see(event);
      count.see(event);
      if (event.kind === "workflow-abandon") failures.push(`${event.workflow}: ${event.reason}`);
    },
  });
  const violations = checker.end().map(({ law, sequence, message }) => `record ${sequence}: ${law}: ${message}`);
  return { figures: count.read(), failures, violations, records: events };
}

/** What the table has, and prototypes that are `+regret` of it. Where there is a choice, without a solver, as the gateway plans in place. */
function findPlan(name: string): Policy {
  const entry = policyNamed(name);
  if (entry !== undefined) return entry.quick ?? entry.plan;
  const [plain = ""] = name.split(regretSuffix);
  const base = name.endsWith(regretSuffix) ? policyNamed(plain) : undefined;
  if (base === undefined) throw new Error(`no policy ${name}`);
  return withEvictionRegret(base.quick ?? base.plan, regretWeight);
}
