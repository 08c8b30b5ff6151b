/** What a follower has heard and what it lacks: puts batches in order, asks for those it missed, notices a restart. */

import type { TcpAddress } from "../../wire/zmtp-endpoint.ts";
import { waitForReal } from "../../wire/zmtp-subscribe.ts";
import type { Message } from "../../wire/zmtp.ts";
import { askReplay } from "./ask-replay.ts";
import { decodeBatch } from "./decode.ts";
import { parseSequence } from "./event.ts";
import {
  defaultLimits,
  type FollowCounters,
  type FollowLimits,
  type FollowOptions,
  type FollowState,
} from "./follow-options.ts";
import { createLiveQueue, type Live, type LiveQueue } from "./live-queue.ts";

const gapReason = "what it sent has gaps";
/** Replays in one repair, in multiples of the tries without progress. */
const mostWithProgress = 8;

/**
 * Invariant: everything up to `last` that the engine had for us has been handed on, in order. Holds at most the limits of
 * live batches back, and those only while a repair is under way.
 */
export class FollowBook {
  readonly counters: FollowCounters = {
    batches: 0,
    events: 0,
    unknown: 0,
    malformed: 0,
    gaps: 0,
    replays: 0,
    replayed: 0,
    restarts: 0,
  };
  state: FollowState = { kind: "stale", reason: "not connected yet" };
  readonly #options: FollowOptions;
  readonly #limits: FollowLimits;
  readonly #waiting: LiveQueue;
  #last: Live | undefined;
  /** Undefined: the cache is known whole. */
  #lack: string | undefined = "nothing is known yet";
  /** Of the connection that is up: ends what was begun for it. */
  #connection: AbortController | undefined;
  #repair: Promise<void> | undefined;
  /** The highest number that came live over this connection: anything below is no late twin of a replayed batch. */
  #lastLive: bigint | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#waiting = createLiveQueue(this.#limits.waitingBatches, this.#limits.waitingBytes);
  }

  connect(): void {
    this.#connection = new AbortController();
    this.#lastLive = undefined;
    if (this.#options.replay === undefined) this.#tell("connected, and no batch has come since");
    else this.#startRepair();
  }

  disconnect(reason: string): void {
    this.#connection?.abort();
    this.#connection = undefined;
    this.#waiting.clear();
    this.#tell(`not connected: ${reason}`);
  }

  async stop(): Promise<void> {
    this.disconnect("it was stopped");
    await this.#repair;
  }

  hear(frames: Message): void {
    const sequence = parseSequence(frames.at(-2));
    const payload = frames.at(-1);
    if (frames.length < 3 || sequence === undefined || payload === undefined) {
      this.counters.malformed += 1;
      return;
    }
    const twin = this.#options.replay !== undefined && (this.#lastLive === undefined || sequence > this.#lastLive);
    this.#lastLive = sequence;
    const live = { sequence, payload };
    if (this.#repair !== undefined) this.#waiting.put(live);
    else if (this.#last === undefined || sequence > this.#last.sequence) this.#hearNext(live);
    else if (!twin) {
      this.#restart();
      this.#hearNext(live);
    }
  }

  #hearNext(live: Live): void {
    if (this.#follows(live)) this.#take(live);
    else {
      this.counters.gaps += 1;
      if (this.#options.replay === undefined) this.#jump(live);
      else {
        this.#waiting.put(live);
        this.#startRepair();
        return;
      }
    }
    this.#tell();
  }

  #startRepair(): void {
    const { replay } = this.#options;
    const signal = this.#connection?.signal;
    if (replay === undefined || signal === undefined) return;
    this.#tell("asks for what it missed");
    const before = this.#repair ?? Promise.resolve();
    const repair = before
      .then(() => this.#runRepair(replay, signal))
      .then(() => {
        if (this.#repair !== repair) return;
        this.#repair = undefined;
        if (!signal.aborted) this.#tell();
      });
    this.#repair = repair;
  }

  async #runRepair(replay: TcpAddress, signal: AbortSignal): Promise<void> {
    const { replays, replayPauseMs } = this.#limits;
    let reason = "";
    let tries = 0;
    for (let asked = 0; tries < replays && asked < replays * mostWithProgress; asked++) {
      const before = this.counters.batches;
      const fault = await this.#askOnce(replay, signal);
      if (signal.aborted) return;
      if (fault === undefined && this.#takeWaiting()) return;
      reason = fault ?? gapReason;
      // An engine drops what we do not take fast enough: as long as each replay brings something, asking goes on.
      tries = this.counters.batches > before ? 1 : tries + 1;
      if (tries < replays) await (this.#options.wait ?? waitForReal)(replayPauseMs, signal).catch(() => {});
      if (signal.aborted) return;
    }
    this.#forget(`the replay socket did not help: ${reason}`);
    // Nothing says that this is still the same engine, so any number may come next.
    this.#last = undefined;
    this.#takeWaitingAnyway();
  }

  /** Takes what the engine replays from the last batch on, that one included: it shows whether this is still the same engine. */
  async #askOnce(address: TcpAddress, signal: AbortSignal): Promise<string | undefined> {
    this.counters.replays += 1;
    const known = this.#last;
    let first = true;
    let other = false;
    let broken = false;
    const { replayIdleMs: idleMs, replayedBatches: maxBatches } = this.#limits;
    const asked = await askReplay({
      address,
      from: known?.sequence ?? 0n,
      idleMs,
      maxBatches,
      signal,
      onBatch: (sequence, payload) => {
        const batch = { sequence, payload };
        if (known !== undefined && sequence <= known.sequence) {
          first = false;
          other ||= sequence === known.sequence && !Buffer.from(payload).equals(known.payload);
          return !other;
        }
        this.counters.replayed += 1;
        // The engine kept nothing older, so asking again would bring nothing else.
        if (first && !this.#follows(batch)) this.#jump(batch);
        else if (this.#follows(batch)) this.#take(batch);
        else broken = true;
        first = false;
        return !broken;
      },
    });
    if (asked.kind === "failed") return asked.reason;
    if (broken) return gapReason;
    // The engine no longer has, or has something else as, the batch that we heard last.
    if (other || (first && known !== undefined)) {
      this.#restart();
      return this.#askOnce(address, signal);
    }
    if (first && this.#last === undefined) this.#lack = undefined;
    return undefined;
  }

  /** Whether nothing is left over that would need another replay. */
  #takeWaiting(): boolean {
    for (;;) {
      const live = this.#waiting.peek();
      if (live === undefined) return true;
      const old = this.#last !== undefined && live.sequence <= this.#last.sequence;
      if (!old && !this.#follows(live)) return false;
      if (!old) this.#take(live);
      this.#waiting.drop();
    }
  }

  #takeWaitingAnyway(): void {
    for (let live = this.#waiting.peek(); live !== undefined; live = this.#waiting.peek()) {
      this.#waiting.drop();
      if (this.#last === undefined || live.sequence > this.#last.sequence) this.#take(live);
    }
  }

  /** The first batch of an engine has number 0. */
  #follows({ sequence }: Live): boolean {
    return sequence === (this.#last === undefined ? 0n : this.#last.sequence + 1n);
  }

  /** Goes on at a batch although those before it are missing. */
  #jump(live: Live): void {
    const from = this.#last === undefined ? 0n : this.#last.sequence + 1n;
    this.#forget(`batches ${from} to ${live.sequence - 1n} are missing`);
    this.#take(live);
  }

  #take(live: Live): void {
    if (this.#last === undefined && live.sequence === 0n) this.#lack = undefined;
    this.#last = live;
    this.counters.batches += 1;
    const decoded = decodeBatch(live.payload);
    if (decoded.kind === "fault") {
      this.counters.malformed += 1;
      this.#forget(`batch ${live.sequence} cannot be read: ${decoded.reason}`);
      return;
    }
    const { events, unknown, malformed } = decoded.batch;
    this.counters.events += events.length;
    this.counters.unknown += unknown;
    this.counters.malformed += malformed;
    for (const event of events) {
      if (event.kind === "all-blocks-cleared") this.#lack = undefined;
      this.#options.onEvent(event);
    }
    if (malformed > 0) this.#forget(`${malformed} events of batch ${live.sequence} cannot be read`);
  }

  #restart(): void {
    this.counters.restarts += 1;
    this.#last = undefined;
    this.#lack = "the engine began anew";
    this.#options.onRestart();
  }

  #forget(reason: string): void {
    this.#lack = reason;
    this.#options.onForget();
  }

  /** Says how things stand, if that is not what was said last. `trouble` comes before what is lacking. */
  #tell(trouble: string | undefined = this.#lack): void {
    const state: FollowState = trouble === undefined ? { kind: "current" } : { kind: "stale", reason: trouble };
    const { state: before } = this;
    if (before.kind === state.kind && (before.kind === "current" || before.reason === trouble)) return;
    this.state = state;
    this.#options.onState?.(state);
  }
}
