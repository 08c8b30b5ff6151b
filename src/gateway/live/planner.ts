/**
 * When the policy is asked, and where: a few ready stages are planned in place, at once, as long as that leaves the calls' own thread
 * nearly all of its time; the rest is planned by a thread of its own, which follows the journal, while calls go on. A plan that comes
 * too late is replaced by the earliest-finish rule.
 */

import type { Decision } from "../../model/decision.ts";
import { oldestFirst } from "../../policy/choose.ts";
import { planEarliestFinish } from "../../policy/greedy-finish.ts";
import type { Plan, Policy, PolicyEntry, View } from "../../policy/policy.ts";
import { withHardestWait } from "../../policy/with-hardest-wait.ts";
import type { Rng } from "../../random/rng.ts";
import type { PlanningConfig } from "../config/config.ts";
import { forServers, stillValid } from "./carry-out.ts";
import { Allowance } from "./allowance.ts";
import { liveView } from "./live-view.ts";
import type { Snapshot } from "./planning-line.ts";
import { Questions } from "./questions.ts";
import { Rest } from "./rest.ts";
import type { Timer } from "./time.ts";
import type { Unloadable } from "./unloadable.ts";
import { longestMs, type World } from "./world.ts";

export type PlannerHost = {
  readonly policyName: string;
  readonly policy: PolicyEntry;
  readonly planning: PlanningConfig;
  readonly hardestWaitUs: number;
  readonly rng: Rng;
  readonly snapshot: () => Snapshot;
  /** Calls back with the journal's lines from now on; returns how to stop. */
  readonly follow: (follower: (lines: string) => void) => () => void;
  /** Writes out what is gathered, so that the thread is up to date. */
  readonly flush: () => void;
  /** Carries a plan out, made from what was known at `viewUs`. Returns when the policy wants to be asked again. */
  readonly carryOut: (decisions: readonly Decision[], viewUs: number) => number;
  /** All that happens in it happens at once; what comes of it is another moment. */
  readonly carry: (what: () => void) => void;
  /** Lets time pass. */
  readonly begin: () => void;
  /** Lives through a moment in which nothing happens: `settle` is called at its end. */
  readonly wake: () => void;
  /** Model stages that are visible and wait for parents: what a policy may want to load ahead for. */
  readonly foreseen: () => number;
  /** What policies are not to count on engines to load. */
  readonly unloadable: () => readonly Unloadable[];
  readonly onPlanned: (where: "place" | "thread" | "fallback", tookUs: number, stages: number) => void;
  readonly onFault: (error: unknown) => void;
};

/** Stages that the fallback looks at. */
const fallbackStages = 128;
/** What planning in place may take of the time of the thread that calls go through, and how much of it at once. */
const partInPlace = 0.1;
const aheadInPlaceUs = 20_000;

export class Planner {
  readonly #world: World;
  readonly #host: PlannerHost;
  readonly #quick: Policy;
  /** The earliest-finish rule: always there, whatever the policy or its thread does. */
  readonly #fallback: Policy;
  #memory: unknown;
  readonly #inPlace = new Allowance(partInPlace, aheadInPlaceUs);
  /** Absent: all is planned in place. */
  readonly #thread: Questions | undefined;
  /** Something changed while the thread planned. */
  #again = false;
  #gather: Timer | undefined;
  /** When nothing has happened for a while and nothing is to be placed, the policy may have something to prepare. */
  readonly #rest: Rest;
  #wake: Timer | undefined;
  #wakeUs = Infinity;
  #closed = false;

