/** Looks after the stages that somebody waits for: from when they are ready until they end, are given up, or are turned away. */

import { strict as assert } from "node:assert";
import type { EngineId } from "../../model/cluster.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { QueueConfig } from "../config/config.ts";
import { hasOther, isStranded } from "./admission.ts";
import { isTry, type DropReason, type Refusal, type ShareFault, type Work } from "./driver.ts";
import type { Moments } from "./moments.ts";
import { failureOf, toOverdue, type TroubleWith } from "./overdue.ts";
import type { ShareTurn } from "./turn.ts";
import type { World } from "./world.ts";

/** A stage that somebody waits for. */
export type Open = {
  readonly key: StageKey;
  readonly work: Work;
  readonly readyUs: number;
  /** Since when it waits for an engine, this time. */
  sinceUs: number;
  /** When the plan that placed it was made from what was known. */
  viewUs: number;
  reason: string;
  /** Shares that have their turn. */
  turns: ShareTurn[];
  outputTokens: number;
  failures: number;
  /** Of the last of them, which engine and what happened. */
  failure: string | undefined;
};

export type StageDeskHost = {
  readonly world: World;
  readonly moments: Moments;
  readonly queue: () => QueueConfig;
  /** Whether the stage, ready now, is turned away. */
  readonly refusalOf: (open: Open) => Refusal | undefined;
  /** Engines that have room again. */
  readonly serve: (engine: EngineId) => void;
  readonly troubleWith?: TroubleWith | undefined;
};

/** Tries of one stage. */
export const mostAttempts = 4;

/** Invariant: stages stand in the order in which they began to wait, so those that waited too long are found first. */
export class StageDesk {
  readonly #host: StageDeskHost;
  readonly #open = new Map<StageKey, Open>();
  /** Those that avoid engines. */
  readonly #wary = new Set<StageKey>();
  /** Of which so many have a share that has its turn. */
  #begun = 0;
  /** Model stages that are visible and wait for parents. */
  foreseen = 0;

  constructor(host: StageDeskHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#open.size;
  }

  /** How many wait for a place. */
  get waiting(): number {
    return this.#open.size - this.#begun;
  }

  [Symbol.iterator](): Iterator<Open> {
    return this.#open.values();
  }

  find(key: StageKey): Open | undefined {
    return this.#open.get(key);
  }

  ready(key: StageKey, work: Work, chainTokens: readonly number[] | undefined): void {
    const { world } = this.#host;
    world.emit({ kind: "stage-ready", stage: key, ...(chainTokens === undefined ? {} : { chainTokens }) });
    const open = this.open(key, work);
    const refusal = this.#host.refusalOf(open);
    if (refusal !== undefined) this.refuse(open, refusal, "refused");
  }

  /** From now on somebody waits for it. */
  open(key: StageKey, work: Work): Open {
    const { nowUs } = this.#host.world;
    this.foreseen -= 1;
    const open: Open = {
      key,
      work,
      readyUs: nowUs,
      sinceUs: nowUs,
      viewUs: nowUs,
      reason: "",
      turns: [],
      outputTokens: 0,
      failures: 0,
      failure: undefined,
    };
    this.#open.set(key, open);
    return open;
  }

  begin(open: Open, turn: ShareTurn): void {
    if (open.turns.length === 0) this.#begun += 1;
    open.turns.push(turn);
  }

  /** The share is over, or goes on elsewhere once there is room: then the stage waits again. */
  release(open: Open, turn: ShareTurn): void {
    const index = open.turns.indexOf(turn);
    if (index < 0) return;
    open.turns.splice(index, 1);
    if (open.turns.length > 0) return;
    this.#begun -= 1;
    this.#waitAnew(open);
  }

  end(open: Open, attempt: number): void {
    if (open.turns.length > 0) this.#begun -= 1;
    this.#host.world.emit({ kind: "stage-end", stage: open.key, attempt, outputTokens: open.outputTokens });
    this.#open.delete(open.key);
    this.#wary.delete(open.key);
  }

  /** An engine failed the stage: another try, if there is one left. */
  fail(open: Open, engine: EngineId, fault: Pick<ShareFault, "kind" | "message">): void {
    open.failure = failureOf(engine, fault.message);
    if (isTry(open.work, fault)) open.failures += 1;
    if (open.failures < mostAttempts) this.lose(open, engine);
    else this.refuse(open, { kind: "engine-failed", message: fault.message, retryAfterS: 1 }, "failed");
  }

