/**
 * One gateway as the planner knows it: what it has open is brought to the planner's driver under names that no other gateway
 * uses, and what the driver decides is told to it. Until it has announced all it has, nothing of it is planned.
 */

import { strict as assert } from "node:assert";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { DropReason, NewStage, Turn, Work } from "../live/driver.ts";
import { keepParents } from "../live/keep-parents.ts";
import type { LiveDriver } from "../live/live-driver.ts";
import type { Time } from "../live/time.ts";
import { Announcement } from "./announcement.ts";
import type { FromPlanner, Held, ToPlanner, TurnName } from "./protocol.ts";
import { cutShort, isUnderWay, toHeldShares, toStart } from "./retell.ts";

export type GuestOptions = {
  readonly driver: LiveDriver;
  readonly time: Time;
  /** Before all its names, so that no two gateways have the same. */
  readonly prefix: string;
  readonly epoch: number;
  readonly send: (message: FromPlanner) => void;
  /** All it had open when it came is known: `enter` takes it into the books. */
  readonly onAnnounced: (enter: () => void) => void;
  /** It makes no sense what it has said, which was found out late. */
  readonly onNonsense: (error: unknown) => void;
};

type Tracked = {
  /** By share and phase. */
  readonly turns: Map<string, Turn>;
  /** The latest attempt that its gateway knows to be void. */
  voided: number;
  /**
   * It runs where the books had no room for it: in its place stands what uses no engine, until it ends by itself or is placed anew.
   * How many of its shares are not over.
   */
  outside: number;
  /** Its work is, as its gateway says once it is ready. */
  patient: boolean;
  readonly stage: NewStage;
};

export class Guest {
  readonly #options: GuestOptions;
  readonly #announcement: Announcement;
  readonly #workflows = new Map<WorkflowId, Set<StageKey>>();
  readonly #stages = new Map<StageKey, Tracked>();
  /** Names in the books of what stands there under another name. */
  readonly #aliases = new Map<string, string>();
  /** It cannot be told anything: what does not run for it is dropped. */
  #deaf = false;

  constructor(options: GuestOptions) {
    this.#options = options;
    const { time, driver, onAnnounced, onNonsense } = options;
    const act = (message: ToPlanner, entering: boolean): void => this.#act(message, entering);
    this.#announcement = new Announcement({ time, act, together: driver.together, onAnnounced, onNonsense });
  }

