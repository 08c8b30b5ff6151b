/** What following an engine's events needs, and what it tells. */

import type { TcpAddress } from "../../wire/zmtp-endpoint.ts";
import type { Wait } from "../../wire/zmtp-subscribe.ts";
import type { KvEvent } from "./event.ts";

export type FollowState = { readonly kind: "current" } | { readonly kind: "stale"; readonly reason: string };

export type FollowOptions = {
  readonly address: TcpAddress;
  readonly replay?: TcpAddress;
  /** A prefix of the topics that count. */
  readonly topic: string;
  readonly onEvent: (event: KvEvent) => void;
  /** The engine began anew: it holds nothing. */
  readonly onRestart: () => void;
  /** Batches are lost for good: what was known of the engine may be wrong. */
  readonly onForget: () => void;
  readonly onState?: (state: FollowState) => void;
  readonly limits?: Partial<FollowLimits>;
  readonly backoffMs?: { readonly first: number; readonly most: number };
  readonly heartbeatMs?: number;
  readonly wait?: Wait;
};

export type FollowLimits = {
  /** Live batches that wait for a replay, and their bytes. */
  readonly waitingBatches: number;
  readonly waitingBytes: number;
  /** Tries at closing one gap, and the pause between them. */
  readonly replays: number;
  readonly replayPauseMs: number;
  /** From one answer to the next. */
  readonly replayIdleMs: number;
  readonly replayedBatches: number;
};

export const defaultLimits: FollowLimits = {
  waitingBatches: 10_000,
  waitingBytes: 64 * 1024 * 1024,
  replays: 4,
  replayPauseMs: 500,
  replayIdleMs: 5000,
  replayedBatches: 200_000,
};

export type FollowCounters = {
  batches: number;
  events: number;
  /** Events of a kind that is not known. */
  unknown: number;
  /** Events and batches that say something which is lost. */
  malformed: number;
  gaps: number;
  replays: number;
  /** Batches that came by replay. */
  replayed: number;
  restarts: number;
};
