/**
 * The live driver: gathers what is known, asks the policy, has engines take up work, and writes down what happens. What it
 * consists of looks after stages, turns, engines, plans, and the journal, a file each; here is who knows whom.
 */

import { strict as assert } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import { createCostModel } from "../../cost/cost-model.ts";
import { shippedCalibration } from "../../cost/shipped-calibration.ts";
import type { Cluster, EngineId } from "../../model/cluster.ts";
import type { Decision } from "../../model/decision.ts";
import type { Model, ModelId } from "../../model/model.ts";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import { policyNamed } from "../../policy/policies.ts";
import { createRng } from "../../random/rng.ts";
import type { Adapter, Sight } from "../adapter/adapter.ts";
import { refusalOf } from "./admission.ts";
import { adopt, type AdoptHost, type Held } from "./adopt.ts";
import { carryOut, type Floor } from "./carry-out.ts";
import { Continuity } from "./continuity.ts";
import type { Learned } from "./corrections.ts";
import type { DropReason, NewStage, NewWorkflow, Refusal, Turn, Work } from "./driver.ts";
import type { EngineDesk } from "./engine-desk.ts";
import { EngineDesks } from "./engine-desks.ts";
import { Learning } from "./learning.ts";
import type { DriverOptions, LiveDriver, Settings } from "./live-driver.ts";
import { LiveJournal } from "./live-journal.ts";
import { Moments } from "./moments.ts";
import { Planner } from "./planner.ts";
import { StageDesk } from "./stage-desk.ts";
import { TurnDesk } from "./turn-desk.ts";
import type { Recall } from "./take-over.ts";
import { createTime, type Timer } from "./time.ts";
import { World } from "./world.ts";

export type { DriverOptions, LiveDriver } from "./live-driver.ts";

/** How often waiting stages are looked through for those that waited too long. */
const sweepMs = 200;

export function createDriver(options: DriverOptions): LiveDriver {
  return new LiveDesk(options);
}

class LiveDesk implements LiveDriver {
  readonly world: World;
  readonly #options: DriverOptions;
  readonly #moments: Moments;
  readonly #stages: StageDesk;
  readonly #engines: EngineDesks;
  readonly #learning: Learning;
  readonly #continuity: Continuity;
  readonly #journal: LiveJournal;
  readonly #floor: Floor;
  readonly #adoption: AdoptHost;
  readonly #sweep: Timer;
  readonly #watchers = new Set<() => void>();
  #planner: Planner;
  /** Planners before this one, once they are closed. */
  #retired: Promise<unknown> = Promise.resolve();
  #settings: Settings;
  #draining = false;

  constructor(options: DriverOptions) {
    const { cluster, models, seed, calibration = shippedCalibration, onOutcome = () => {} } = options;
    // What an earlier gateway knew is not kept beyond the start.
    const { recall, ...rest } = options;
    this.#options = rest;
    const { policy, queue, planning } = options;
    this.#settings = { policy, queue, planning };
    const { time = createTime() } = options;
    const world = new World(createCostModel(cluster, models, calibration), time);
    this.world = world;
    const moments = new Moments(world, () => this.#planner.settle());
    this.#moments = moments;
    const learning = new Learning(world, (engine) => options.speedOf?.(engine) ?? 1);
    this.#learning = learning;
    const serve = (engine: EngineId): void => this.#engines.serve(engine);
    const stages = new StageDesk({
      world,
      moments,
      queue: () => this.#settings.queue,
      refusalOf: (key) => this.#refusalOf(key),
      serve,
    });
    this.#stages = stages;
    const turns = new TurnDesk({ world, moments, stages, learning, serve, onOutcome, onFault: this.#faultOf("call") });
    const { begin } = turns;
    const hardestWaitUs = (): number => this.#settings.queue.hardestWaitMs * 1000;
    this.#engines = new EngineDesks(
      {
        world,
        moments,
        stages,
        learning,
        begin,
        hardestWaitUs,
        onOutcome,
        onFault: this.#faultOf("load"),
        acts: options.acts,
      },
      options.adapters,
    );
    this.#adoption = { world, stages, turns, desk: this.desk };
    this.#floor = { world, desk: this.desk, onNonsense: this.#faultOf("policy") };
    const name = (): string => this.#settings.policy;
    const lasting = (): string | undefined => this.#planner.lasting();
    const seen = { world, seed, policy: name, lasting, calibration, learning, stages };
    const continuity = new Continuity(seen, cluster, models);
    this.#continuity = continuity;
    const onFault = this.#faultOf("journal");
    this.#journal = new LiveJournal({ ...rest, world, continuity, policy: name, lasting, onFault });
    if (options.onEvent !== undefined) world.listen(options.onEvent);
    this.#planner = this.#createPlanner(this.#settings);
    world.tick();
    learning.tellKnown();
    if (recall !== undefined) this.#takeOver(recall);
    this.#openJournal();
    this.#sweep = time.every(sweepMs, () => stages.giveUpOverdue(), "unref");
  }

  #openJournal(): void {
    try {
      this.#journal.feed.open();
    } catch (error) {
      void this.#planner.close();
      throw error;
    }
  }

  #faultOf(what: string): (error: unknown) => void {
    return (error) => this.#options.onFault?.(what, error);
  }

