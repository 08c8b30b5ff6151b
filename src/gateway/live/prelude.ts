/**
 * What is open now, told again as records: with it a journal that goes on from a full one, or a planning thread that begins in
 * the middle, can be read by itself. Workflows that are open, their stages that are not over, where each is placed, what runs.
 * Stages that are over are left out: their outputs are with the callers.
 */

import type { Cluster } from "../../model/cluster.ts";
import type { JournalEvent, NewEvent, SharePhase } from "../../model/event.ts";
import type { State } from "../../state/apply.ts";
import type { VisibleStage } from "../../model/visible.ts";
import type { EngineState, QueuedShare, RunningShare } from "../../state/engine-state.ts";
import { pickVictims } from "../../state/residency.ts";
import type { StageNode } from "../../state/workflow-state.ts";
import { keepParents } from "./keep-parents.ts";
import { pickTold, type Stays } from "./stand-in.ts";

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

export type Prelude = {
  readonly state: State;
  readonly nowUs: number;
  readonly firstSequence: number;
  readonly decodes: Progress;
  /** Engines that stay what they are. */
  readonly stays?: Stays;
};

/** In the order in which it came about, with positions from `firstSequence`. */
export function createPrelude({ state, nowUs, firstSequence, decodes, stays = () => true }: Prelude): JournalEvent[] {
  const told: { readonly atUs: number; readonly event: NewEvent }[] = [];
  const tell: Tell = (atUs, event) => told.push({ atUs: Math.min(atUs, nowUs), event });
  const seen = findShares(state);
  const nodes = tellWorkflows(state, tell);
  tellReveals(nodes, tell);
  const later: (() => void)[] = [];
  for (const node of nodes) tellProgress(node, { state, decodes, stays, seen, tell, later });
  // What runs, after all that has passed through an engine before, be it at one instant.
  for (const tellRunning of later) tellRunning();
  for (const engine of state.cluster) {
    if (!stays(engine.id)) continue;
    for (const { model, loading } of engine.residents) {
      if (!loading) continue;
      const bytes = engine.holding.models.get(model)?.model.weightBytes ?? 0;
      const durationUs = Math.max(0, engine.loadEndUs - nowUs);
      tell(nowUs, { kind: "model-load-start", engine: engine.id, model, bytes, durationUs, cause: "observed" });
    }
    if (!engine.up) tell(nowUs, { kind: "engine-drain", engine: engine.id });
  }
  // Stable: what happened at one instant stays in the order in which it is told.
  told.sort((left, right) => left.atUs - right.atUs);
  const events = told.map(({ atUs, event }, index) => ({ atUs, sequence: firstSequence + index, ...event }));
  return withCounts(events, state);
}

/** Returns the stages that are not over. */
function tellWorkflows({ workflows }: State, tell: Tell): StageNode[] {
  const nodes: StageNode[] = [];
  for (const { id, arriveUs, reveal, stages, openStages: _openStages, ...facts } of workflows.open.values()) {
    tell(arriveUs, { kind: "workflow-arrive", workflow: id, reveal, ...facts });
    for (const node of stages.values()) if (node.status !== "ended") nodes.push(node);
  }
  return nodes.sort((left, right) => left.stage.ordinal - right.stage.ordinal);
}

/** When a stage was revealed is not kept: no later than it was ready, and than the next one was revealed. */
function tellReveals(nodes: readonly StageNode[], tell: Tell): void {
  let latestUs = Infinity;
  const atUs = nodes
    .toReversed()
    .map(({ status, readyUs }) => (latestUs = status === "waiting" ? latestUs : Math.min(latestUs, readyUs)))
    .toReversed();
  for (const [index, { stage, workflow }] of nodes.entries()) {
    const isOpen = (key: string): boolean => workflow.stages.get(key)?.status !== "ended";
    tell(atUs[index] ?? Infinity, { kind: "stage-reveal", stage: keepParents(stage, isOpen) });
  }
}

