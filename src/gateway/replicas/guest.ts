/**
 * One gateway as the planner knows it: what it has open is brought to the planner's driver under names that no other gateway
 * uses, and what the driver decides is told to it. Until it has announced all it has, nothing of it is planned.
 */

import { strict as assert } from "node:assert";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { Held as HeldShares } from "../live/adopt.ts";
import type { DropReason, NewStage, Refusal, Turn, Work } from "../live/driver.ts";
import type { LiveDriver } from "../live/live-driver.ts";
import type { Time } from "../live/time.ts";
import type { FromPlanner, Held, Progress, ToPlanner, TurnName } from "./protocol.ts";

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
  readonly stage: NewStage;
  /** It was revealed with parents that are not known here. */
  readonly orphan: boolean;
};

/** Messages of one announcement. */
const mostAnnounced = 2_000_000;
/** So many of them enter the books at once; between them other things go on. */
const slice = 400;
const longestText = 4000;

export class Guest {
  readonly #options: GuestOptions;
  #announcing: ToPlanner[] | undefined = [];
  readonly #workflows = new Map<WorkflowId, Set<StageKey>>();
  readonly #stages = new Map<StageKey, Tracked>();
  /** Names in the books of what stands there under another name. */
  readonly #aliases = new Map<string, string>();
  /** Said and not in the books yet: the rest of the announcement, and what came after it. */
  #pending: ToPlanner[] = [];
  #announced = 0;
  #entering = false;
  /** It cannot be told anything: what does not run for it is dropped. */
  #deaf = false;

  constructor(options: GuestOptions) {
    this.#options = options;
  }

