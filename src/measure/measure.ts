/** Every number about a run, from its journal alone, in one pass. `docs/journal.md` defines what is counted. */

import { createCostModel } from "../cost/cost-model.ts";
import type { Journal, JournalHeader } from "../journal/journal.ts";
import type { JournalEvent } from "../model/event.ts";
import { countBatches, createBestCases } from "./best-case.ts";
import { EngineClocks, type EngineTimes } from "./engine-times.ts";
import { MovementCount, type Movements } from "./movements.ts";
import { TokenCount, type PromptTokens } from "./prompt-tokens.ts";
import { sum, summarise, type Summary } from "./statistics.ts";
import { WorkflowClock, type WorkflowTimes } from "./workflow-times.ts";

export type Measured = Movements &
  PromptTokens & {
    /** In the order in which they were closed. */
    readonly workflows: readonly WorkflowTimes[];
    readonly ended: number;
    readonly abandoned: number;
    /** From the first arrival to the last end; abandoned workflows do not end. */
    readonly makespanUs: number;
    /** Of the workflows that ended. */
    readonly latencyUs: Summary;
    /** Latency over standalone latency: Req95 is its p95, Req99 its p99. */
    readonly ratio: Summary;
    readonly placementWaitUs: number;
    readonly queueWaitUs: number;
    readonly deadlines: { readonly given: number; readonly met: number };
    /** In the cluster's order. */
    readonly engines: readonly EngineTimes[];
    /** Mean over the engines. */
    readonly utilisation: number;
    /** What no policy could have undercut. */
    readonly bounds: Bounds;
  };

export type Bounds = {
  /** The latest of: arrival of a workflow plus its critical path at best, after the first arrival. */
  readonly criticalPathUs: number;
  /** Engine time that all stages take at least, over the number of engines, or of batches where they mix models. */
  readonly workUs: number;
  /** The larger of both. */
  readonly makespanUs: number;
};

export type Measurer = {
  /** To be called with every record, in order. */
  see(event: JournalEvent): void;
  /** To be called once, after the last record. */
  end(): Measured;
};

export function measure(journal: Journal): Measured {
  const measurer = createMeasure(journal.header);
  for (const event of journal.events) measurer.see(event);
  return measurer.end();
}

export function createMeasure(header: JournalHeader): Measurer {
  const { cluster } = header;
  const costs = createCostModel(cluster, header.models, header.calibration);
  const workflows: WorkflowTimes[] = [];
  const clock = new WorkflowClock(createBestCases(costs), (times) => workflows.push(times));
  const tokens = new TokenCount((key) => clock.stage(key));
  const movements = new MovementCount(cluster.engines);
  let engines: EngineClocks | undefined;
  let firstArrivalUs = Infinity;
  let lastUs = 0;
  /** The fastest any engine ever was: what bounds must allow for. */
  let leastFactor = 1;
  return {
    see: (event) => {
      engines ??= new EngineClocks(cluster, event.atUs);
      lastUs = event.atUs;
      if (event.kind === "workflow-arrive") firstArrivalUs = Math.min(firstArrivalUs, event.atUs);
      else if (event.kind === "engine-slow") leastFactor = Math.min(leastFactor, event.factor);
      else if (event.kind === "workflow-end" || event.kind === "workflow-abandon")
        tokens.forget(clock.stagesOf(event.workflow));
      clock.see(event);
      tokens.see(event);
      movements.see(event);
      engines.see(event);
    },
    end: () => {
      const ended = workflows.filter(({ outcome }) => outcome === "ended");
      const lastEndUs = ended.reduce((latest, { endUs }) => Math.max(latest, endUs), 0);
      const engineTimes = engines?.end(lastUs) ?? [];
      const withDeadline = ended.filter(({ deadlineUs }) => deadlineUs !== undefined);
      const { promptTokens, cachedTokens, recomputedTokens } = tokens;
      return {
        ...movements.sums,
        promptTokens,
        cachedTokens,
        recomputedTokens,
        workflows,
        ended: ended.length,
        abandoned: workflows.length - ended.length,
        makespanUs: ended.length === 0 ? 0 : lastEndUs - firstArrivalUs,
        latencyUs: summarise(ended.map(({ latencyUs }) => latencyUs)),
        ratio: summarise(ended.map(({ ratio }) => ratio)),
        placementWaitUs: sum(workflows.map(({ placementWaitUs }) => placementWaitUs)),
        queueWaitUs: sum(workflows.map(({ queueWaitUs }) => queueWaitUs)),
        deadlines: {
          given: withDeadline.length,
          met: withDeadline.filter(({ latencyUs, deadlineUs }) => latencyUs <= (deadlineUs ?? 0)).length,
        },
        engines: engineTimes,
        utilisation: sum(engineTimes.map(({ utilisation }) => utilisation)) / Math.max(1, engineTimes.length),
        bounds: toBounds(ended, firstArrivalUs, countBatches(costs), leastFactor),
      };
    },
  };
}

function toBounds(
  ended: readonly WorkflowTimes[],
  firstArrivalUs: number,
  batches: number,
  leastFactor: number,
): Bounds {
  let criticalPathUs = 0;
  let workUs = 0;
  for (const { arriveUs, leastUs, leastWorkUs } of ended) {
    criticalPathUs = Math.max(criticalPathUs, arriveUs - firstArrivalUs + Math.floor(leastUs * leastFactor));
    workUs += leastWorkUs;
  }
  workUs = Math.floor((workUs * leastFactor) / Math.max(1, batches));
  return { criticalPathUs, workUs, makespanUs: Math.max(criticalPathUs, workUs) };
}