  constructor(world: World, host: PlannerHost) {
    this.#world = world;
    this.#host = host;
    this.#quick = withHardestWait(host.policy.quick ?? host.policy.plan, host.hardestWaitUs);
    this.#fallback = withHardestWait(finishOldestEarly, host.hardestWaitUs);
    this.#rest = new Rest(world, () => {
      host.begin();
      this.#planInPlace();
    });
    if (host.planning.inPlaceStages > 0) this.#thread = this.#openThread();
  }

  /** To be called at the end of each moment in which something happened that a policy may want to answer. */
  settle(): void {
    if (this.#closed) return;
    this.#rest.stop();
    if (!this.#hasToPlan()) {
      if (this.#host.policy.whenIdle === true) this.#rest.begin();
      return;
    }
    const { lone } = this.#host.policy;
    if (lone !== undefined && this.#isAlone() && this.#makeInPlace(lone)) return;
    const { inPlaceStages, debounceMs } = this.#host.planning;
    const isFew = this.#world.state.workflows.ready.length <= inPlaceStages;
    if (this.#thread === undefined || (isFew && this.#inPlace.isLeft(this.#world.time.nowUs())))
      return this.#planInPlace();
    if (this.#thread.open) {
      this.#again = true;
      return;
    }
    this.#gather ??= this.#world.time.after(debounceMs, () => {
      this.#gather = undefined;
      this.#ask();
    });
  }

  /** Something is to be placed, or may be prepared for what is visible. */
  #hasToPlan(): boolean {
    if (this.#world.state.workflows.ready.length > 0) return true;
    return this.#host.policy.whenIdle === true && this.#host.foreseen() > 0;
  }

  #view(): View {
    const { state, costs, nowUs } = this.#world;
    const { rng, unloadable } = this.#host;
    return liveView({ nowUs, state, costs, rng, memory: this.#memory, unloadable: unloadable() });
  }

  #isAlone(): boolean {
    return this.#world.state.workflows.ready.length === 1 && this.#host.foreseen() === 0;
  }

  #planInPlace(): void {
    this.#makeInPlace(this.#quick);
  }

  /** False if that has no answer. */
  #makeInPlace(policy: (view: View) => Plan | undefined): boolean {
    const startUs = this.#world.time.nowUs();
    const view = this.#view();
    let made: Plan | undefined;
    try {
      made = policy(view);
    } catch (error) {
      this.#host.onFault(error);
      // It may be what it remembers that it cannot cope with.
      this.#memory = undefined;
      this.#fallBack(`the policy failed: ${reasonOf(error)}`);
      return true;
    }
    if (made === undefined) return false;
    this.#memory = made.memory;
    const endUs = this.#world.time.nowUs();
    this.#inPlace.spend(endUs, endUs - startUs);
    this.#take(made, view.nowUs, "place", endUs - startUs);
    return true;
  }

  /** What is only prepared for can wait for the next question. */
  #makeDo(why: string): void {
    if (this.#world.state.workflows.ready.length > 0) this.#fallBack(why);
  }

  #fallBack(why: string): void {
    const startUs = this.#world.time.nowUs();
    const view = this.#view();
    const { decisions } = this.#fallback(view);
    this.#take(
      { decisions, note: `earliest finish: ${why}` },
      view.nowUs,
      "fallback",
      this.#world.time.nowUs() - startUs,
    );
  }

  #take({ decisions, note }: Plan, viewUs: number, where: "place" | "thread" | "fallback", tookUs: number): void {
    this.#host.carry(() => {
      const ready = this.#world.state.workflows.ready.length;
      const asked = forServers(decisions);
      const valid = where === "place" ? asked : stillValid(this.#world, asked);
      if (note !== undefined || valid.some(({ kind }) => kind !== "defer"))
        this.#world.emit({ kind: "plan", ready, decisions: valid.length, ...(note === undefined ? {} : { note }) });
      this.#host.onPlanned(where, tookUs, ready);
      this.#wakeAt(Math.min(this.#host.carryOut(valid, viewUs), this.#overdueAtUs()));
    });
  }

  /** When one of those that are held back has waited as long as it may; those for which that is over wait for an engine. */
  #overdueAtUs(): number {
    const { workflows } = this.#world.state;
    for (const { key } of workflows.ready) {
      const atUs = workflows.node(key).readyUs + this.#host.hardestWaitUs;
      if (atUs > this.#world.nowUs) return atUs;
    }
    return Infinity;
  }

  #wakeAt(atUs: number): void {
    if (atUs === Infinity || atUs >= this.#wakeUs) return;
    this.#wake?.stop();
    this.#wakeUs = atUs;
    const inMs = (atUs - this.#world.nowUs) / 1000;
    this.#wake = this.#world.time.after(Math.min(Math.max(1, inMs), longestMs), () => {
      this.#wakeUs = Infinity;
      this.#host.wake();
    });
  }

  #ask(): void {
    if (this.#closed || !this.#hasToPlan()) return;
    this.#host.begin();
    if (this.#thread?.ask(this.#memory, this.#host.unloadable()) === false) this.#makeDo("the planning thread is busy");
  }

  #openThread(): Questions {
    const { policyName: policy, planning, hardestWaitUs, snapshot, follow, flush, onFault } = this.#host;
    const { deadlineMs } = planning;
    return new Questions(this.#world, {
      policy,
      deadlineMs,
      hardestWaitUs,
      snapshot,
      follow,
      flush,
      onFault,
      onPlan: (plan, viewUs, tookUs) =>
        this.#goOn(() => {
          this.#memory = plan.memory;
          this.#take(plan, viewUs, "thread", tookUs);
        }),
      onFailed: (reason) =>
        this.#goOn(() => {
          this.#memory = undefined;
          this.#fallBack(`the planning thread failed: ${reason}`);
        }),
      onLate: () => this.#goOn(() => this.#makeDo(`no plan within ${deadlineMs} ms`)),
    });
  }

  /** The thread's turn is over: takes what came of it, and then looks at what has changed meanwhile. */
  #goOn(take: () => void): void {
    this.#host.begin();
    take();
    if (!this.#again) return;
    this.#again = false;
    this.settle();
  }

  /** What the policy has learnt that holds in another process. JSON; undefined if that is nothing. */
  lasting(): string | undefined {
    const lasting = this.#host.policy.lasting?.(this.#memory);
    return lasting === undefined ? undefined : JSON.stringify(lasting);
  }

  /** What it had learnt in another process, which may be anything. */
  recall(lasting: string | undefined): void {
    if (lasting === undefined) return;
    try {
      this.#memory = this.#host.policy.lasting?.(JSON.parse(lasting));
    } catch (error) {
      this.#host.onFault(error);
    }
  }

  /** The world is another. */
  forget(): void {
    this.#memory = this.#host.policy.lasting?.(this.#memory);
    this.#thread?.forget();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#gather?.stop();
    this.#rest.stop();
    this.#wake?.stop();
    await this.#thread?.close();
  }
}

function finishOldestEarly(view: View): Plan {
  const stages = oldestFirst(view).slice(0, fallbackStages);
  return { decisions: planEarliestFinish(view, stages, { hold: true, mostShards: 1 }) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
