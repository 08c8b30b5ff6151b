/**
 * What this gateway has open, whoever plans: its calls and workflows bring their work here as to a driver, and it goes on to the
 * planner there is. What runs goes on while there is none; a new one is told all of it.
 */

import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { QueueConfig } from "../config/config.ts";
import {
  isTry,
  type Driver,
  type DropReason,
  type NewStage,
  type NewWorkflow,
  type Refusal,
  type ShareFault,
  type ShareResult,
  type Work,
} from "../live/driver.ts";
import { failureOf, toOverdue, type TroubleWith } from "../live/overdue.ts";
import { mostAttempts } from "../live/stage-desk.ts";
import type { Time, Timer } from "../live/time.ts";
import type { ShareTurn, TurnKeeper } from "../live/turn.ts";
import { announce, tellReady } from "./announce.ts";
import { makeTurn, voidAttempt, type Entry } from "./entry.ts";
import { OpenBook } from "./open-book.ts";
import type { FromPlanner, Start, ToPlanner } from "./protocol.ts";

/** Who plans for this gateway. */
export type Seat = {
  readonly epoch: number;
  readonly tell: (message: ToPlanner) => void;
};

export type LedgerOptions = {
  readonly time: Time;
  readonly queue: () => QueueConfig;
  readonly troubleWith?: TroubleWith | undefined;
  /** A mistake of ours, which costs the call that met it. */
  readonly onFault: (error: unknown) => void;
};

export type Ledger = Driver &
  Disposable & {
    /** From now on this one plans; undefined: nobody does. */
    readonly sit: (seat: Seat | undefined) => void;
    /** What a planner says. One that is not the present one, or of an epoch that is over, is not heeded: then false. */
    readonly hear: (seat: Seat, message: FromPlanner) => boolean;
    /** There is a planner of this epoch: earlier ones are not heeded any more. */
    readonly note: (epoch: number) => void;
    readonly epoch: () => number;
    readonly tenantOf: (workflow: WorkflowId) => string | undefined;
    /** Calls that wait for a place. */
    readonly waiting: () => number;
    readonly open: () => number;
    readonly workflows: () => number;
    /** Resolves when nothing is open any more, or when the signal says so: then what is left is given up. */
    readonly drain: (signal: AbortSignal) => Promise<void>;
  };

/** How often waiting stages are looked through for those that waited too long. */
const sweepMs = 200;

export function createLedger(options: LedgerOptions): Ledger {
  return new OpenWork(options);
}