  #createPlanner({ policy: policyName, planning, queue }: Settings): Planner {
    const policy = policyNamed(policyName);
    assert(policy !== undefined, `no policy ${policyName}`);
    return new Planner(this.world, {
      policyName,
      policy,
      planning,
      hardestWaitUs: queue.hardestWaitMs * 1000,
      rng: createRng(this.#options.seed, "policy"),
      snapshot: () => {
        this.#journal.feed.flush();
        return this.#continuity.snapshot();
      },
      follow: (follower) => this.#journal.feed.follow(follower),
      flush: () => this.#journal.feed.flush(),
      carryOut: (decisions, viewUs) => this.#carryOut(decisions, viewUs, policyName),
      carry: (what) => this.#moments.carry(what),
      begin: () => this.#moments.begin(),
      wake: () => this.#moments.live(() => {}),
      foreseen: () => this.#stages.foreseen,
      onPlanned: (where, tookUs, stages) => this.#options.onPlanned?.(where, tookUs, stages),
      onFault: this.#faultOf("planner"),
    });
  }

  #carryOut(decisions: readonly Decision[], viewUs: number, policyName: string): number {
    for (const decision of decisions) {
      if (decision.kind !== "place") continue;
      const open = this.#stages.find(decision.stage);
      if (open === undefined) continue;
      open.viewUs = viewUs;
      open.reason = decision.reason ?? policyName;
    }
    const { touched, wakeUs } = carryOut(this.#floor, decisions);
    for (const engine of touched) this.#engines.serve(engine);
    return wakeUs;
  }

  nowUs = (): number => this.world.time.nowUs();

  desk = (engine: EngineId): EngineDesk => this.#engines.of(engine);

  // What those who bring work do.

  arrive = ({ workflow, ...facts }: NewWorkflow): void => {
    this.#moments.begin();
    this.world.emit({ kind: "workflow-arrive", workflow, ...facts });
  };

  reveal = (stage: NewStage): void => {
    this.#moments.begin();
    const { ordinal } = this.world;
    // One that is over need not be known to all any more.
    const parents = stage.parents.filter((parent) => this.world.isKnown(parent.stage));
    this.world.emit({ kind: "stage-reveal", stage: { ...stage, parents, ordinal } });
    this.world.ordinal += 1;
    if (stage.kind !== "tool") this.#stages.foreseen += 1;
  };

  ready = (key: StageKey, work: Work, chainTokens?: readonly number[]): void =>
    this.#moments.live(() => this.#stages.ready(key, work, chainTokens));

  adopt = (key: StageKey, work: Work, held: Held): readonly Turn[] | undefined =>
    this.#moments.live(() => adopt(this.#adoption, key, work, held));

  together = (what: () => void): void => this.#moments.live(() => this.#engines.hold(what));

  toolStart = (key: StageKey): void => {
    this.#moments.begin();
    this.world.emit({ kind: "stage-ready", stage: key });
    this.world.emit({ kind: "tool-start", stage: key });
  };

  toolEnd = (key: StageKey): void => {
    if (this.#isOver(key)) return;
    this.#moments.begin();
    this.world.emit({ kind: "tool-end", stage: key });
    this.world.emit({ kind: "stage-end", stage: key, attempt: 0, outputTokens: 0 });
  };

  skip = (key: StageKey): void => {
    if (!this.#isOver(key)) this.#moments.live(() => this.#stages.skip(key));
  };

  drop = (key: StageKey, reason: DropReason): void => {
    if (!this.#isOver(key)) this.#moments.live(() => this.#stages.drop(key, reason));
  };

  end = (workflow: WorkflowId): void => this.cancel(workflow);

  cancel = (workflow: WorkflowId): void => {
    const open = this.world.state.workflows.open.get(workflow);
    if (open === undefined) return;
    this.#moments.live(() => {
      if (open.openStages > 0) {
        // What runs goes last, or else its place would be taken once more.
        for (const [key, { status }] of open.stages) if (status !== "running") this.#stages.drop(key, "cancelled");
        for (const key of open.stages.keys()) this.#stages.drop(key, "cancelled");
      }
      this.world.emit({ kind: "workflow-end", workflow });
      this.#journal.onEnd();
    });
  };

  #isOver(key: StageKey): boolean {
    const { workflows } = this.world.state;
    return !workflows.has(key) || workflows.node(key).status === "ended";
  }

