/**
 * What the planning thread is asked: one question at a time, whose answer is waited for until its deadline.
 *
 * Invariant: a thread that still owes the answer to an earlier question gets no other one; who owes it for too long is replaced.
 */

import type { Plan } from "../../policy/policy.ts";
import { PlanningLine, type LineHost } from "./planning-line.ts";
import { sinceEpochMs, type FromThread } from "./thread-protocol.ts";
import type { Timer } from "./time.ts";
import type { Unloadable } from "./unloadable.ts";
import type { World } from "./world.ts";

/** Of each question exactly one of `onPlan`, `onFailed` and `onLate` is told, unless it is forgotten. */
export type QuestionsHost = Pick<LineHost, "policy" | "hardestWaitUs" | "snapshot" | "follow"> & {
  readonly deadlineMs: number;
  /** Writes out what is gathered, so that the thread is up to date. */
  readonly flush: () => void;
  /** Made from what was known at `viewUs`. */
  readonly onPlan: (plan: Plan, viewUs: number, tookUs: number) => void;
  readonly onFailed: (reason: string) => void;
  readonly onLate: () => void;
  readonly onFault: (error: unknown) => void;
};

/** The part of the deadline after which a search answers with the best so far; the rest is for the answer's way. */
const partToSearch = 0.8;
/** A thread that owes an answer for so long is replaced. */
const patienceUs = 10_000_000;

export class Questions {
  readonly #world: World;
  readonly #host: QuestionsHost;
  readonly #line: PlanningLine;
  #asked: { readonly id: number; readonly viewUs: number; readonly deadline: Timer } | undefined;
  /** The one that was answered too late, if at all. */
  #owed: { readonly id: number; readonly viewUs: number } | undefined;
  #nextId = 1;

  constructor(world: World, host: QuestionsHost) {
    this.#world = world;
    this.#host = host;
    const { policy, hardestWaitUs, snapshot, follow } = host;
    this.#line = new PlanningLine({
      time: world.time,
      policy,
      hardestWaitUs,
      snapshot,
      follow,
      onAnswer: (answer) => this.#onAnswer(answer),
      onBroken: (reason) => this.#onBroken(reason),
    });
  }

  /** An answer is waited for. */
  get open(): boolean {
    return this.#asked !== undefined;
  }

  /** What should run where, from what is known now? False if the thread is busy with an earlier question. */
  ask(memory: unknown, unloadable: readonly Unloadable[]): boolean {
    if (this.#owed !== undefined && !this.#replaces(this.#owed.viewUs)) return false;
    this.#host.flush();
    const id = this.#nextId++;
    const { nowUs: viewUs, time } = this.#world;
    const { deadlineMs } = this.#host;
    this.#asked = { id, viewUs, deadline: time.after(deadlineMs, () => this.#onDeadline(id)) };
    const dueMs = sinceEpochMs() + partToSearch * deadlineMs;
    this.#line.ask({ kind: "plan", id, nowUs: viewUs, memory, unloadable, dueMs });
    return true;
  }

  /** A thread that has been silent since then is replaced; false if it may still answer. */
  #replaces(sinceUs: number): boolean {
    if (this.#world.nowUs - sinceUs < patienceUs) return false;
    this.#host.onFault(new Error(`the planning thread has been silent for ${patienceUs / 1e6} s and is replaced`));
    this.#owed = undefined;
    void this.#line.close();
    return true;
  }

  #onDeadline(id: number): void {
    if (this.#asked?.id !== id) return;
    this.#owed = this.#asked;
    this.#asked = undefined;
    this.#host.onLate();
  }

  #onAnswer(answer: FromThread): void {
    if (answer.kind === "ready") return;
    if (this.#owed?.id === answer.id) this.#owed = undefined;
    if (this.#asked?.id !== answer.id) return;
    const { viewUs, deadline } = this.#asked;
    deadline.stop();
    this.#asked = undefined;
    if (answer.kind === "failed") this.#host.onFailed(answer.reason);
    else this.#host.onPlan(answer, viewUs, answer.tookUs);
  }

  #onBroken(reason: string): void {
    this.#host.onFault(new Error(`the planning thread ended: ${reason}`));
    this.#owed = undefined;
    if (this.#asked !== undefined) this.#onAnswer({ kind: "failed", id: this.#asked.id, reason });
  }

  /** The world is another: a plan for the old one is not waited for, and the thread is told anew with the next question. */
  forget(): void {
    this.#line.rest();
    if (this.#asked === undefined) return;
    this.#asked.deadline.stop();
    this.#owed = this.#asked;
    this.#asked = undefined;
  }

  async close(): Promise<void> {
    this.#asked?.deadline.stop();
    this.#asked = undefined;
    await this.#line.close();
  }
}
