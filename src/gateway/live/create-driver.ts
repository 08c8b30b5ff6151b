/**
 * The live driver: gathers what is known, asks the policy, has engines take up work, and writes down what happens. Every call
 * from outside is one moment: its records carry one time, and at its end the policy has been asked and engines have been served.
 */

import { strict as assert } from "node:assert";
import type { Calibration } from "../../cost/calibration.ts";
import { createCostModel } from "../../cost/cost-model.ts";
import { shippedCalibration } from "../../cost/shipped-calibration.ts";
import type { Cluster, EngineId } from "../../model/cluster.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { Model, ModelId } from "../../model/model.ts";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import { policyNamed } from "../../policy/policies.ts";
import { createRng } from "../../random/rng.ts";
import type { EngineState, QueuedShare } from "../../state/engine-state.ts";
import type { Adapter, Sight } from "../adapter/adapter.ts";
import type { JournalConfig, PlanningConfig, QueueConfig } from "../config/config.ts";
import { hasOther, refusalOf, type Admission } from "./admission.ts";
import { carryOut, type Floor } from "./carry-out.ts";
import type { Learned } from "./corrections.ts";
import type { Driver, DropReason, NewStage, NewWorkflow, Refusal, ShareFault, ShareResult, Work } from "./driver.ts";
import { EngineDesk, type DeskHost } from "./engine-desk.ts";
import { Learning } from "./learning.ts";
import { JournalFeed } from "./journal-feed.ts";
import { Planner } from "./planner.ts";
import { createPrelude } from "./prelude.ts";
import { takePrelude, toHeader, toSnapshot, type Retold } from "./retelling.ts";
import { ShareTurn, type TurnKeeper } from "./turn.ts";
import { createClock, World, type Clock } from "./world.ts";

export type DriverOptions = {
  readonly policy: string;
  readonly seed: number;
  readonly cluster: Cluster;
  readonly models: readonly Model[];
  readonly calibration?: Calibration;
  readonly adapters: readonly Adapter[];
  readonly queue: QueueConfig;
  readonly planning: PlanningConfig;
  readonly journal: JournalConfig;
  /** How many times faster than its GPU an engine is known to be. */
  readonly speedOf?: (engine: EngineId) => number;
  readonly clock?: Clock;
  readonly onEvent?: (event: JournalEvent) => void;
  readonly onPlanned?: (where: "place" | "thread" | "fallback", tookUs: number, stages: number) => void;
  /** A share failed on its engine, or ended there: for the engine's breaker. */
  readonly onOutcome?: (engine: EngineId, fault: ShareFault | undefined) => void;
  readonly onFault?: (what: string, error: unknown) => void;
};

/** What the gateway, beside those who bring work, may do with the driver. */
export type LiveDriver = Driver &
  AsyncDisposable & {
    readonly world: World;
    readonly desk: (engine: EngineId) => EngineDesk;
    /** Calls that wait for a place. */
    readonly waiting: () => number;
    readonly open: () => number;
    readonly engineUp: (engine: EngineId) => void;
    readonly engineDown: (engine: EngineId) => void;
    readonly sight: (engine: EngineId, sight: Sight) => void;
    readonly prefixGone: (engine: EngineId, model: ModelId, hash?: number) => void;
    readonly learned: (engine: EngineId, model: ModelId) => Learned;
    /** Another cluster, from now on. Engines that left must have nothing to do any more. */
    readonly reshape: (cluster: Cluster, models: readonly Model[], adapters: readonly Adapter[]) => Promise<void>;
    /** Another policy, other bounds, from the next plan on. */
    readonly configure: (settings: Pick<DriverOptions, "policy" | "queue" | "planning">) => void;
    /** These engines take nothing new; resolves when nothing runs there any more, or when the signal says so. */
    readonly leave: (engines: readonly EngineId[], signal: AbortSignal) => Promise<void>;
    /** Takes nothing new, and resolves when all that is open is over, or when the signal says so: then what is left is dropped. */
    readonly drain: (signal: AbortSignal) => Promise<void>;
    readonly journalBytes: () => number;
  };

/** A stage that somebody waits for. */
type Open = {
  readonly key: StageKey;
  readonly work: Work;
  readonly readyUs: number;
  /** When the plan that placed it was made from what was known. */
  viewUs: number;
  reason: string;
  turns: ShareTurn[];
  outputTokens: number;
  attempts: number;
};

