/**
 * Asks an engine for the batches from a sequence number on, as far as it still has them.
 *
 * It answers with many messages where a REQ socket would take one, so we ask as a DEALER that writes REQ's empty frame
 * itself. vLLM since 2026-06 answers `["", topic, sequence, payload]`, earlier versions and SGLang `["", sequence, payload]`:
 * sequence and payload are the last two frames either way.
 */

import { ask, type Asked } from "../../wire/zmtp-dealer.ts";
import type { TcpAddress } from "../../wire/zmtp-endpoint.ts";
import { encodeSequence, endSequence, parseSequence } from "./event.ts";

export type ReplayOptions = {
  readonly address: TcpAddress;
  readonly from: bigint;
  /** Returns whether it wants to hear more. */
  readonly onBatch: (sequence: bigint, payload: Uint8Array) => boolean;
  readonly idleMs: number;
  /** Answers that are taken at most. */
  readonly maxBatches: number;
  readonly signal: AbortSignal;
};

export async function askReplay(options: ReplayOptions): Promise<Asked> {
  const { address, from, onBatch, idleMs, maxBatches, signal } = options;
  let batches = 0;
  let fault: string | undefined;
  const asked = await ask({
    address,
    request: [new Uint8Array(), encodeSequence(from)],
    idleMs,
    signal,
    onAnswer: (frames) => {
      const sequence = parseSequence(frames.at(-2));
      if (sequence === endSequence) return "last";
      batches += 1;
      if (sequence === undefined) fault = "found an answer without a sequence number of 8 bytes";
      else if (batches > maxBatches) fault = `found more than ${maxBatches} batches`;
      else if (onBatch(sequence, frames.at(-1) ?? new Uint8Array())) return "more";
      return "last";
    },
  });
  return fault === undefined ? asked : { kind: "failed", reason: fault };
}