  /** This attempt is void: the stage is ready again, and goes elsewhere than to `failed` if another engine could take it. */
  lose(open: Open, failed?: EngineId): void {
    const { world } = this.#host;
    const { attempt } = world.state.workflows.node(open.key);
    const engines = this.#enginesWith(open.key);
    const begun = open.turns.length > 0;
    this.#revoke(open);
    open.outputTokens = 0;
    const avoids = failed !== undefined && hasOther(world, open.key, failed);
    const avoid = avoids ? { avoid: failed } : {};
    world.emit({ kind: "stage-lost", stage: open.key, attempt, reason: "engine-failed", ...avoid });
    if (avoids) this.#wary.add(open.key);
    // Who has only been sent from one queue to another has waited all the time.
    if (begun) this.#waitAnew(open);
    for (const engine of engines) this.#host.serve(engine);
  }

  /** Stages go back to engines that failed them where nobody else who could take them is up. */
  forgive(): void {
    const { world } = this.#host;
    for (const key of this.#wary) {
      const { status, stage } = world.state.workflows.node(key);
      if (status !== "ready" || stage.kind === "tool" || !isStranded(world, stage)) continue;
      this.#wary.delete(key);
      world.emit({ kind: "stage-forgive", stage: key });
    }
  }

  /** Gives the stage up wherever it is. */
  drop(key: StageKey, reason: DropReason): void {
    const { world } = this.#host;
    const { status, stage, attempt } = world.state.workflows.node(key);
    if (status === "ended") return;
    const engines = this.#enginesWith(key);
    const open = this.#open.get(key);
    if (open !== undefined) this.#revoke(open);
    this.#open.delete(key);
    this.#wary.delete(key);
    world.emit({ kind: "stage-drop", stage: key, attempt, reason });
    if (status === "waiting" && stage.kind !== "tool") this.foreseen -= 1;
    for (const engine of engines) this.#host.serve(engine);
  }

  skip(key: StageKey): void {
    const { world } = this.#host;
    const { kind } = world.state.workflows.node(key).stage;
    world.emit({ kind: "stage-skip", stage: key });
    if (kind !== "tool") this.foreseen -= 1;
  }

  /** Gives the stage up for a reason that its owner does not know yet. */
  refuse(open: Open, refusal: Refusal, reason: DropReason): void {
    this.drop(open.key, reason);
    open.work.refuse(refusal);
  }

  giveUpOverdue(): void {
    const { world, troubleWith } = this.#host;
    const queue = this.#host.queue();
    const latestUs = world.time.nowUs() - queue.giveUpMs * 1000;
    for (const open of this.#open.values()) {
      if (open.sinceUs > latestUs) return;
      if (open.turns.length > 0) continue;
      const { stage } = world.state.workflows.node(open.key);
      const refusal = toOverdue(stage, open.failure, queue, troubleWith);
      this.#host.moments.live(() => this.refuse(open, refusal, "timed-out"));
    }
  }

  /** Turns all away that is open. */
  giveUpAll(refusal: Refusal): void {
    // What runs goes last, or else its place would be taken once more; one that waits may begin where another has gone.
    for (const open of this.#open.values()) if (open.turns.length === 0) this.refuse(open, refusal, "cancelled");
    for (const open of Array.from(this.#open.values()))
      if (this.#open.has(open.key)) this.refuse(open, refusal, "cancelled");
    assert(this.#open.size === 0 && this.#begun === 0, `${this.#open.size} stages are open that were given up`);
  }

  #revoke(open: Open): void {
    if (open.turns.length > 0) this.#begun -= 1;
    for (const turn of open.turns) turn.revoke();
    open.turns = [];
  }

  #waitAnew(open: Open): void {
    open.sinceUs = this.#host.world.nowUs;
    this.#open.delete(open.key);
    this.#open.set(open.key, open);
  }

  /** Engines that have a share of the stage, queued or running. */
  #enginesWith(key: StageKey): EngineId[] {
    const engines: EngineId[] = [];
    for (const { id, queue, running } of this.#host.world.state.cluster)
      if (queue.some(({ stage }) => stage.key === key) || running.some(({ stage }) => stage.key === key))
        engines.push(id);
    return engines;
  }
}
