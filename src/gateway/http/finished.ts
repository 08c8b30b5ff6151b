/** What metrics and traces are told of a call that is over. */

import type { CallShape } from "../call/call.ts";
import type { FinishedCall } from "../observe/call-metrics.ts";
import type { TracedCall, TracedPhase } from "../observe/traces.ts";
import type { CalledModel } from "./catalogue.ts";
import type { Job, JobOutcome } from "./job-request.ts";

export type CallOver = {
  readonly job: Job;
  readonly tenant: string;
  readonly model: CalledModel;
  readonly shape: CallShape;
  readonly endUs: number;
  readonly outcome: JobOutcome;
};

export function toFinishedCall({ job, tenant, model, shape, endUs, outcome }: CallOver): FinishedCall {
  const { status, turn, overheadUs, firstDataUs, refusal } = outcome;
  const { surface, startUs } = job.request;
  return {
    surface,
    status,
    tenant,
    model: model.id,
    durationUs: endUs - startUs,
    ...(overheadUs === undefined ? {} : { overheadUs }),
    ...(turn === undefined ? {} : { engine: turn.engine, queueUs: turn.waitedUs, planAgeUs: turn.planAgeUs }),
    ...(firstDataUs === undefined || !shape.stream ? {} : { ttftUs: firstDataUs - startUs }),
    ...toTokens(shape, outcome),
    ...(refusal === undefined ? {} : { refusal }),
  };
}

export function toTracedCall(over: CallOver): TracedCall {
  const { job, tenant, model, shape, endUs, outcome } = over;
  const { status, turn, refusal } = outcome;
  const { surface, startUs } = job.request;
  return {
    surface,
    startUs,
    endUs,
    status,
    model: model.id,
    workflow: job.workflow,
    stage: job.stage,
    tenant,
    stream: shape.stream,
    ...(turn === undefined ? {} : { engine: turn.engine, reason: turn.reason, attempts: turn.attempt + 1 }),
    ...toTokens(shape, outcome),
    ...(refusal === undefined ? {} : { error: refusal }),
    phases: toPhases(over),
  };
}

/** What of an answer that is not streamed was prefill and what decode, the engine alone knows. */
function toPhases({ job, shape, endUs, outcome: { turn, sentUs, firstDataUs } }: CallOver): readonly TracedPhase[] {
  if (turn === undefined || sentUs === undefined) return [];
  const queue = {
    name: "queue",
    startUs: Math.max(job.request.readUs, sentUs - turn.waitedUs),
    endUs: sentUs,
  } as const;
  const streamedUs = shape.stream ? firstDataUs : undefined;
  if (streamedUs === undefined) return [queue];
  return [
    queue,
    { name: "prefill", startUs: sentUs, endUs: streamedUs },
    { name: "decode", startUs: streamedUs, endUs },
  ];
}

function toTokens(
  { promptTokens }: CallShape,
  { usage }: JobOutcome,
): Pick<FinishedCall, "promptTokens" | "outputTokens" | "cachedTokens"> {
  if (usage === undefined) return {};
  const { outputTokens, cachedTokens } = usage;
  return {
    promptTokens: usage.promptTokens ?? promptTokens,
    outputTokens,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
  };
}