/** Each plan with the number of stages that were ready then, of those that are told of. */
function withCounts(events: readonly JournalEvent[], { workflows }: State): JournalEvent[] {
  let ready = 0;
  return events.map((event) => {
    if (event.kind === "stage-ready" && workflows.node(event.stage).stage.kind !== "tool") ready += 1;
    if (event.kind === "stage-place") ready -= 1;
    return event.kind === "plan" ? { ...event, ready } : event;
  });
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

type Telling = Pick<Prelude, "state" | "decodes"> & {
  readonly stays: Stays;
  readonly seen: ReadonlyMap<string, readonly Seen[]>;
  readonly tell: Tell;
  readonly later: (() => void)[];
};

function tellProgress(node: StageNode, telling: Telling): void {
  const { tell } = telling;
  const { stage, status, readyUs, attempt } = node;
  if (status === "waiting") return;
  tell(readyUs, { kind: "stage-ready", stage: stage.key, ...(attempt === 0 ? {} : { attempt }) });
  if (stage.kind !== "tool") {
    if (status !== "ready") tellShares(node, telling);
  } else if (status === "running") tell(readyUs, { kind: "tool-start", stage: stage.key });
}

function tellShares(node: StageNode, { state, stays, decodes, tell, later, ...telling }: Telling): void {
  const { stage, readyUs, attempt } = node;
  const seen = telling.seen.get(stage.key) ?? [];
  const told = pickTold(state.cluster, node, stays) ?? [];
  const shares = node.shares.map((share, index) => ({ ...share, engine: told[index] ?? share.engine }));
  const [first] = seen;
  const handed = seen.find(({ share }) => share.phase === "decode");
  const decodeEngine = handed?.engine ?? first?.share.decodeEngine;
  const pair = decodeEngine === undefined ? {} : { decodeEngine };
  tell(readyUs, { kind: "plan", ready: 0, decisions: 1, note: "goes on from a full journal" });
  tell(readyUs, { kind: "stage-place", stage: stage.key, attempt, shares, rank: first?.share.rank ?? 0, ...pair });
  for (const [index, { engine, items }] of shares.entries()) {
    const here = seen.find(({ share }) => share.share === index);
    const phase = decodeEngine === undefined ? "whole" : "prefill";
    const name = { stage: stage.key, share: index, attempt, engine };
    const startUs = here !== undefined && "startUs" in here.share ? here.share.startUs : undefined;
    // Not where it was placed any more: its prompt was taken in there, and handed over or answered.
    if (here === undefined || here.engine !== engine) {
      const takeBack = lend(state.cluster.engine(engine), stage, readyUs, tell);
      tell(readyUs, { kind: "share-start", ...name, phase, kvTokens: 0 });
      tellPrompt(node, name, readyUs, tell);
      tell(readyUs, { kind: "prefill-end", ...name });
      if (here === undefined) tellAnswer(node, name, readyUs, items, tell);
      else {
        tell(readyUs, { kind: "kv-transfer-start", ...name, to: here.engine, bytes: 0, waitUs: 0, durationUs: 0 });
        tell(readyUs, { kind: "kv-transfer-end", ...name, to: here.engine });
      }
      tell(readyUs, { kind: "share-end", ...name, phase });
      takeBack();
    }
    if (here === undefined || startUs === undefined) continue;
    const running = { ...name, engine: here.engine };
    const { kvTokens, phase: step } = here.share as RunningShare;
    const decoding = step === "decode" || (step === "whole" && decodes(here.engine, stage.key, index));
    later.push(() => tellRunningShare(node, { name: running, phase: step, kvTokens, decoding, startUs, tell }));
  }
}

type Running = {
  readonly name: ShareName;
  readonly phase: SharePhase;
  readonly kvTokens: number;
  readonly decoding: boolean;
  readonly startUs: number;
  readonly tell: Tell;
};

function tellRunningShare(node: StageNode, { name, phase, kvTokens, decoding, startUs, tell }: Running): void {
  const { stage } = node;
  tell(startUs, { kind: "share-start", ...name, phase, kvTokens });
  if (phase !== "decode") tellPrompt(node, name, startUs, tell);
  if (!decoding || stage.kind === "tool") return;
  if (phase === "whole") tell(startUs, { kind: "prefill-end", ...name });
  if (stage.kind !== "llm") return;
  tell(startUs, { kind: "decode-start", ...name, sequences: 1, waves: 1, contextTokens: stage.promptTokens });
}

/** A model that is held no more, for a share that is over. Returns how to have everything as it is. */
function lend(engine: EngineState, stage: VisibleStage, atUs: number, tell: Tell): () => void {
  if (stage.kind === "tool" || engine.isResident(stage.model)) return () => {};
  const { id, residents, holding } = engine;
  const held = residents.filter(({ loading }) => !loading);
  const evict = (model: string): void => tell(atUs, { kind: "model-evict", engine: id, model, cause: "observed" });
  const load = (model: string): void => {
    const bytes = holding.models.get(model)?.model.weightBytes ?? 0;
    tell(atUs, { kind: "model-load-start", engine: id, model, bytes, durationUs: 0, cause: "observed" });
    tell(atUs, { kind: "model-load-end", engine: id, model });
  };
  const room = { memoryBytes: holding.memoryBytes, maxResident: holding.engine.maxResident };
  const victims = pickVictims(held, room, holding.models.get(stage.model)?.footprintBytes ?? 0) ?? [];
  for (const victim of victims) evict(victim);
  load(stage.model);
  return () => {
    evict(stage.model);
    for (const victim of victims) load(victim);
  };
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
