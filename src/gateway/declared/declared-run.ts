/** A run of a declared workflow as one value, and where such values are kept. A run can be taken up from its value alone. */

import type { DeclaredWorkflow } from "./declared.ts";
import type { RunStatus, RunSummary, RunView, StageStatus, StageView, Usage, WireError, Json } from "./wire.ts";

export type RunId = string;

export type DeclaredRun = {
  readonly id: RunId;
  readonly tenant: string;
  readonly workflow: DeclaredWorkflow;
  readonly status: RunStatus;
  readonly createdMs: number;
  readonly endedMs?: number;
  /** In the order of the workflow's stages. */
  readonly stages: ReadonlyMap<string, StageRecord>;
  readonly error?: WireError;
  /** The client's key for this submission, and a hash of what it submitted. */
  readonly idempotency?: { readonly key: string; readonly bodyHash: string };
};

/** What a stage came to so far. */
export type StageRecord = StageView;

export type RunStore = {
  /** Takes in a new run, unless its tenant has used its idempotency key: then it resolves to that earlier run. */
  readonly create: (run: DeclaredRun) => Promise<DeclaredRun | undefined>;
  readonly byKey: (tenant: string, key: string) => Promise<DeclaredRun | undefined>;
  /** Resolves when the run's new state will outlive the process; `stage` is the only one that has changed, if one has. */
  readonly save: (run: DeclaredRun, stage?: StageRecord) => Promise<void>;
  readonly get: (tenant: string, id: RunId) => Promise<DeclaredRun | undefined>;
  /** Newest first, those older than `after` if that is given. */
  readonly list: (tenant: string, limit: number, after?: RunId) => Promise<readonly DeclaredRun[]>;
};

export const noUsage: Usage = { promptTokens: 0, outputTokens: 0, cachedTokens: 0 };

export function newRecord(id: string, kind: StageView["kind"]): StageRecord {
  return { id, kind, status: "waiting", itemsDone: 0, retried: 0, engines: [], usage: noUsage };
}

export function addUsage(left: Usage, right: Usage): Usage {
  return {
    promptTokens: left.promptTokens + right.promptTokens,
    outputTokens: left.outputTokens + right.outputTokens,
    cachedTokens: left.cachedTokens + right.cachedTokens,
  };
}

export function isOver(status: StageStatus): boolean {
  return status === "ended" || status === "skipped" || status === "failed" || status === "cancelled";
}

export function toSummary(run: DeclaredRun): RunSummary {
  const { id, status, createdMs, endedMs, error, workflow } = run;
  return {
    object: "workflow",
    id,
    ...(workflow.name === undefined ? {} : { name: workflow.name }),
    status,
    createdMs,
    ...(endedMs === undefined ? {} : { endedMs }),
    usage: [...run.stages.values()].map(({ usage }) => usage).reduce(addUsage, noUsage),
    ...(error === undefined ? {} : { error }),
  };
}

export function toView(run: DeclaredRun): RunView {
  const ended = run.workflow.outputs
    .flatMap((id) => run.stages.get(id) ?? [])
    .filter(({ status }) => status === "ended");
  const outputs = ended.map(({ id, json, text }) => [id, json ?? text ?? null] as const);
  return { ...toSummary(run), stages: [...run.stages.values()], outputs: Object.fromEntries<Json>(outputs) };
}