/** Tries of one stage. */
const mostAttempts = 4;
/** How often waiting stages are looked through for those that waited too long. */
const sweepMs = 200;

export function createDriver(options: DriverOptions): LiveDriver {
  return new LiveDesk(options);
}

class LiveDesk implements LiveDriver {
  readonly world: World;
  readonly #options: DriverOptions;
  readonly #feed: JournalFeed;
  #planner: Planner;
  readonly #desks = new Map<EngineId, EngineDesk>();
  readonly #open = new Map<StageKey, Open>();
  readonly #learning: Learning;
  readonly #floor: Floor;
  readonly #keeper: TurnKeeper;
  readonly #deskHost: DeskHost;
  readonly #sweep: NodeJS.Timeout;
  #cluster: Cluster;
  #models: readonly Model[];
  #queue: QueueConfig;
  #settings: Pick<DriverOptions, "policy" | "planning">;
  /** Engines that are about to leave: what they alone can serve waits for what comes in their place. */
  readonly #leaving = new Set<EngineId>();
  #draining = false;
  #drained: (() => void) | undefined;
  /** A moment is being lived through: the policy is asked when it is over. */
  #depth = 0;
  #settling = false;
  #unsettled = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#cluster = options.cluster;
    this.#models = options.models;
    this.#queue = options.queue;
    this.#settings = options;
    const costs = createCostModel(options.cluster, options.models, options.calibration ?? shippedCalibration);
    this.world = new World(costs, options.clock ?? createClock());
    this.#learning = new Learning(this.world, (engine) => options.speedOf?.(engine) ?? 1);
    const onFault = (what: string) => (error: unknown) => options.onFault?.(what, error);
    this.#feed = new JournalFeed({
      config: options.journal,
      header: (firstSequence) => toHeader(this.#retold(), firstSequence),
      prelude: () => takePrelude(this.#retold()),
      onFault: onFault("journal"),
    });
    this.world.listen(this.#feed.see);
    if (options.onEvent !== undefined) this.world.listen(options.onEvent);
    this.#floor = { world: this.world, desk: (engine) => this.desk(engine), onNonsense: onFault("policy") };
    this.#keeper = {
      onFirstToken: (turn) => this.#onFirstToken(turn),
      onHandedOver: (turn) => this.#onHandedOver(turn),
      onEnd: (turn, result) => this.#onEnd(turn, result),
      onFail: (turn, fault) => this.#onFail(turn, fault),
    };
    this.#deskHost = {
      begin: (queued, engine, beside) => this.#begin(queued, engine, beside),
      onLoaded: (engine, model, tookUs) => this.#learning.onLoaded(engine, model, tookUs),
      onLoadFailed: (engine, model, error) => this.#onLoadFailed(engine, model, error),
      settle: () => this.#planner.settle(),
    };
    this.#planner = this.#createPlanner();
    for (const adapter of options.adapters)
      this.#desks.set(adapter.engine, new EngineDesk(this.world, adapter, this.#deskHost));
    this.world.tick();
    this.#learning.tellKnown();
    this.#sweep = setInterval(() => this.#giveUpOverdue(), sweepMs);
    this.#sweep.unref();
  }

  #createPlanner(): Planner {
    const { seed } = this.#options;
    const { policy: policyName, planning } = this.#settings;
    const policy = policyNamed(policyName);
    assert(policy !== undefined, `no policy ${policyName}`);
    return new Planner(this.world, {
      policyName,
      policy,
      planning,
      hardestWaitUs: this.#queue.hardestWaitMs * 1000,
      rng: createRng(seed, "policy"),
      snapshot: () => {
        this.#feed.flush();
        return toSnapshot(this.#retold());
      },
      follow: (follower) => this.#feed.follow(follower),
      flush: () => this.#feed.flush(),
      carryOut: (decisions, viewUs) => {
        for (const decision of decisions) {
          if (decision.kind !== "place") continue;
          const open = this.#open.get(decision.stage);
          if (open === undefined) continue;
          open.viewUs = viewUs;
          open.reason = decision.reason ?? policyName;
        }
        const { touched, wakeUs } = carryOut(this.#floor, decisions);
        for (const engine of touched) this.#desks.get(engine)?.serve();
        return wakeUs;
      },
      onPlanned: (where, tookUs, stages) => this.#options.onPlanned?.(where, tookUs, stages),
      onFault: (error) => this.#options.onFault?.("planner", error),
    });
  }

  nowUs = (): number => this.world.clock();

  desk = (engine: EngineId): EngineDesk => {
    const desk = this.#desks.get(engine);
    assert(desk !== undefined, `no engine ${engine}`);
    return desk;
  };

  /** Lives through one moment, at whose end the policy is asked. Moments inside of it are part of it. */
  #moment<T>(live: () => T): T {
    if (this.#depth === 0) this.world.tick();
    this.#unsettled ||= this.#settling;
    this.#depth += 1;
    try {
      return live();
    } finally {
      if (this.#depth === 1) this.#settle();
      this.#depth -= 1;
    }
  }

  #settle(): void {
    this.#settling = true;
    try {
      this.#planner.settle();
    } finally {
      this.#settling = false;
    }
    if (!this.#unsettled) return;
    // Something came of the plan at once, such as a share that failed: that is another moment.
    this.#unsettled = false;
    setImmediate(() => this.#moment(() => {}));
  }

  // What those who bring work do.

  arrive = ({ workflow, ...facts }: NewWorkflow): void => {
    this.world.tick();
    this.world.emit({ kind: "workflow-arrive", workflow, ...facts });
  };

  reveal = (stage: NewStage): void => {
    const { ordinal } = this.world;
    this.world.ordinal += 1;
    this.world.emit({ kind: "stage-reveal", stage: { ...stage, ordinal } });
    if (stage.kind !== "tool") this.#planner.waiting += 1;
  };

  ready = (key: StageKey, work: Work, chainTokens?: readonly number[]): void => {
    this.#moment(() => {
      this.world.emit({ kind: "stage-ready", stage: key, ...(chainTokens === undefined ? {} : { chainTokens }) });
      this.#planner.waiting -= 1;
      const readyUs = this.world.nowUs;
      const open: Open = { key, work, readyUs, viewUs: readyUs, reason: "", turns: [], outputTokens: 0, attempts: 0 };
      this.#open.set(key, open);
      const refusal = refusalOf(this.#admission(), key);
      if (refusal !== undefined) this.#refuse(open, refusal, "refused");
    });
  };

  toolStart = (key: StageKey): void => {
    this.world.tick();
    this.world.emit({ kind: "stage-ready", stage: key });
    this.world.emit({ kind: "tool-start", stage: key });
  };

  toolEnd = (key: StageKey): void => {
    this.world.tick();
    this.world.emit({ kind: "tool-end", stage: key });
    this.world.emit({ kind: "stage-end", stage: key, attempt: 0, outputTokens: 0 });
  };

  skip = (key: StageKey): void => {
    this.#moment(() => {
      if (this.world.state.workflows.node(key).stage.kind !== "tool") this.#planner.waiting -= 1;
      this.world.emit({ kind: "stage-skip", stage: key });
    });
  };

  drop = (key: StageKey, reason: DropReason): void => {
    if (!this.world.state.workflows.has(key)) return;
    this.#moment(() => this.#drop(key, reason));
  };

  end = (workflow: WorkflowId): void => {
    this.#moment(() => {
      this.world.emit({ kind: "workflow-end", workflow });
      this.#noteDrained();
    });
  };

  cancel = (workflow: WorkflowId): void => {
    const open = this.world.state.workflows.open.get(workflow);
    if (open === undefined) return;
    this.#moment(() => {
      for (const [key, { status }] of open.stages) if (status !== "ended") this.#drop(key, "cancelled");
      this.world.emit({ kind: "workflow-end", workflow });
      this.#noteDrained();
    });
  };

  // What becomes of a share.

  #begin(queued: QueuedShare, engine: EngineState, beside: number): void {
    const open = this.#open.get(queued.stage.key);
    assert(open !== undefined, `${queued.stage.key} runs, but nobody waits for it`);
    const { stage, share, attempt, items, phase } = queued;
    const { nowUs } = this.world;
    const turn = new ShareTurn(
      {
        stage,
        share,
        shares: this.world.state.workflows.node(stage.key).shares.length,
        items,
        attempt,
        engine: engine.id,
        phase,
        decodeEngine: queued.decodeEngine,
        promptTokens: stage.promptTokens,
        cachedTokens: Math.min(engine.cachedTokens(stage), Math.max(0, stage.promptTokens - 1)),
        beside,
        startUs: nowUs,
        reason: open.reason,
        planAgeUs: nowUs - open.viewUs,
        waitedUs: nowUs - open.readyUs,
      },
      this.#keeper,
    );
    open.turns.push(turn);
    open.work.start(turn);
  }

  #onFirstToken(turn: ShareTurn): void {
    this.world.tick();
    turn.firstTokenUs = this.world.nowUs;
    if (turn.phase !== "whole") return;
    const name = nameOf(turn);
    this.world.emit({ kind: "prefill-end", ...name });
    if (turn.stage.kind === "embed") return;
    this.world.emit({
      kind: "decode-start",
      ...name,
      sequences: turn.items,
      waves: 1,
      contextTokens: turn.promptTokens,
    });
  }

  #onHandedOver(turn: ShareTurn): void {
    const to = turn.decodeEngine;
    assert(to !== undefined, `${turn.stage.key} has no decode engine`);
    this.#moment(() => {
      const name = nameOf(turn);
      const bytes = turn.promptTokens * (this.world.costs.models.get(turn.model)?.kvBytesPerToken ?? 0);
      const waitUs = Math.max(0, this.world.state.cluster.engine(turn.engine).nicFreeAtUs - this.world.nowUs);
      this.world.emit({ kind: "prefill-end", ...name });
      this.world.emit({ kind: "kv-transfer-start", ...name, to, bytes, waitUs, durationUs: 0 });
      this.world.emit({ kind: "kv-transfer-end", ...name, to });
      this.world.emit({ kind: "share-end", ...name, phase: "prefill" });
      this.#learning.onPrefill(turn, this.world.nowUs - turn.startUs);
      this.#options.onOutcome?.(turn.engine, undefined);
      this.#desks.get(turn.engine)?.serve();
      this.#desks.get(to)?.serve();
    });
  }

  #onEnd(turn: ShareTurn, result: ShareResult): void {
    this.#moment(() => {
      const open = this.#open.get(turn.stage.key);
      assert(open !== undefined, `${turn.stage.key} ends, but nobody waits for it`);
      const name = nameOf(turn);
      if (turn.stage.kind === "llm")
        this.world.emit({ kind: "decode-end", ...name, outputTokens: result.outputTokens });
      this.world.emit({ kind: "share-end", ...name, phase: turn.phase });
      open.outputTokens += result.outputTokens;
      open.turns = open.turns.filter((other) => other !== turn);
      this.#learning.onEnd(turn, result);
      this.#options.onOutcome?.(turn.engine, undefined);
      if (this.world.state.workflows.node(open.key).sharesLeft === 0) {
        const { attempt } = turn;
        this.world.emit({ kind: "stage-end", stage: open.key, attempt, outputTokens: open.outputTokens });
        this.#open.delete(open.key);
      }
      this.#desks.get(turn.engine)?.serve();
    });
  }

  #onFail(turn: ShareTurn, fault: ShareFault): void {
    this.#moment(() => {
      this.#options.onOutcome?.(turn.engine, fault);
      const open = this.#open.get(turn.stage.key);
      if (open === undefined) return;
      const engines = this.#enginesOf(open);
      for (const other of open.turns) other.revoke();
      open.turns = [];
      if (!fault.retry) this.#drop(open.key, fault.kind === "rejected" ? "refused" : "failed");
      else if (open.attempts + 1 >= mostAttempts)
        this.#refuse(open, { kind: "engine-failed", message: fault.message, retryAfterS: 1 }, "failed");
      else this.#retry(open, turn);
      for (const engine of engines) this.#desks.get(engine)?.serve();
    });
  }

  /** The stage is ready again, and goes elsewhere if another engine could take it. */
  #retry(open: Open, { stage, attempt, engine }: ShareTurn): void {
    const avoid = hasOther(this.world, open.key, engine) ? { avoid: engine } : {};
    open.attempts += 1;
    open.outputTokens = 0;
    this.world.emit({ kind: "stage-lost", stage: stage.key, attempt, reason: "engine-failed", ...avoid });
  }

  #drop(key: StageKey, reason: DropReason): void {
    const node = this.world.state.workflows.node(key);
    if (node.status === "ended") return;
    if (node.status === "waiting" && node.stage.kind !== "tool") this.#planner.waiting -= 1;
    const open = this.#open.get(key);
    this.#open.delete(key);
    const engines = open === undefined ? [] : this.#enginesOf(open);
    for (const turn of open?.turns ?? []) turn.revoke();
    this.world.emit({ kind: "stage-drop", stage: key, attempt: node.attempt, reason });
    for (const engine of engines) this.#desks.get(engine)?.serve();
  }

  /** Engines that have a share of the stage, queued or running. */
  #enginesOf(open: Open): Set<EngineId> {
    const engines = new Set(open.turns.map(({ engine }) => engine));
    for (const { engine } of this.world.state.workflows.node(open.key).shares) engines.add(engine);
    return engines;
  }

  // Who is turned away.

  #admission(): Admission {
    return {
      world: this.world,
      draining: this.#draining,
      waiting: this.waiting(),
      maxWaiting: this.#queue.maxWaiting,
      leaving: this.#leaving,
    };
  }

  #refuse(open: Open, refusal: Refusal, reason: DropReason): void {
    this.#drop(open.key, reason);
    open.work.refuse(refusal);
  }

  #giveUpOverdue(): void {
    const limitUs = this.#queue.giveUpMs * 1000;
    const oldestUs = this.world.clock() - limitUs;
    for (const open of this.#open.values()) {
      if (open.readyUs > oldestUs) break;
      if (open.turns.length > 0) continue;
      const message = `no engine took the call within ${this.#queue.giveUpMs / 1000} s`;
      this.#moment(() => this.#refuse(open, { kind: "waited-too-long", message, retryAfterS: 5 }, "timed-out"));
    }
  }

  waiting = (): number => {
    let running = 0;
    for (const engine of this.world.state.cluster) running += engine.running.length;
    return Math.max(0, this.#open.size - running);
  };

  open = (): number => this.#open.size;

  // What engines tell.

  engineUp = (id: EngineId): void => {
    if (!this.#desks.has(id) || this.world.state.cluster.engine(id).up) return;
    this.#moment(() => {
      this.world.emit({ kind: "engine-up", engine: id });
      // Meanwhile it may have been started anew.
      for (const { model } of this.world.state.cluster.engine(id).residents)
        this.world.emit({ kind: "prefix-drop", engine: id, model });
      this.desk(id).serve();
    });
  };

  /** Takes nothing new; what waits in its queue goes elsewhere, what runs there ends or fails by itself. */
  engineDown = (id: EngineId): void => {
    if (!this.#desks.has(id) || !this.world.state.cluster.engine(id).up) return;
    this.#moment(() => {
      const queued = new Set(this.world.state.cluster.engine(id).queue.map(({ stage }) => stage.key));
      for (const key of queued) {
        const open = this.#open.get(key);
        if (open === undefined) continue;
        for (const turn of open.turns) turn.revoke();
        open.turns = [];
        open.attempts += 1;
        const { attempt } = this.world.state.workflows.node(key);
        this.world.emit({ kind: "stage-lost", stage: key, attempt, reason: "engine-failed" });
      }
      this.world.emit({ kind: "engine-drain", engine: id });
    });
  };

  sight = (id: EngineId, sight: Sight): void => {
    if (this.#desks.has(id)) this.#moment(() => this.desk(id).observe(sight));
  };

  prefixGone = (engine: EngineId, model: ModelId, hash?: number): void => {
    if (!this.#desks.has(engine)) return;
    this.world.tick();
    this.world.emit({ kind: "prefix-drop", engine, model, ...(hash === undefined ? {} : { hash }) });
  };

  #onLoadFailed(engine: EngineId, model: ModelId, error: unknown): void {
    const message = `${engine} could not load ${model}: ${error instanceof Error ? error.message : String(error)}`;
    this.#options.onFault?.("load", new Error(message));
    this.#options.onOutcome?.(engine, { kind: "busy", retry: true, message });
    for (const key of new Set(this.desk(engine).state.queue.map(({ stage }) => stage.key))) {
      const open = this.#open.get(key);
      const node = this.world.state.workflows.node(key);
      if (open === undefined || node.stage.kind === "tool" || node.stage.model !== model) continue;
      if (open.attempts + 1 >= mostAttempts) {
        this.#refuse(open, { kind: "engine-failed", message, retryAfterS: 5 }, "failed");
        continue;
      }
      open.attempts += 1;
      const avoid = hasOther(this.world, key, engine) ? { avoid: engine } : {};
      this.world.emit({ kind: "stage-lost", stage: key, attempt: node.attempt, reason: "engine-failed", ...avoid });
    }
  }

  learned = (engine: EngineId, model: ModelId): Learned => this.#learning.learned(engine, model);

  // The journal, and a world that changes.

  #retold(): Retold {
    const { seed, calibration = shippedCalibration } = this.#options;
    return {
      world: this.world,
      seed,
      policy: this.#settings.policy,
      cluster: this.#cluster,
      models: this.#models,
      calibration,
      learning: this.#learning,
      decodes: this.#hasFirstToken,
    };
  }

  #hasFirstToken = (engine: EngineId, key: StageKey, share: number): boolean =>
    this.#open
      .get(key)
      ?.turns.some((turn) => turn.engine === engine && turn.share === share && turn.firstTokenUs > 0) ?? false;

  reshape = async (cluster: Cluster, models: readonly Model[], adapters: readonly Adapter[]): Promise<void> => {
    this.world.tick();
    this.#feed.flush();
    const before = this.world.state;
    const prelude = createPrelude(before, this.world.nowUs, this.world.sequence, this.#hasFirstToken);
    this.#cluster = { ...cluster, engines: keepResidents(cluster, before) };
    this.#models = models;
    const costs = createCostModel(this.#cluster, models, this.#options.calibration ?? shippedCalibration);
    this.world.reset(costs, prelude);
    const gone = [...this.#desks.values()].filter((desk) => !adapters.includes(desk.adapter));
    for (const desk of gone) this.#desks.delete(desk.id);
    for (const adapter of adapters)
      if (!this.#desks.has(adapter.engine))
        this.#desks.set(adapter.engine, new EngineDesk(this.world, adapter, this.#deskHost));
    this.#leaving.clear();
    this.#feed.turnOver();
    this.#planner.forget();
    this.#learning.tellKnown();
    this.#moment(() => {
      for (const desk of this.#desks.values()) desk.serve();
    });
    await Promise.all(gone.map((desk) => desk.close()));
  };

  configure = ({ policy, queue, planning }: Pick<DriverOptions, "policy" | "queue" | "planning">): void => {
    this.#queue = queue;
    this.#settings = { policy, planning };
    this.#planner.close();
    const { waiting } = this.#planner;
    this.#planner = this.#createPlanner();
    this.#planner.waiting = waiting;
    this.#moment(() => {});
  };

  leave = async (engines: readonly EngineId[], signal: AbortSignal): Promise<void> => {
    for (const engine of engines) {
      this.#leaving.add(engine);
      this.engineDown(engine);
    }
    const busy = (): boolean =>
      engines.some((engine) => this.#desks.has(engine) && this.world.state.cluster.engine(engine).running.length > 0);
    while (busy() && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const engine of engines) {
      if (!this.#desks.has(engine)) continue;
      for (const { stage } of this.world.state.cluster.engine(engine).running) this.drop(stage.key, "timed-out");
    }
  };

  journalBytes = (): number => this.#feed.writtenBytes;

  #noteDrained(): void {
    if (this.#draining && this.world.state.workflows.open.size === 0) this.#drained?.();
  }

  drain = async (signal: AbortSignal): Promise<void> => {
    this.#draining = true;
    if (this.#open.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#drained = resolve;
      const poll = setInterval(() => {
        if (this.#open.size === 0) resolve();
      }, 20);
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted) resolve();
      await promise;
      clearInterval(poll);
    }
    for (const workflow of this.world.state.workflows.open.keys()) this.cancel(workflow);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweep);
    this.#planner.close();
    await Promise.all([...this.#desks.values()].map((desk) => desk.close()));
    this.#feed.close();
  }
}

function nameOf({ stage, share, attempt, engine }: ShareTurn) {
  return { stage: stage.key, share, attempt, engine };
}

/** Engines that stay hold what they held; a new one what its description says. */
function keepResidents(cluster: Cluster, { cluster: before }: World["state"]): Cluster["engines"] {
  const held = new Map([...before].map((engine) => [engine.id, engine.residents] as const));
  return cluster.engines.map((engine) => {
    const residents = held.get(engine.id);
    if (residents === undefined) return engine;
    return { ...engine, resident: residents.flatMap(({ model, loading }) => (loading ? [] : [model])) };
  });
}