class OpenWork implements Ledger, TurnKeeper {
  readonly #options: LedgerOptions;
  readonly #book = new OpenBook();
  #seat: Seat | undefined;
  #epoch = 0;
  readonly #sweep: Timer;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#sweep = options.time.every(sweepMs, () => this.#giveUpOverdue(), "unref");
  }

  nowUs = (): number => this.#options.time.nowUs();

  epoch = (): number => this.#epoch;

  waiting = (): number => this.#book.waiting.size;

  open = (): number => this.#book.ready;

  workflows = (): number => this.#book.workflows.size;

  tenantOf = (workflow: WorkflowId): string | undefined => this.#book.workflows.get(workflow)?.told.tenant;

  // What those who bring work do.

  arrive = (told: NewWorkflow): void => {
    this.#book.arrive(told, this.nowUs());
    this.#tell({ kind: "arrive", workflow: told });
  };

  reveal = (stage: NewStage): void => {
    this.#book.reveal(stage);
    this.#tell({ kind: "reveal", stage });
  };

  ready = (key: StageKey, work: Work, chainTokens?: readonly number[]): void => {
    const entry = this.#book.entry(key);
    entry.work = work;
    entry.chainTokens = chainTokens;
    this.#book.makeReady(entry, this.nowUs());
    const { maxWaiting } = this.#options.queue();
    if (this.#seat === undefined && work.patient !== true && this.waiting() > maxWaiting)
      return this.#refuse(entry, { kind: "queue-full", message: `${maxWaiting} calls wait already`, retryAfterS: 1 });
    tellReady(entry, this.nowUs(), (message) => this.#tell(message));
  };

  toolStart = (key: StageKey): void => {
    this.#book.entry(key).status = "tool";
    this.#tell({ kind: "tool-start", stage: key });
  };

  toolEnd = (key: StageKey): void => {
    if (this.#book.close(key, "ran")) this.#tell({ kind: "tool-end", stage: key });
  };

  skip = (key: StageKey): void => {
    if (this.#book.close(key)) this.#tell({ kind: "skip", stage: key });
  };

  drop = (key: StageKey, reason: DropReason): void => {
    if (this.#book.close(key)) this.#tell({ kind: "drop", stage: key, reason });
  };

  end = (workflow: WorkflowId): void => this.cancel(workflow);

  cancel = (id: WorkflowId): void => {
    if (!this.#book.end(id)) return;
    this.#tell({ kind: "end", workflow: id });
  };

  /** The planner need not be told, or has been. */
  #refuse(entry: Entry, refusal: Refusal): void {
    if (this.#book.close(entry.stage.key)) entry.work?.refuse(refusal);
  }

  // Who plans.

  note = (epoch: number): void => {
    this.#epoch = Math.max(this.#epoch, epoch);
  };

  sit = (seat: Seat | undefined): void => {
    this.#seat = seat;
    if (seat === undefined) return;
    this.note(seat.epoch);
    announce(this.#book, this.nowUs(), seat.tell);
  };

  #tell(message: ToPlanner): void {
    this.#seat?.tell(message);
  }

  hear = (seat: Seat, message: FromPlanner): boolean => {
    if (seat !== this.#seat || seat.epoch < this.#epoch) return false;
    switch (message.kind) {
      case "start":
        if (message.epoch < this.#epoch) return false;
        this.#start(message);
        break;
      case "void": {
        const entry = this.#book.entries.get(message.stage);
        if (entry?.attempt === message.attempt) this.#void(entry);
        break;
      }
      case "refuse": {
        const entry = this.#book.entries.get(message.stage);
        if (entry !== undefined) this.#refuse(entry, message.refusal);
        break;
      }
      case "welcome":
      case "beat":
        break;
      default:
        message satisfies never;
    }
    return true;
  };

  /** Of a stage that is over, or an attempt that is void, the planner is about to hear. */
  #start(start: Start): void {
    const entry = this.#book.entries.get(start.stage);
    if (entry?.work === undefined || start.attempt < entry.attempt) return;
    if (start.attempt > entry.attempt) voidAttempt(entry, start.attempt);
    const turn = makeTurn(entry, start, this.nowUs(), this);
    if (turn === undefined) return;
    this.#book.waiting.delete(start.stage);
    try {
      entry.work.start(turn);
    } catch (error) {
      this.#options.onFault(error);
      if (!turn.open) return;
      const refusal = {
        kind: "engine-failed",
        message: "the gateway could not make the call",
        retryAfterS: 1,
      } as const;
      this.#tell({ kind: "drop", stage: start.stage, reason: "failed" });
      this.#refuse(entry, refusal);
    }
  }

  #void(entry: Entry): void {
    voidAttempt(entry, entry.attempt + 1);
    this.#book.wait(entry, this.nowUs());
  }

  // What those who carry a turn out tell of it.

  onFirstToken = (turn: ShareTurn): void => {
    turn.firstTokenUs = this.nowUs();
    this.#tell({ kind: "first-token", ...nameOf(turn) });
  };

  onHandedOver = (turn: ShareTurn): void => {
    const entry = this.#book.entries.get(turn.stage.key);
    const share = entry?.shares[turn.share];
    if (entry === undefined || share?.turn !== turn) return;
    share.turn = undefined;
    share.at = "handed-over";
    if (entry.shares.every((each) => each.turn === undefined)) this.#book.wait(entry, this.nowUs());
    this.#tell({ kind: "handed-over", ...nameOf(turn) });
  };

  onEnd = (turn: ShareTurn, result: ShareResult): void => {
    const entry = this.#book.entries.get(turn.stage.key);
    const share = entry?.shares[turn.share];
    if (entry === undefined || share?.turn !== turn) return;
    share.turn = undefined;
    share.at = "ended";
    share.outputTokens = result.outputTokens;
    if (entry.shares.every(({ at }) => at === "ended")) this.#book.close(entry.stage.key, "ran");
    else if (entry.shares.every((each) => each.turn === undefined)) this.#book.wait(entry, this.nowUs());
    this.#tell({ kind: "turn-end", ...nameOf(turn), ...result });
  };

  onFail = (turn: ShareTurn, fault: ShareFault): void => {
    const entry = this.#book.entries.get(turn.stage.key);
    const share = entry?.shares[turn.share];
    if (entry === undefined || share?.turn !== turn) return;
    share.turn = undefined;
    const { kind, message } = fault;
    entry.failure = failureOf(turn.engine, message);
    if (isTry(entry.work ?? {}, fault)) entry.failures += 1;
    const again = fault.retry && entry.failures < mostAttempts;
    if (again) this.#void(entry);
    else this.#book.close(entry.stage.key);
    this.#tell({ kind: "turn-fail", ...nameOf(turn), fault: { kind, retry: again, message: message.slice(0, 4000) } });
    if (fault.retry && !again) entry.work?.refuse({ kind: "engine-failed", message, retryAfterS: 1 });
  };

  // Bounds.

  #giveUpOverdue(): void {
    const queue = this.#options.queue();
    const latestUs = this.nowUs() - queue.giveUpMs * 1000;
    for (const entry of this.#book.waiting.values()) {
      if (entry.sinceUs > latestUs) return;
      this.#tell({ kind: "drop", stage: entry.stage.key, reason: "timed-out" });
      this.#refuse(entry, toOverdue(entry.stage, entry.failure, queue, this.#options.troubleWith));
    }
  }

  drain = async (signal: AbortSignal): Promise<void> => {
    await this.#book.untilEmpty(signal);
    this.#giveUpAll();
  };

  #giveUpAll(): void {
    const refusal = { kind: "draining", message: "the gateway is about to stop", retryAfterS: 1 } as const;
    for (const [key, entry] of this.#book.entries) {
      if (entry.status !== "ready") continue;
      this.#tell({ kind: "drop", stage: key, reason: "cancelled" });
      this.#refuse(entry, refusal);
    }
    for (const workflow of this.#book.workflows.keys()) this.cancel(workflow);
  }

  [Symbol.dispose](): void {
    this.#sweep.stop();
    this.#giveUpAll();
    this.#seat = undefined;
  }
}

function nameOf({ stage, attempt, share, phase }: ShareTurn) {
  return { stage: stage.key, attempt, share, phase };
}
