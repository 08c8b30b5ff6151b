/**
 * Takes into the books what another planner has placed: the stage is ready, placed where it is, and as far as it has come, all in
 * this moment. Its calls run on undisturbed, in the hands of their owner.
 */

import type { EngineId } from "../../model/cluster.ts";
import type { Place } from "../../model/decision.ts";
import type { SharePhase } from "../../model/event.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";
import { checkShares, findTrouble } from "../../policy/check-place.ts";
import type { EngineState, QueuedShare } from "../../state/engine-state.ts";
import { emitPlace, knownBy } from "./carry-out.ts";
import type { Turn, Work } from "./driver.ts";
import type { EngineDesk } from "./engine-desk.ts";
import { hasRoom } from "./room.ts";
import type { StageDesk } from "./stage-desk.ts";
import type { TurnDesk } from "./turn-desk.ts";
import type { World } from "./world.ts";

/** A stage that is ready, and more. */
export type Held = {
  readonly attempt: number;
  readonly chainTokens?: readonly number[];
  /** Absent: it waits for a place. */
  readonly placed?: Placed;
};

export type Placed = {
  readonly shares: readonly PlacedBefore[];
  /** Of a pair, which has one share. */
  readonly decodeEngine?: EngineId;
};

export type PlacedBefore = { readonly engine: EngineId; readonly items: number; readonly progress: Progress };

export type Progress =
  | { readonly at: "queued" }
  | { readonly at: "running"; readonly phase: SharePhase; readonly firstToken: boolean }
  /** Its keys and values wait for a place on the decode engine. */
  | { readonly at: "handed-over" }
  | { readonly at: "ended"; readonly outputTokens: number };

export type AdoptHost = {
  readonly world: World;
  readonly stages: StageDesk;
  readonly turns: TurnDesk;
  readonly desk: (engine: EngineId) => EngineDesk;
};

/** Before everything that waits: it has its place already. */
const firstRank = -1e12;

/**
 * Returns the turns of what runs, or undefined if the books have no room for it as it is: then nothing of it is written, and the
 * stage still waits for its parents there.
 */
export function adopt(host: AdoptHost, key: StageKey, work: Work, held: Held): readonly Turn[] | undefined {
  const { world, stages } = host;
  const { attempt, chainTokens } = held;
  const placed =
    held.placed === undefined ? undefined : tellings(host, held.placed).find((each) => fits(host, key, each));
  if (held.placed !== undefined && placed === undefined) return undefined;
  world.emit({
    kind: "stage-ready",
    stage: key,
    ...(attempt === 0 ? {} : { attempt }),
    ...(chainTokens === undefined ? {} : { chainTokens }),
  });
  const open = stages.open(key, work);
  if (placed === undefined) return [];
  const { workflows } = world.state;
  world.emit({ kind: "plan", ready: workflows.ready.length, decisions: 1, note: "goes on from another planner" });
  emitPlace(world, workflows.node(key).stage as VisibleModelStage, toPlace(key, placed));
  const adoption = { host, key, attempt, decodeEngine: placed.decodeEngine };
  const turns = placed.shares.flatMap((share, index) => goOn(adoption, share, index) ?? []);
  for (const { progress } of placed.shares) if (progress.at === "ended") open.outputTokens += progress.outputTokens;
  return turns;
}

/** As it is; of a pair whose prompt is taken in also with each other engine in the place of the one that did, which may be full by now. */
function tellings({ world }: AdoptHost, placed: Placed): readonly Placed[] {
  const [share] = placed.shares;
  const { decodeEngine } = placed;
  if (share === undefined || decodeEngine === undefined || !isPastPrefill(share.progress)) return [placed];
  const others = Array.from(world.state.cluster, ({ id }) => id).filter(
    (id) => id !== share.engine && id !== decodeEngine,
  );
  return [placed, ...others.map((engine) => ({ decodeEngine, shares: [{ ...share, engine }] }))];
}

function isPastPrefill(progress: Progress): boolean {
  return progress.at === "handed-over" || (progress.at === "running" && progress.phase === "decode");
}

function toPlace(key: StageKey, { shares, decodeEngine }: Placed): Place {
  return {
    kind: "place",
    stage: key,
    shares: shares.map(({ engine, items }) => ({ engine, items })),
    rank: firstRank,
    ...(decodeEngine === undefined ? {} : { decodeEngine }),
  };
}

