/** What the planner and a gateway tell each other of a stage, in the words of the one and of the other. */

import type { StageNode } from "../../state/workflow-state.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { Held as HeldShares } from "../live/adopt.ts";
import type { Refusal, Turn } from "../live/driver.ts";
import type { Held, Progress, Start } from "./protocol.ts";

/** Of texts that go over a link. */
const longestText = 4000;

/** A turn that the driver gives to `key`, as its gateway calls the stage. */
export function toStart(turn: Turn, key: StageKey, epoch: number, { shares, stage }: StageNode): Start {
  const { share, attempt, phase, engine, items, cachedTokens, planAgeUs, waitedUs } = turn;
  const decodeEngine = phase === "decode" ? engine : turn.decodeEngine;
  return {
    kind: "start",
    stage: key,
    share,
    attempt,
    phase,
    epoch,
    engine,
    items,
    cachedTokens,
    planAgeUs,
    waitedUs,
    promptTokens: stage.kind === "tool" ? 0 : stage.promptTokens,
    reason: turn.reason.slice(0, longestText),
    shares: shares.map((placed) => ({ engine: placed.engine, items: placed.items })),
    ...(phase === "whole" || decodeEngine === undefined ? {} : { decodeEngine }),
  };
}

export function cutShort({ kind, message, retryAfterS }: Refusal): Refusal {
  return { kind, message: message.slice(0, longestText), retryAfterS };
}

/** Nothing of it is left for the planner to start. */
export function isUnderWay(progress: Progress): boolean {
  return progress.at === "ended" || (progress.at === "running" && progress.phase !== "prefill");
}

/** Where its shares are, as the driver takes them over. */
export function toHeldShares({ attempt, chainTokens, shares, progress, decodeEngine }: Held): HeldShares {
  return {
    attempt,
    ...(chainTokens === undefined ? {} : { chainTokens }),
    placed: {
      shares: shares.map((share, index) => ({ ...share, progress: progress[index] ?? { at: "queued" } })),
      ...(decodeEngine === undefined ? {} : { decodeEngine }),
    },
  };
}
