/** One policy's run of a workload: a gateway of its own with engines of its own, agents before it, and what the journal says. */

import { createChecker } from "../check/check.ts";
import type { Config } from "../gateway/config/config.ts";
import { startGateway } from "../gateway/start-gateway.ts";
import { openJournal } from "../journal/read.ts";
import type { WorkflowId, Workload } from "../model/workflow.ts";
import { FigureCount, type Figures } from "./figures.ts";
import { replayWorkload } from "./replay-workload.ts";

/** Plain data, so that it can be handed to a thread. */
export type ReplayJob = {
  /** With emulated engines, and a journal. */
  readonly config: Config;
  readonly workload: Workload;
  /** How many times faster than described engines, arrivals and tools are. */
  readonly speed: number;
};

export type ReplayProgress = { readonly figures: Figures; readonly ended: readonly WorkflowId[] };

export type ReplayOutcome = {
  readonly figures: Figures;
  /** One line for each call that was not answered. */
  readonly failures: readonly string[];
  /** One line for each law that the journal breaks. */
  readonly violations: readonly string[];
  readonly records: number;
};

export type ReplayHost = {
  readonly signal: AbortSignal;
  /** The gateway stands: resolves when the workload may begin. */
  readonly ready?: () => Promise<void>;
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** Milliseconds between two reports of progress. */
  readonly everyMs?: number;
};

/** For what is open when all has been answered: engines that load ahead, say. */
const drainMs = 2000;

export async function runReplay(job: ReplayJob, host: ReplayHost): Promise<ReplayOutcome> {
  const { path } = job.config.journal;
  if (path === undefined) throw new Error("a replay needs a journal");
  const failures = await replayThrough(job, host);
  return { ...(await readOutcome(path, job.speed)), failures };
}

async function replayThrough({ config, workload, speed }: ReplayJob, host: ReplayHost): Promise<readonly string[]> {
  await using gateway = await startGateway(config);
  const { signal } = host;
  const count = new FigureCount(speed);
  gateway.driver.world.listen((event) => count.see(event));
  await host.ready?.();
  signal.throwIfAborted();
  const ended: WorkflowId[] = [];
  const report = (): void => host.onProgress?.({ figures: count.read(), ended });
  const timer = host.onProgress === undefined ? undefined : setInterval(report, host.everyMs ?? 250);
  try {
    const onWorkflowEnd = ({ id }: { readonly id: WorkflowId }): void => void ended.push(id);
    const { failures } = await replayWorkload(workload, { url: gateway.url, speed, signal, onWorkflowEnd });
    report();
    await gateway.drain(AbortSignal.timeout(drainMs));
    return failures;
  } finally {
    clearInterval(timer);
  }
}

/** Everything that is claimed of a run comes from here. */
async function readOutcome(path: string, speed: number): Promise<Omit<ReplayOutcome, "failures">> {
  const { header, events } = await openJournal(path);
  const checker = createChecker(header);
  const count = new FigureCount(speed);
  let records = 0;
  for await (const event of events) {
    checker.see(event);
    count.see(event);
    records += 1;
  }
  const violations = checker.end().map(({ law, sequence, message }) => `record ${sequence}: ${law}: ${message}`);
  return { figures: count.read(), violations, records };
}
