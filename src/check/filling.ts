/** Which shares an iteration of a batched engine carries, and how many prompt tokens of each: worked out from the books alone. */

import type { Batching } from "../model/cluster.ts";
import type { EngineRow, ShareRow } from "./rows.ts";

export type Taken = { readonly share: ShareRow; readonly tokens: number };

export type Filling = {
  readonly prompts: readonly Taken[];
  readonly decoders: readonly ShareRow[];
};

/** The batch that began at `startUs`: all that was open then, in order of admission, those included that were lost meanwhile. */
export function fillingAt(engine: EngineRow, startUs: number): Filling {
  const { batching } = engine.costs.engine;
  const waiting: ShareRow[] = [];
  const decoding: ShareRow[] = [];
  for (const share of membersAt(engine, startUs)) {
    if (share.step === "decoding") decoding.push(share);
    else if (share.step === "prefilling" && share.promptLeft > 0) waiting.push(share);
  }
  if (batching.kind === "exclusive") return { prompts: [], decoders: [] };
  const decoders = batching.chunkedPrefill || waiting.length === 0 ? decoding : [];
  return { prompts: takePrompts(batching, waiting, sequencesOf(decoders)), decoders };
}

function membersAt(engine: EngineRow, startUs: number): readonly ShareRow[] {
  if (engine.ghosts.length === 0) return engine.running;
  const ghosts = engine.ghosts.filter((ghost) => ghost.lostUs > startUs);
  return [...engine.running, ...ghosts].sort((left, right) => left.startSequence - right.startSequence);
}

/** Chunked: as much as the budget leaves beside decoding, at least one token. Whole: as many as fit, the first always. */
function takePrompts(
  batching: Extract<Batching, { kind: "batched" }>,
  waiting: readonly ShareRow[],
  decoding: number,
): Taken[] {
  const taken: Taken[] = [];
  const chunked = batching.chunkedPrefill;
  let left = chunked ? Math.max(1, batching.prefillTokens - decoding) : batching.prefillTokens;
  for (const share of waiting) {
    if (chunked ? left <= 0 : taken.length > 0 && share.promptLeft > left) break;
    const tokens = chunked ? Math.min(share.promptLeft, left) : share.promptLeft;
    taken.push({ share, tokens });
    left -= tokens;
  }
  return taken;
}

export function sequencesOf(shares: readonly ShareRow[]): number {
  let sequences = 0;
  for (const share of shares) sequences += share.work?.sequences ?? 0;
  return sequences;
}

/** KV tokens that a decoding share attends to: each of its sequences counts its whole context. */
export function contextOf(share: ShareRow): number {
  if (share.work === undefined) return 0;
  return share.work.sequences * (share.work.contextTokens + share.written + share.stepsDone);
}

/** Tokens of each sequence that exist: the first comes with the prompt, wherever that was taken in. */
export function writtenBy({ written, step, stepsDone, phase }: ShareRow): number {
  return step === "decoding" ? written + stepsDone + (phase === "decode" ? 0 : 1) : written;
}