  /** Throws for what no gateway in its right mind says. */
  take(message: ToPlanner): void {
    if (this.#deaf) return;
    if (this.#announcing === undefined) {
      if (this.#pending.length === 0) this.#act(message);
      else this.#pending.push(message);
      return;
    }
    if (message.kind === "announced") {
      const all = inOrder(this.#announcing);
      this.#announcing = undefined;
      return this.#options.onAnnounced(() => this.#enter(all));
    }
    assert(this.#announcing.length < mostAnnounced, "more was announced than a gateway can have open");
    this.#announcing.push(message);
  }

  /** What runs, at once, so that its places are not taken; what waits, by and by. */
  #enter(all: readonly ToPlanner[]): void {
    const [first, rest] = all.length <= slice ? [all, []] : splitByRunning(all);
    this.#pending = rest;
    this.#announced = rest.length;
    this.#actAll(first, true);
    if (rest.length > 0) this.#options.time.soon(() => this.#goOn());
  }

  #goOn(): void {
    const { driver, time, onNonsense } = this.#options;
    const next = this.#pending.splice(0, this.#announced > 0 ? Math.min(slice, this.#announced) : slice);
    const entering = this.#announced > 0;
    this.#announced = Math.max(0, this.#announced - next.length);
    if (this.#deaf || next.length === 0) return;
    try {
      driver.together(() => this.#actAll(next, entering));
    } catch (error) {
      return onNonsense(error);
    }
    if (this.#pending.length > 0) time.soon(() => this.#goOn());
  }

  #actAll(messages: readonly ToPlanner[], entering: boolean): void {
    this.#entering = entering;
    for (const message of messages) this.#act(message);
    this.#entering = false;
  }

  /** Its link is gone: what runs for it is kept, what waits is dropped, since it cannot begin. */
  leave(): void {
    this.#deaf = true;
    this.#pending = [];
    const { driver } = this.#options;
    driver.together(() => {
      for (const [key, { turns }] of this.#stages) if (turns.size === 0) driver.drop(this.#full(key), "cancelled");
    });
  }

  /** Nothing of it is in the books any more. */
  forget(): void {
    this.#deaf = true;
    this.#pending = [];
    for (const workflow of this.#workflows.keys()) this.#options.driver.cancel(this.#full(workflow));
    this.#workflows.clear();
    this.#stages.clear();
    this.#aliases.clear();
  }

  #full = (name: string): string => this.#aliases.get(name) ?? this.#options.prefix + name;

  #act(message: ToPlanner): void {
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
        return this.#ready(message);
      case "held":
        return this.#hold(message);
      case "tool-start":
        return driver.toolStart(this.#full(message.stage));
      case "tool-end":
        return driver.toolEnd(this.#full(message.stage));
      case "skip":
        return this.#skip(message.stage);
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
    const orphan = !parents.every((parent) => driver.world.isKnown(parent.stage));
    this.#stages.set(stage.key, { turns: new Map(), voided: -1, outside: 0, stage, orphan });
    driver.reveal({
      ...stage,
      key: this.#full(stage.key),
      workflow: this.#full(stage.workflow),
      parents: orphan ? [] : parents,
    });
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

  /** Where parents are not known here it cannot be seen that nothing leads to it. */
  #skip(key: StageKey): void {
    const { driver } = this.#options;
    const full = this.#full(key);
    if (this.#stages.get(key)?.orphan === true) driver.drop(full, "cancelled");
    else driver.skip(full);
  }

  #ready({ stage, attempt, chainTokens }: Extract<ToPlanner, { readonly kind: "ready" }>): void {
    const { driver } = this.#options;
    const tokens = chainTokens === undefined ? {} : { chainTokens };
    assert(this.#stages.has(stage), `stage ${stage} is ready and not revealed`);
    if (attempt === 0 && !this.#entering) driver.ready(this.#full(stage), this.#workOf(stage), chainTokens);
    else driver.adopt(this.#full(stage), this.#workOf(stage), { attempt, ...tokens });
  }

  // What was placed before.

  #hold(held: Held): void {
    const { driver, send } = this.#options;
    const { stage: key, attempt, chainTokens } = held;
    const tracked = this.#stages.get(key);
    assert(tracked !== undefined, `stage ${key} is held and not revealed`);
    assert(held.progress.length === held.shares.length, `stage ${key} tells of other shares than it has`);
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
    driver.reveal({ ...tracked.stage, ...renamed, parents: [] });
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
      refuse: ({ kind, message, retryAfterS }: Refusal) => {
        if (this.#deaf) return;
        const refusal = { kind, message: message.slice(0, longestText), retryAfterS };
        this.#options.send({ kind: "refuse", stage: key, refusal });
      },
    };
  }

  #start(key: StageKey, turn: Turn): void {
    const { driver, epoch, send } = this.#options;
    if (this.#deaf) return driver.drop(this.#full(key), "cancelled");
    this.#track(key, turn);
    const { share, attempt, phase, engine, items, cachedTokens, planAgeUs, waitedUs } = turn;
    const { shares, stage } = driver.world.state.workflows.node(this.#full(key));
    const decodeEngine = phase === "decode" ? engine : turn.decodeEngine;
    send({
      kind: "start",
      stage: key,
      share,
      attempt,
      phase,
      epoch,
      engine,
      items,
      cachedTokens,
      planAgeUs,
      waitedUs,
      promptTokens: stage.kind === "tool" ? 0 : stage.promptTokens,
      reason: turn.reason.slice(0, longestText),
      shares: shares.map((placed) => ({ engine: placed.engine, items: placed.items })),
      ...(phase === "whole" || decodeEngine === undefined ? {} : { decodeEngine }),
    });
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

/** Workflows of which something runs, and all others. */
function splitByRunning(all: readonly ToPlanner[]): [ToPlanner[], ToPlanner[]] {
  const running = new Set<StageKey>();
  for (const message of all) if (message.kind === "held") running.add(message.stage);
  const workflows = new Set<WorkflowId>();
  for (const message of all)
    if (message.kind === "reveal" && running.has(message.stage.key)) workflows.add(message.stage.workflow);
  const keys = new Set<StageKey>();
  for (const message of all)
    if (message.kind === "reveal" && workflows.has(message.stage.workflow)) keys.add(message.stage.key);
  const isFirst = (message: ToPlanner): boolean => {
    if (message.kind === "arrive") return workflows.has(message.workflow.workflow);
    if (message.kind === "reveal") return workflows.has(message.stage.workflow);
    if (message.kind === "over") return workflows.has(message.workflow);
    return "stage" in message && typeof message.stage === "string" && keys.has(message.stage);
  };
  return [all.filter(isFirst), all.filter((message) => !isFirst(message))];
}

/** Nothing of it is left for the planner to start. */
function isUnderWay(progress: Progress): boolean {
  return progress.at === "ended" || (progress.at === "running" && progress.phase !== "prefill");
}

/**
 * What exists; what passes through an engine where it runs no more, and then what runs, while there is room; what follows from
 * them, which must know by which names they go; and what waits.
 */
function inOrder(all: readonly ToPlanner[]): ToPlanner[] {
  const held = new Map<StageKey, number>();
  for (const message of all) if (message.kind === "held") held.set(message.stage, passes(message) ? 1 : 2);
  const orderOf = (message: ToPlanner): number => {
    if (message.kind === "arrive" || message.kind === "over") return 0;
    if (message.kind === "held") return held.get(message.stage) ?? 2;
    if (message.kind === "reveal") return held.get(message.stage.key) ?? 3;
    return message.kind === "ready" ? 5 : 4;
  };
  return all.toSorted((left, right) => orderOf(left) - orderOf(right));
}

function passes({ progress, decodeEngine }: Held): boolean {
  return decodeEngine !== undefined || !progress.every(({ at }) => at === "running" || at === "queued");
}

function toHeldShares({ attempt, chainTokens, shares, progress, decodeEngine }: Held): HeldShares {
  return {
    attempt,
    ...(chainTokens === undefined ? {} : { chainTokens }),
    placed: {
      shares: shares.map((share, index) => ({ ...share, progress: progress[index] ?? { at: "queued" } })),
      ...(decodeEngine === undefined ? {} : { decodeEngine }),
    },
  };
}
