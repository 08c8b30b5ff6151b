/** A stage in the ledger: how far it is, where it is placed, and who carries its shares. */

import type { EngineId } from "../../model/cluster.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { NewStage, Work } from "../live/driver.ts";
import { ShareTurn, type TurnKeeper } from "../live/turn.ts";
import type { Held, Progress, Start } from "./protocol.ts";

export type Entry = {
  readonly stage: NewStage;
  /** In the order of reveal at this gateway. */
  readonly ordinal: number;
  status: "waiting" | "ready" | "tool";
  /** Once it is ready. */
  work: Work | undefined;
  chainTokens: readonly number[] | undefined;
  readyUs: number;
  /** When the present planner was told that it is. */
  toldUs: number;
  /** Since when it waits for an engine, this time. */
  sinceUs: number;
  attempt: number;
  failures: number;
  /** Of the last of them, which engine and what happened. */
  failure: string | undefined;
  /** Of this attempt, once one of them has begun. */
  shares: EntryShare[];
  decodeEngine: EngineId | undefined;
};

/** With a turn it runs. */
export type EntryShare = {
  readonly engine: EngineId;
  readonly items: number;
  at: "queued" | "running" | "handed-over" | "ended";
  turn: ShareTurn | undefined;
  outputTokens: number;
};

export function createEntry(stage: NewStage, ordinal: number): Entry {
  return {
    stage,
    ordinal,
    status: "waiting",
    work: undefined,
    chainTokens: undefined,
    readyUs: 0,
    toldUs: 0,
    sinceUs: 0,
    attempt: 0,
    failures: 0,
    failure: undefined,
    shares: [],
    decodeEngine: undefined,
  };
}

/** The attempt under way is void; this is the next one. */
export function voidAttempt(entry: Entry, attempt: number): void {
  const { shares } = entry;
  entry.attempt = attempt;
  entry.shares = [];
  entry.decodeEngine = undefined;
  for (const { turn } of shares) turn?.revoke();
}

/** A share of this attempt has its turn. Undefined if it makes no sense: it has one, or is over. */
export function makeTurn(entry: Entry, start: Start, nowUs: number, keeper: TurnKeeper): ShareTurn | undefined {
  const { stage, ordinal, readyUs, toldUs } = entry;
  if (stage.kind === "tool") return undefined;
  if (entry.shares.length === 0) {
    entry.shares = start.shares.map(({ engine, items }) => ({
      engine,
      items,
      at: "queued",
      turn: undefined,
      outputTokens: 0,
    }));
    entry.decodeEngine = start.decodeEngine;
  }
  const share = entry.shares[start.share];
  if (share === undefined || share.at !== (start.phase === "decode" ? "handed-over" : "queued")) return undefined;
  const { promptTokens } = start;
  const { share: index, items, attempt, engine, phase, cachedTokens, reason, planAgeUs } = start;
  const turn = new ShareTurn(
    {
      stage: { ...stage, ordinal, promptTokens } satisfies VisibleModelStage,
      share: index,
      shares: entry.shares.length,
      items,
      attempt,
      engine,
      phase,
      cachedTokens,
      reason,
      planAgeUs,
      decodeEngine: phase === "prefill" ? start.decodeEngine : undefined,
      promptTokens,
      beside: 0,
      startUs: nowUs,
      // Whoever planned before has let it wait too.
      waitedUs: Math.min(nowUs - readyUs, toldUs - readyUs + start.waitedUs),
      adopted: false,
    },
    keeper,
  );
  share.at = "running";
  share.turn = turn;
  return turn;
}

/** How far its shares are, for a planner that did not place them; undefined if none has begun. */
export function toHeld({ stage, attempt, work, chainTokens, shares, decodeEngine }: Entry): Held | undefined {
  if (shares.length === 0) return undefined;
  return {
    kind: "held",
    stage: stage.key,
    attempt,
    shares: shares.map(({ engine, items }) => ({ engine, items })),
    progress: shares.map(toProgress),
    ...(work?.patient === true ? { patient: true } : {}),
    ...(chainTokens === undefined ? {} : { chainTokens }),
    ...(decodeEngine === undefined ? {} : { decodeEngine }),
  };
}

function toProgress({ at, turn, outputTokens }: EntryShare): Progress {
  switch (at) {
    case "queued":
    case "handed-over":
      return { at };
    case "running":
      return { at, phase: turn?.phase ?? "whole", firstToken: turn !== undefined && turn.firstTokenUs >= 0 };
    case "ended":
      return { at, outputTokens };
    default:
      return at satisfies never;
  }
}
