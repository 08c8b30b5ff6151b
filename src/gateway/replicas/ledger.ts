/**
 * What this gateway has open, whoever plans: its calls and workflows bring their work here as to a driver, and it goes on to the
 * planner there is. What runs goes on while there is none; a new one is told all of it.
 */

import { strict as assert } from "node:assert";
import type { StageId, StageKey, WorkflowId } from "../../model/workflow.ts";
import type { QueueConfig } from "../config/config.ts";
import type {
  Driver,
  DropReason,
  NewStage,
  NewWorkflow,
  Refusal,
  ShareFault,
  ShareResult,
  Work,
} from "../live/driver.ts";
import { mostAttempts } from "../live/stage-desk.ts";
import type { Time, Timer } from "../live/time.ts";
import type { ShareTurn, TurnKeeper } from "../live/turn.ts";
import { createEntry, makeTurn, toHeld, voidAttempt, type Entry } from "./entry.ts";
import type { FromPlanner, Start, ToPlanner } from "./protocol.ts";

/** Who plans for this gateway. */
export type Seat = {
  readonly epoch: number;
  readonly tell: (message: ToPlanner) => void;
};

export type LedgerOptions = {
  readonly time: Time;
  readonly queue: () => QueueConfig;
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

type OpenWorkflow = {
  readonly told: NewWorkflow;
  readonly sinceUs: number;
  readonly entries: Set<Entry>;
  /** Of a graph that is known: stages that are over, and whether they have run. */
  readonly over: Map<StageKey, { readonly id: StageId; readonly ran: boolean }>;
};

/** How often waiting stages are looked through for those that waited too long. */
const sweepMs = 200;

export function createLedger(options: LedgerOptions): Ledger {
  return new OpenWork(options);
}

class OpenWork implements Ledger, TurnKeeper {
  readonly #options: LedgerOptions;
  readonly #workflows = new Map<WorkflowId, OpenWorkflow>();
  /** Stages that are not over, in the order of their reveal. */
  readonly #entries = new Map<StageKey, Entry>();
  /** Those that wait for a place, in the order in which they began to. */
  readonly #waiting = new Map<StageKey, Entry>();
  /** Model stages that are ready and not over. */
  #open = 0;
  #ordinal = 0;
  #seat: Seat | undefined;
  #epoch = 0;
  readonly #sweep: Timer;
  readonly #watchers = new Set<() => void>();

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#sweep = options.time.every(sweepMs, () => this.#giveUpOverdue(), "unref");
  }

  nowUs = (): number => this.#options.time.nowUs();

  epoch = (): number => this.#epoch;

  waiting = (): number => this.#waiting.size;

  open = (): number => this.#open;

  workflows = (): number => this.#workflows.size;

  tenantOf = (workflow: WorkflowId): string | undefined => this.#workflows.get(workflow)?.told.tenant;

  // What those who bring work do.

  arrive = (told: NewWorkflow): void => {
    assert(!this.#workflows.has(told.workflow), `workflow ${told.workflow} is open already`);
    this.#workflows.set(told.workflow, { told, sinceUs: this.nowUs(), entries: new Set(), over: new Map() });
    this.#tell({ kind: "arrive", workflow: told });
  };

  reveal = (stage: NewStage): void => {
    const workflow = this.#workflows.get(stage.workflow);
    assert(workflow !== undefined, `workflow ${stage.workflow} is not open`);
    assert(!this.#entries.has(stage.key), `stage ${stage.key} is revealed already`);
    const entry = createEntry(stage, this.#ordinal++);
    workflow.entries.add(entry);
    this.#entries.set(stage.key, entry);
    this.#tell({ kind: "reveal", stage });
  };

  ready = (key: StageKey, work: Work, chainTokens?: readonly number[]): void => {
    const entry = this.#entryOf(key);
    entry.work = work;
    entry.status = "ready";
    entry.chainTokens = chainTokens;
    entry.readyUs = this.nowUs();
    this.#open += 1;
    this.#wait(entry);
    const { maxWaiting } = this.#options.queue();
    if (this.#seat === undefined && this.#waiting.size > maxWaiting)
      return this.#refuse(entry, { kind: "queue-full", message: `${maxWaiting} calls wait already`, retryAfterS: 1 });
    this.#tellReady(entry);
  };

  toolStart = (key: StageKey): void => {
    this.#entryOf(key).status = "tool";
    this.#tell({ kind: "tool-start", stage: key });
  };

  toolEnd = (key: StageKey): void => {
    if (this.#close(key, "ran")) this.#tell({ kind: "tool-end", stage: key });
  };

  skip = (key: StageKey): void => {
    if (this.#close(key)) this.#tell({ kind: "skip", stage: key });
  };

  drop = (key: StageKey, reason: DropReason): void => {
    if (this.#close(key)) this.#tell({ kind: "drop", stage: key, reason });
  };

  end = (workflow: WorkflowId): void => this.cancel(workflow);

  cancel = (id: WorkflowId): void => {
    const workflow = this.#workflows.get(id);
    if (workflow === undefined) return;
    for (const { stage } of workflow.entries) this.#close(stage.key);
    this.#workflows.delete(id);
    this.#tell({ kind: "end", workflow: id });
  };

  #entryOf(key: StageKey): Entry {
    const entry = this.#entries.get(key);
    if (entry === undefined) throw new Error(`stage ${key} is not revealed or is over`);
    return entry;
  }

  /** It is over: its turns are taken back. False if it was. */
  #close(key: StageKey, ran?: "ran"): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    const workflow = this.#workflows.get(entry.stage.workflow);
    workflow?.entries.delete(entry);
    if (workflow?.told.reveal === "static") workflow.over.set(key, { id: entry.stage.id, ran: ran !== undefined });
    this.#waiting.delete(key);
    if (entry.status === "ready") this.#open -= 1;
    for (const { turn } of entry.shares) turn?.revoke();
    if (this.#open === 0) for (const watcher of this.#watchers) watcher();
    return true;
  }

  #wait(entry: Entry): void {
    entry.sinceUs = this.nowUs();
    this.#waiting.delete(entry.stage.key);
    this.#waiting.set(entry.stage.key, entry);
  }

  /** The planner need not be told, or has been. */
  #refuse(entry: Entry, refusal: Refusal): void {
    if (this.#close(entry.stage.key)) entry.work?.refuse(refusal);
  }

  // Who plans.

  note = (epoch: number): void => {
    this.#epoch = Math.max(this.#epoch, epoch);
  };

  sit = (seat: Seat | undefined): void => {
    this.#seat = seat;
    if (seat === undefined) return;
    this.note(seat.epoch);
    const nowUs = this.nowUs();
    for (const { told, sinceUs } of this.#workflows.values())
      seat.tell({ kind: "arrive", workflow: withTimeLeft(told, nowUs - sinceUs) });
    this.#tellOver(seat);
    for (const { stage } of this.#entries.values()) seat.tell({ kind: "reveal", stage });
    for (const entry of this.#entries.values()) {
      if (entry.status === "tool") seat.tell({ kind: "tool-start", stage: entry.stage.key });
      if (entry.status === "ready") this.#tellReady(entry);
    }
    seat.tell({ kind: "announced" });
  };

  #tellOver(seat: Seat): void {
    const told = new Set<StageKey>();
    for (const { stage } of this.#entries.values()) {
      const over = this.#workflows.get(stage.workflow)?.over;
      for (const { stage: key } of stage.parents) {
        const parent = over?.get(key);
        if (parent === undefined || told.has(key)) continue;
        told.add(key);
        seat.tell({ kind: "over", stage: key, workflow: stage.workflow, ...parent });
      }
    }
  }

  #tell(message: ToPlanner): void {
    this.#seat?.tell(message);
  }

  #tellReady(entry: Entry): void {
    entry.toldUs = this.nowUs();
    const held = toHeld(entry);
    if (held !== undefined) return this.#tell(held);
    const { stage, attempt, chainTokens } = entry;
    const tokens = chainTokens === undefined ? {} : { chainTokens };
    this.#tell({ kind: "ready", stage: stage.key, attempt, ...tokens });
  }

  hear = (seat: Seat, message: FromPlanner): boolean => {
    if (seat !== this.#seat || seat.epoch < this.#epoch) return false;
    switch (message.kind) {
      case "start":
        if (message.epoch < this.#epoch) return false;
        this.#start(message);
        break;
      case "void": {
        const entry = this.#entries.get(message.stage);
        if (entry?.attempt === message.attempt) this.#void(entry);
        break;
      }
      case "refuse": {
        const entry = this.#entries.get(message.stage);
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
    const entry = this.#entries.get(start.stage);
    if (entry?.work === undefined || start.attempt < entry.attempt) return;
    if (start.attempt > entry.attempt) voidAttempt(entry, start.attempt);
    const turn = makeTurn(entry, start, this.nowUs(), this);
    if (turn === undefined) return;
    this.#waiting.delete(start.stage);
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
    this.#wait(entry);
  }

  // What those who carry a turn out tell of it.

  onFirstToken = (turn: ShareTurn): void => {
    turn.firstTokenUs = this.nowUs();
    this.#tell({ kind: "first-token", ...nameOf(turn) });
  };

  onHandedOver = (turn: ShareTurn): void => {
    const entry = this.#entries.get(turn.stage.key);
    const share = entry?.shares[turn.share];
    if (entry === undefined || share?.turn !== turn) return;
    share.turn = undefined;
    share.at = "handed-over";
    if (entry.shares.every((each) => each.turn === undefined)) this.#wait(entry);
    this.#tell({ kind: "handed-over", ...nameOf(turn) });
  };

  onEnd = (turn: ShareTurn, result: ShareResult): void => {
    const entry = this.#entries.get(turn.stage.key);
    const share = entry?.shares[turn.share];
    if (entry === undefined || share?.turn !== turn) return;
    share.turn = undefined;
    share.at = "ended";
    share.outputTokens = result.outputTokens;
    if (entry.shares.every(({ at }) => at === "ended")) this.#close(entry.stage.key, "ran");
    else if (entry.shares.every((each) => each.turn === undefined)) this.#wait(entry);
    this.#tell({ kind: "turn-end", ...nameOf(turn), ...result });
  };

  onFail = (turn: ShareTurn, fault: ShareFault): void => {
    const entry = this.#entries.get(turn.stage.key);
    const share = entry?.shares[turn.share];
    if (entry === undefined || share?.turn !== turn) return;
    share.turn = undefined;
    const { kind, message } = fault;
    entry.failures += 1;
    const again = fault.retry && entry.failures < mostAttempts;
    if (again) this.#void(entry);
    else this.#close(entry.stage.key);
    this.#tell({ kind: "turn-fail", ...nameOf(turn), fault: { kind, retry: again, message: message.slice(0, 4000) } });
    if (fault.retry && !again) entry.work?.refuse({ kind: "engine-failed", message, retryAfterS: 1 });
  };

  // Bounds.

  #giveUpOverdue(): void {
    const { giveUpMs } = this.#options.queue();
    const latestUs = this.nowUs() - giveUpMs * 1000;
    for (const entry of this.#waiting.values()) {
      if (entry.sinceUs > latestUs) return;
      this.#tell({ kind: "drop", stage: entry.stage.key, reason: "timed-out" });
      const message = `no engine took the call within ${giveUpMs / 1000} s`;
      this.#refuse(entry, { kind: "waited-too-long", message, retryAfterS: 5 });
    }
  }

  drain = async (signal: AbortSignal): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => {
      if (this.#open === 0 || signal.aborted) resolve();
    };
    this.#watchers.add(done);
    signal.addEventListener("abort", done);
    done();
    await promise;
    this.#watchers.delete(done);
    signal.removeEventListener("abort", done);
    this.#giveUpAll();
  };

  #giveUpAll(): void {
    const refusal = { kind: "draining", message: "the gateway is about to stop", retryAfterS: 1 } as const;
    for (const [key, entry] of this.#entries) {
      if (entry.status !== "ready") continue;
      this.#tell({ kind: "drop", stage: key, reason: "cancelled" });
      this.#refuse(entry, refusal);
    }
    for (const workflow of this.#workflows.keys()) this.cancel(workflow);
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

/** Deadlines count from an arrival, and this one is told to another clock. */
function withTimeLeft(told: NewWorkflow, passedUs: number): NewWorkflow {
  return told.deadlineUs === undefined ? told : { ...told, deadlineUs: Math.max(1, told.deadlineUs - passedUs) };
}