  #refusalOf(key: StageKey): Refusal | undefined {
    const [world, draining, leaving] = [this.world, this.#draining, this.#engines.leaving];
    const { maxWaiting } = this.#settings.queue;
    return refusalOf({ world, draining, leaving, maxWaiting, waiting: this.#stages.waiting }, key);
  }

  waiting = (): number => this.#stages.waiting;

  open = (): number => this.#stages.size;

  // What engines tell.

  engineUp = (id: EngineId): void => this.#engines.up(id);

  engineDown = (id: EngineId): void => this.#engines.down(id);

  sight = (id: EngineId, sight: Sight): void => this.#engines.sight(id, sight);

  prefixGone = (id: EngineId, model: ModelId, hash?: number): void => this.#engines.prefixGone(id, model, hash);

  learned = (engine: EngineId, model: ModelId): Learned => this.#learning.learned(engine, model);

  leave = (engines: readonly EngineId[], signal: AbortSignal): Promise<void> => this.#engines.leave(engines, signal);

  // A world that changes.

  reshape = async (cluster: Cluster, models: readonly Model[], adapters: readonly Adapter[]): Promise<void> => {
    const gone = this.#moments.live(() => {
      const { prelude, gone: desks } = this.#continuity.reshape({ cluster, models, adapters }, this.#engines);
      this.#engines.take(adapters);
      this.#engines.leaving.clear();
      this.#journal.feed.turnOver(prelude);
      this.#endWatching();
      this.#planner.forget();
      this.#learning.tellKnown();
      for (const open of this.#stages) this.#turnAwayIfLost(open.key);
      for (const desk of this.#engines) desk.serve();
      return desks;
    });
    await Promise.all(gone.map((desk) => desk.close()));
  };

  /** Those whom no engine can serve any more. */
  #turnAwayIfLost(key: StageKey): void {
    const open = this.#stages.find(key);
    if (open === undefined || this.world.state.workflows.node(key).status !== "ready") return;
    const refusal = this.#refusalOf(key);
    if (refusal?.kind === "no-engine") this.#stages.refuse(open, refusal, "refused");
  }

  configure = ({ policy, queue, planning }: Settings): void => {
    const settings = { policy, queue, planning };
    if (isDeepStrictEqual(settings, this.#settings)) return;
    const planner = this.#createPlanner(settings);
    if (policy === this.#settings.policy) planner.recall(this.#planner.lasting());
    this.#settings = settings;
    this.#retired = Promise.all([this.#retired, this.#planner.close()]);
    this.#planner = planner;
    this.#moments.live(() => {});
    this.#endWatching();
  };

  journalBytes = (): number => this.#journal.writtenBytes;

  watch = (take: (lines: string) => void, ended: () => void): (() => void) => {
    const stop = this.#journal.feed.follow(take);
    this.#watchers.add(ended);
    take(this.#continuity.opening());
    return () => {
      stop();
      this.#watchers.delete(ended);
    };
  };

  /** What they were told first does not hold any more. */
  #endWatching(): void {
    for (const ended of [...this.#watchers]) ended();
  }

  journalAs = (epoch: number | undefined): void => this.#journal.writeAs(epoch);

  recall = (recall: Recall): void => this.#moments.live(() => this.#takeOver(recall));

  /** Whatever it is, the driver goes on. */
  #takeOver(recall: Recall): void {
    const { lasting } = recall.recalled;
    try {
      if (lasting?.policy === this.#settings.policy) this.#planner.recall(lasting.memory);
      this.#journal.remember();
      this.#continuity.takeOver(recall, this.#engines);
    } catch (error) {
      this.#faultOf("journal")(error);
    }
  }

  drain = async (signal: AbortSignal): Promise<void> => {
    this.#draining = true;
    await this.#moments.until(() => this.#stages.size === 0, signal);
    this.#moments.live(() => this.#giveUpAll());
  };

  #giveUpAll(): void {
    const message = "the gateway is about to stop";
    this.#stages.giveUpAll({ kind: "draining", message, retryAfterS: 1 });
    for (const workflow of this.world.state.workflows.open.keys()) this.cancel(workflow);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#draining = true;
    this.#sweep.stop();
    this.#moments.live(() => {
      this.#giveUpAll();
      this.#journal.remember();
    });
    this.#moments.close();
    await Promise.all([this.#retired, this.#planner.close(), this.#engines.close()]);
    await this.#journal.feed.close();
  }
}