/** Whether each engine may have the stage, and has room for those of its shares that run or have run. */
function fits({ world, desk }: AdoptHost, key: StageKey, placed: Placed): boolean {
  const place = toPlace(key, placed);
  const { cluster, workflows } = world.state;
  const { stage } = workflows.node(key);
  if (stage.kind === "tool") return false;
  const known = new Map<EngineId, EngineState>(Array.from(cluster, (engine) => [engine.id, engine]));
  const engines = place.shares.flatMap(({ engine }) => known.get(engine) ?? []);
  const pair = place.decodeEngine === undefined ? undefined : known.get(place.decodeEngine);
  if (engines.length < place.shares.length || (place.decodeEngine !== undefined && pair === undefined)) return false;
  try {
    checkShares(cluster.count, stage, place);
    if (findTrouble(knownBy(world), stage, engines, pair) !== undefined) return false;
  } catch {
    return false;
  }
  return placed.shares.every(({ engine, items, progress }) => {
    if (progress.at === "queued") return true;
    const decodes = progress.at === "ended" || (progress.at === "running" && progress.phase === "decode");
    return [engine, ...(pair !== undefined && decodes ? [pair.id] : [])].every(
      (id) => desk(id).holds(stage.model) && hasRoom(cluster.engine(id), { stage, items }),
    );
  });
}

type Adoption = {
  readonly host: AdoptHost;
  readonly key: StageKey;
  readonly attempt: number;
  readonly decodeEngine: EngineId | undefined;
};

/** Tells how far the share has come. Returns its turn, if it has one. */
function goOn(adoption: Adoption, { engine, progress }: PlacedBefore, share: number): Turn | undefined {
  if (progress.at === "queued") return undefined;
  const { decodeEngine } = adoption;
  if (progress.at === "running" && progress.phase !== "decode")
    return start(adoption, engine, share, progress.firstToken);
  if (decodeEngine === undefined) {
    begin(adoption, engine, share);
    answer(adoption, engine, share, progress, "whole");
    return undefined;
  }
  handOver(adoption, engine, decodeEngine, share);
  if (progress.at === "handed-over") return undefined;
  if (progress.at === "running") return start(adoption, decodeEngine, share, true);
  begin(adoption, decodeEngine, share);
  answer(adoption, decodeEngine, share, progress, "decode");
  return undefined;
}

/** Out of the engine's queue, as the engine itself would take it. */
function begin({ host, key }: Adoption, id: EngineId, share: number): QueuedShare | undefined {
  const { queue } = host.world.state.cluster.engine(id);
  const queued = queue.find(({ stage, share: index }) => stage.key === key && index === share);
  if (queued !== undefined) host.desk(id).begin(queued);
  return queued;
}

function start(adoption: Adoption, id: EngineId, share: number, firstToken: boolean): Turn | undefined {
  const { world, turns } = adoption.host;
  const beside = world.state.cluster.engine(id).running.length;
  const queued = begin(adoption, id, share);
  if (queued === undefined) return undefined;
  const turn = turns.open(queued, world.state.cluster.engine(id), beside, "adopted");
  if (firstToken) turn.firstToken();
  return turn;
}

function answer(
  { host, key, attempt }: Adoption,
  engine: EngineId,
  share: number,
  progress: Progress,
  phase: SharePhase,
): void {
  const { world } = host;
  if (progress.at !== "ended") return;
  const name = { stage: key, share, attempt, engine };
  const stage = world.state.workflows.node(key).stage as VisibleModelStage;
  if (phase === "whole") world.emit({ kind: "prefill-end", ...name });
  if (stage.kind === "llm") {
    const { promptTokens: contextTokens } = stage;
    if (phase === "whole") world.emit({ kind: "decode-start", ...name, sequences: 1, waves: 1, contextTokens });
    world.emit({ kind: "decode-end", ...name, outputTokens: progress.outputTokens });
  }
  world.emit({ kind: "share-end", ...name, phase });
}

function handOver(adoption: Adoption, engine: EngineId, to: EngineId, share: number): void {
  const { world } = adoption.host;
  const name = { stage: adoption.key, share, attempt: adoption.attempt, engine };
  begin(adoption, engine, share);
  world.emit({ kind: "prefill-end", ...name });
  world.emit({ kind: "kv-transfer-start", ...name, to, bytes: 0, waitUs: 0, durationUs: 0 });
  world.emit({ kind: "kv-transfer-end", ...name, to });
  world.emit({ kind: "share-end", ...name, phase: "prefill" });
}
