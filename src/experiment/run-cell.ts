/** Runs one cell: simulates, and in the same pass measures, checks and writes the journal, so that no run is ever held whole. */

import { batchingAs } from "../catalogue/batched-version.ts";
import { createChecker } from "../check/check.ts";
import { shippedCalibration } from "../cost/shipped-calibration.ts";
import { createJournalWriter } from "../journal/append.ts";
import type { JournalHeader } from "../journal/journal.ts";
import { createMeasure } from "../measure/measure.ts";
import { policies } from "../policy/policies.ts";
import type { PolicyEntry } from "../policy/policy.ts";
import { simulate } from "../sim/simulate.ts";
import type { CellResult, CellSpec } from "./cell.ts";
import { findAgentsBounds, findBounds } from "./find-bounds.ts";
import { watchAgents } from "./agents/outcome.ts";
import { checkFit } from "./fit.ts";
import { loadCell, withResident } from "./load.ts";
import { toMetrics } from "./metrics.ts";
import { createPlanTimes } from "./plan-times.ts";
import { createWholeFile } from "./whole-file.ts";

/** Events between two reports of progress. */
const eventsBetweenReports = 20_000;

export function runCell(spec: CellSpec, onProgress: (share: number) => void = () => {}): CellResult {
  const startMs = performance.now();
  const { workload, models: named, cluster: described } = loadCell(spec);
  const policy: PolicyEntry = policies[spec.policy];
  const cluster = batchingAs(described, policy.batching);
  const models = withResident(named, cluster);
  const notes = checkFit(workload, models, cluster, spec.cluster);
  const header: JournalHeader = {
    kind: "journal",
    version: 1,
    seed: spec.seed,
    policy: spec.policy,
    workload: workload.id,
    cluster,
    models,
    calibration: shippedCalibration,
  };
  const measure = createMeasure(header);
  const agents = spec.workload.kind === "agents" ? watchAgents(header, workload.workflows) : undefined;
  const checker = spec.check ? createChecker(header) : undefined;
  const file = spec.journal === undefined ? undefined : createWholeFile(spec.journal);
  const journal = file === undefined ? undefined : createJournalWriter(file.path, header);
  let events = 0;
  let closed = 0;
  const planTimes = createPlanTimes();
  let planMs = 0;
  let planStartMs = 0;
  try {
    const { plans } = simulate({
      workflows: workload.workflows,
      oneAtATime: workload.oneAtATime ?? false,
      models,
      cluster,
      policy,
      seed: spec.seed,
      faults: spec.faults,
      onEvent: (event) => {
        measure.see(event);
        agents?.see(event);
        checker?.see(event);
        journal?.write(event);
        if (event.kind === "workflow-end" || event.kind === "workflow-abandon") closed += 1;
        events += 1;
        if (events % eventsBetweenReports === 0) onProgress(closed / workload.workflows.length);
      },
      onPlan: (moment) => {
        if (moment === "start") {
          planStartMs = performance.now();
          return;
        }
        const tookMs = performance.now() - planStartMs;
        planMs += tookMs;
        planTimes.add(tookMs);
      },
    });
    const violations = checker?.end() ?? [];
    const measured = measure.end();
    const outcome = agents?.end(measured);
    const asked = spec.bounds === true;
    const latencies = new Map(measured.workflows.map((times) => [times.workflow, times]));
    journal?.close();
    file?.commit();
    return {
      spec,
      workload: workload.id,
      metrics: {
        ...toMetrics(measured),
        ...outcome?.metrics,
        ...(asked && outcome !== undefined ? findAgentsBounds(spec, { workload, models, cluster: described }) : {}),
      },
      ...(outcome === undefined ? {} : { ratios: outcome.ratios }),
      latenciesUs: workload.workflows.map(({ id }) => {
        const times = latencies.get(id);
        return times?.outcome === "ended" ? times.latencyUs : null;
      }),
      ...(asked && outcome === undefined ? { boundsUs: findBounds(spec, { workload, models, cluster }) } : {}),
      notes,
      violations: violations.map((violation) => `record ${violation.sequence}: ${violation.law}: ${violation.message}`),
      wall: { totalMs: performance.now() - startMs, planMs, plans, planSteps: planTimes.steps() },
    };
  } catch (error) {
    journal?.close();
    file?.discard();
    throw error;
  }
}
