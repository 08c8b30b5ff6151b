/**
 * What is open now, told again as records: with it a journal that goes on from a full one, or a planning thread that begins in
 * the middle, can be read by itself. Workflows that are open, their stages that are not over, where each is placed, what runs.
 * Stages that are over are left out: their outputs are with the callers.
 */

import type { Cluster } from "../../model/cluster.ts";
import type { JournalEvent, NewEvent } from "../../model/event.ts";
import type { State } from "../../state/apply.ts";
import type { QueuedShare, RunningShare } from "../../state/engine-state.ts";
import type { OpenWorkflow, StageNode } from "../../state/workflow-state.ts";

type Tell = (atUs: number, event: NewEvent) => void;
/** A share where it is; with `startUs` if it runs. */
type Seen = { readonly engine: string; readonly share: QueuedShare | RunningShare };

/** Whether a running share has its first token, which the state does not keep. */
export type Progress = (engine: string, stage: string, share: number) => boolean;

/** The cluster as it is now: with what is resident as what it begins with. */
export function clusterNow(cluster: Cluster, state: State): Cluster {
  const resident = (id: string): string[] =>
    state.cluster.engine(id).residents.flatMap(({ model, loading }) => (loading ? [] : [model]));
  return { ...cluster, engines: cluster.engines.map((engine) => ({ ...engine, resident: resident(engine.id) })) };
}

/** In the order in which it came about, with positions from `firstSequence`. */
export function createPrelude(state: State, nowUs: number, firstSequence: number, decodes: Progress): JournalEvent[] {
  const told: { readonly atUs: number; readonly event: NewEvent }[] = [];
  const tell: Tell = (atUs, event) => told.push({ atUs: Math.min(atUs, nowUs), event });
  const seen = findShares(state);
  for (const workflow of state.workflows.open.values()) tellWorkflow(workflow, seen, decodes, tell);
  for (const engine of state.cluster) {
    for (const { model, loading, bytes } of engine.residents) {
      if (!loading) continue;
      const durationUs = Math.max(0, engine.loadEndUs - nowUs);
      tell(nowUs, { kind: "model-load-start", engine: engine.id, model, bytes, durationUs, cause: "observed" });
    }
    if (!engine.up) tell(nowUs, { kind: "engine-drain", engine: engine.id });
  }
  // Stable: what happened at one instant stays in the order in which it is told.
  told.sort((left, right) => left.atUs - right.atUs);
  return told.map(({ atUs, event }, index) => ({ atUs, sequence: firstSequence + index, ...event }));
}

function findShares({ cluster }: State): Map<string, Seen[]> {
  const seen = new Map<string, Seen[]>();
  for (const engine of cluster) {
    for (const share of [...engine.running, ...engine.queue]) {
      const of = seen.get(share.stage.key);
      if (of === undefined) seen.set(share.stage.key, [{ engine: engine.id, share }]);
      else of.push({ engine: engine.id, share });
    }
  }
  return seen;
}

function tellWorkflow(workflow: OpenWorkflow, seen: Map<string, Seen[]>, decodes: Progress, tell: Tell): void {
  const { id, arriveUs, reveal, stages, openStages: _openStages, ...facts } = workflow;
  tell(arriveUs, { kind: "workflow-arrive", workflow: id, reveal, ...facts });
  for (const node of stages.values()) {
    if (node.status === "ended") continue;
    const { stage, status, readyUs, attempt } = node;
    const parents = stage.parents.filter((parent) => stages.get(parent.stage)?.status !== "ended");
    // An online stage is revealed when it becomes ready; one that waits for parents was revealed with its workflow.
    const revealUs = reveal === "static" || status === "waiting" ? arriveUs : readyUs;
    tell(revealUs, { kind: "stage-reveal", stage: { ...stage, parents } });
    if (status === "waiting") continue;
    tell(readyUs, { kind: "stage-ready", stage: stage.key, ...(attempt === 0 ? {} : { attempt }) });
    if (stage.kind === "tool" && status === "running") tell(readyUs, { kind: "tool-start", stage: stage.key });
    if (stage.kind !== "tool" && status !== "ready") tellShares(node, seen.get(stage.key) ?? [], decodes, tell);
  }
}

function tellShares(node: StageNode, seen: readonly Seen[], decodes: Progress, tell: Tell): void {
  const { stage, readyUs, attempt, shares } = node;
  const [first] = seen;
  const handed = seen.find(({ share }) => share.phase === "decode");
  const decodeEngine = handed?.engine ?? first?.share.decodeEngine;
  const pair = decodeEngine === undefined ? {} : { decodeEngine };
  tell(readyUs, { kind: "plan", ready: 1, decisions: 1, note: "goes on from a full journal" });
  tell(readyUs, { kind: "stage-place", stage: stage.key, attempt, shares, rank: first?.share.rank ?? 0, ...pair });
  for (const [index, { engine, items }] of shares.entries()) {
    const here = seen.find(({ share }) => share.share === index);
    const phase = decodeEngine === undefined ? "whole" : "prefill";
    const name = { stage: stage.key, share: index, attempt, engine };
    const startUs = here !== undefined && "startUs" in here.share ? here.share.startUs : undefined;
    // Not where it was placed any more: its prompt was taken in there, and handed over or answered.
    if (here === undefined || here.engine !== engine) {
      tell(readyUs, { kind: "share-start", ...name, phase, kvTokens: 0 });
      tellPrompt(node, name, readyUs, tell);
      tell(readyUs, { kind: "prefill-end", ...name });
      if (here === undefined) tellAnswer(node, name, readyUs, items, tell);
      else {
        tell(readyUs, { kind: "kv-transfer-start", ...name, to: here.engine, bytes: 0, waitUs: 0, durationUs: 0 });
        tell(readyUs, { kind: "kv-transfer-end", ...name, to: here.engine });
      }
      tell(readyUs, { kind: "share-end", ...name, phase });
    }
    if (here === undefined || startUs === undefined) continue;
    const running = { ...name, engine: here.engine };
    const { kvTokens } = here.share as RunningShare;
    tell(startUs, { kind: "share-start", ...running, phase: here.share.phase, kvTokens });
    if (here.share.phase !== "decode") tellPrompt(node, running, startUs, tell);
    if (here.share.phase === "prefill" || stage.kind !== "llm") continue;
    if (here.share.phase === "whole" && !decodes(here.engine, stage.key, index)) continue;
    if (here.share.phase === "whole") tell(startUs, { kind: "prefill-end", ...running });
    tell(startUs, { kind: "decode-start", ...running, sequences: 1, waves: 1, contextTokens: stage.promptTokens });
  }
}

type ShareName = { readonly stage: string; readonly share: number; readonly attempt: number; readonly engine: string };

function tellPrompt({ stage }: StageNode, name: ShareName, atUs: number, tell: Tell): void {
  const promptTokens = stage.kind === "tool" ? 0 : stage.promptTokens;
  tell(atUs, { kind: "prefill-start", ...name, promptTokens, cachedTokens: 0 });
}

function tellAnswer({ stage }: StageNode, name: ShareName, atUs: number, items: number, tell: Tell): void {
  if (stage.kind !== "llm") return;
  tell(atUs, { kind: "decode-start", ...name, sequences: items, waves: 1, contextTokens: stage.promptTokens });
  tell(atUs, { kind: "decode-end", ...name, outputTokens: 0 });
}