  /** Throws for what no gateway in its right mind says. */
  take(message: ToPlanner): void {
    if (!this.#deaf) this.#announcement.take(message);
  }

  /** Its link is gone: what runs for it is kept, what waits is dropped, since it cannot begin. */
  leave(): void {
    this.#deaf = true;
    this.#announcement.stop();
    const { driver } = this.#options;
    driver.together(() => {
      for (const [key, { turns }] of this.#stages) if (turns.size === 0) driver.drop(this.#full(key), "cancelled");
    });
  }

  /** Nothing of it is in the books any more. */
  forget(): void {
    this.#deaf = true;
    this.#announcement.stop();
    for (const workflow of this.#workflows.keys()) this.#options.driver.cancel(this.#full(workflow));
    this.#workflows.clear();
    this.#stages.clear();
    this.#aliases.clear();
  }

  #full = (name: string): string => this.#aliases.get(name) ?? this.#options.prefix + name;

  #act(message: ToPlanner, entering: boolean): void {
    const { driver } = this.#options;
    switch (message.kind) {
      case "arrive": {
        const { workflow } = message.workflow;
        assert(!this.#workflows.has(workflow), `workflow ${workflow} arrives twice`);
        this.#workflows.set(workflow, new Set());
        return driver.arrive({ ...message.workflow, workflow: this.#full(workflow) });
      }
      case "reveal":
        return this.#reveal(message.stage);
      case "over":
        return this.#standIn(message);
      case "ready":
        return this.#ready(message, entering);
      case "held":
        return this.#hold(message);
      case "tool-start":
        return driver.toolStart(this.#full(message.stage));
      case "tool-end":
        return driver.toolEnd(this.#full(message.stage));
      case "skip":
        return driver.skip(this.#full(message.stage));
      case "drop":
        return this.#drop(message.stage, message.reason);
      case "end":
      case "cancel":
        return this.#end(message.workflow);
      case "first-token":
        return this.#turnOf(message)?.firstToken();
      case "handed-over":
        return this.#takeTurn(message)?.handedOver();
      case "turn-end":
        return this.#endTurn(message);
      case "turn-fail":
        return this.#failTurn(message);
      case "hello":
      case "announced":
        throw new Error(`${message.kind} is said once`);
      case "beat":
        return;
      default:
        return message satisfies never;
    }
  }

  #reveal(stage: NewStage): void {
    const { driver } = this.#options;
    const keys = this.#workflows.get(stage.workflow);
    assert(keys !== undefined, `stage ${stage.key} is of no workflow that is open`);
    assert(!this.#stages.has(stage.key), `stage ${stage.key} is revealed twice`);
    keys.add(stage.key);
    const parents = stage.parents.map((parent) => ({ ...parent, stage: this.#full(parent.stage) }));
    this.#stages.set(stage.key, { turns: new Map(), voided: -1, outside: 0, patient: false, stage });
    driver.reveal({ ...stage, key: this.#full(stage.key), workflow: this.#full(stage.workflow), parents });
  }

  /** It is known by what follows from it: in its place stands what takes no time. */
  #standIn({ stage: key, workflow, id, ran }: Extract<ToPlanner, { readonly kind: "over" }>): void {
    const { driver } = this.#options;
    const full = this.#full(key);
    const standIn = { kind: "tool", key: full, workflow: this.#full(workflow), id, parents: [], priority: 0 } as const;
    driver.reveal({ ...standIn, toolUs: 0, ...(ran ? {} : { chance: 0 }) });
    if (!ran) return driver.skip(full);
    driver.toolStart(full);
    driver.toolEnd(full);
  }

  #ready(message: Extract<ToPlanner, { readonly kind: "ready" }>, entering: boolean): void {
    const { driver } = this.#options;
    const { stage, attempt, patient = false, chainTokens } = message;
    const tokens = chainTokens === undefined ? {} : { chainTokens };
    const tracked = this.#stages.get(stage);
    assert(tracked !== undefined, `stage ${stage} is ready and not revealed`);
    tracked.patient = patient;
    if (attempt === 0 && !entering) driver.ready(this.#full(stage), this.#workOf(stage), chainTokens);
    else driver.adopt(this.#full(stage), this.#workOf(stage), { attempt, ...tokens });
  }

  // What was placed before.

  #hold(held: Held): void {
    const { driver, send } = this.#options;
    const { stage: key, attempt, patient = false, chainTokens } = held;
    const tracked = this.#stages.get(key);
    assert(tracked !== undefined, `stage ${key} is held and not revealed`);
    assert(held.progress.length === held.shares.length, `stage ${key} tells of other shares than it has`);
    tracked.patient = patient;
    const tokens = chainTokens === undefined ? {} : { chainTokens };
    const work = this.#workOf(key);
    const turns = driver.adopt(this.#full(key), work, toHeldShares(held));
    if (turns !== undefined) {
      for (const turn of turns) this.#track(key, turn);
      return;
    }
    const underWay = held.progress.filter(isUnderWay);
    if (underWay.length === held.shares.length) {
      tracked.outside = underWay.filter(({ at }) => at === "running").length;
      driver.drop(this.#full(key), "cancelled");
      const name = this.#rename(tracked.stage);
      driver.reveal({ kind: "tool", ...name, parents: [], priority: 0, toolUs: 0 });
      return driver.toolStart(name.key);
    }
    // Part of it would never begin: all of it begins anew.
    tracked.voided = attempt;
    send({ kind: "void", stage: key, attempt });
    driver.adopt(this.#full(key), work, { attempt: attempt + 1, ...tokens });
  }

  #rename({ key: old, workflow: of }: NewStage) {
    const key = `${this.#full(old)}+`;
    const workflow = this.#full(of);
    this.#aliases.set(old, key);
    return { key, workflow, id: key.slice(workflow.length + 1) };
  }

  // What its turns come to.

  #endTurn(message: Extract<ToPlanner, { readonly kind: "turn-end" }>): void {
    const tracked = this.#stages.get(message.stage);
    if (tracked !== undefined && tracked.outside > 0) {
      tracked.outside -= 1;
      if (tracked.outside === 0) this.#options.driver.toolEnd(this.#full(message.stage));
      return;
    }
    const { outputTokens, promptTokens, cachedTokens } = message;
    const prompt = promptTokens === undefined ? {} : { promptTokens };
    const cached = cachedTokens === undefined ? {} : { cachedTokens };
    this.#takeTurn(message)?.end({ outputTokens, ...prompt, ...cached });
  }

  #failTurn({ fault, ...name }: Extract<ToPlanner, { readonly kind: "turn-fail" }>): void {
    const { driver } = this.#options;
    const tracked = this.#stages.get(name.stage);
    if (tracked === undefined || tracked.outside === 0) return this.#takeTurn(name)?.fail(fault);
    tracked.outside = 0;
    if (!fault.retry) return driver.drop(this.#full(name.stage), "failed");
    driver.toolEnd(this.#full(name.stage));
    const renamed = this.#rename(tracked.stage);
    driver.reveal({ ...keepParents(tracked.stage, () => false), ...renamed });
    driver.adopt(renamed.key, this.#workOf(name.stage), { attempt: name.attempt + 1 });
  }

  #turnOf({ stage, attempt, share, phase }: TurnName): Turn | undefined {
    const turn = this.#stages.get(stage)?.turns.get(`${share} ${phase}`);
    return turn?.attempt === attempt ? turn : undefined;
  }

  /** It is over: nothing more is told of it. */
  #takeTurn(name: TurnName): Turn | undefined {
    const turn = this.#turnOf(name);
    if (turn !== undefined) this.#stages.get(name.stage)?.turns.delete(`${name.share} ${name.phase}`);
    return turn;
  }

  #drop(key: StageKey, reason: DropReason): void {
    const tracked = this.#stages.get(key);
    if (tracked === undefined) return;
    tracked.voided = Infinity;
    this.#options.driver.drop(this.#full(key), reason);
  }

  #end(workflow: WorkflowId): void {
    for (const key of this.#workflows.get(workflow) ?? []) {
      const tracked = this.#stages.get(key);
      if (tracked !== undefined) tracked.voided = Infinity;
    }
    this.#options.driver.cancel(this.#full(workflow));
    for (const key of this.#workflows.get(workflow) ?? []) {
      this.#stages.delete(key);
      this.#aliases.delete(key);
    }
    this.#workflows.delete(workflow);
  }

  // What the driver decides.

  #workOf(key: StageKey): Work {
    return {
      start: (turn) => this.#start(key, turn),
      refuse: (refusal) => {
        if (!this.#deaf) this.#options.send({ kind: "refuse", stage: key, refusal: cutShort(refusal) });
      },
      ...(this.#stages.get(key)?.patient === true ? { patient: true } : {}),
    };
  }

  #start(key: StageKey, turn: Turn): void {
    const { driver, epoch, send } = this.#options;
    if (this.#deaf) return driver.drop(this.#full(key), "cancelled");
    this.#track(key, turn);
    send(toStart(turn, key, epoch, driver.world.state.workflows.node(this.#full(key))));
  }

  #track(key: StageKey, turn: Turn): void {
    const tracked = this.#stages.get(key);
    assert(tracked !== undefined, `${key} has its turn, but is not known`);
    const name = `${turn.share} ${turn.phase}`;
    tracked.turns.set(name, turn);
    turn.signal.addEventListener("abort", () => {
      if (tracked.turns.get(name) !== turn) return;
      tracked.turns.delete(name);
      if (this.#deaf || tracked.voided >= turn.attempt) return;
      tracked.voided = turn.attempt;
      this.#options.send({ kind: "void", stage: key, attempt: turn.attempt });
    });
  }
}
