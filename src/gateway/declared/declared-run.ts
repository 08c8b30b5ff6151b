/** A run of a declared workflow as one value: what was asked for and what its stages came to. It can be taken up from that alone. */

import type { Holding } from "../../store/store.ts";
import type { DeclaredWorkflow } from "./declared.ts";
import type { RunStatus, RunSummary, RunView, StageStatus, StageView, Usage, WireError, Json } from "./wire.ts";

export type RunId = string;

export type DeclaredRun = {
  readonly id: RunId;
  readonly tenant: string;
  /** Who carries it out. */
  readonly holding: Holding;
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

/** What the driver knows the run by: another name each time it is taken up, so that what is left of an earlier time cannot mix in. */
export function toDriverId({ id, holding }: Pick<DeclaredRun, "id" | "holding">): string {
  return holding.generation === 0 ? id : `${id}~${holding.generation}`;
}
