/**
 * The live driver: gathers what is known, asks the policy, has engines take up work, and writes down what happens. What it
 * consists of looks after stages, turns, engines, plans, and the journal, a file each; here is who knows whom.
 */

import { createCostModel } from "../../cost/cost-model.ts";
import { shippedCalibration } from "../../cost/shipped-calibration.ts";
import type { Cluster, EngineId } from "../../model/cluster.ts";
import type { Decision } from "../../model/decision.ts";
import type { Model, ModelId } from "../../model/model.ts";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
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
import { Onlookers } from "./onlookers.ts";
import { PlanningSeat, type Surroundings } from "./planning-seat.ts";
import { StageDesk, type Open } from "./stage-desk.ts";
import { TurnDesk } from "./turn-desk.ts";
import type { Recall } from "./take-over.ts";
import { createTime, type Timer } from "./time.ts";
import { WorkDesk } from "./work-desk.ts";
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
  readonly #work: WorkDesk;
  readonly #stages: StageDesk;
  readonly #engines: EngineDesks;
  readonly #learning: Learning;
  readonly #continuity: Continuity;
  readonly #journal: LiveJournal;
  readonly #floor: Floor;
  readonly #adoption: AdoptHost;
  readonly #seat: PlanningSeat;
  readonly #sweep: Timer;
  readonly #onlookers: Onlookers;
  #draining = false;

  constructor(options: DriverOptions) {
    const { cluster, models, seed, calibration = shippedCalibration, onOutcome = () => {} } = options;
    // What an earlier gateway knew is not kept beyond the start.
    const { recall, ...rest } = options;
    this.#options = rest;
    const { time = createTime() } = options;
    const world = new World(createCostModel(cluster, models, calibration), time);
    this.world = world;
    this.#seat = new PlanningSeat(world, options, this.#aroundPlanner());
    const moments = new Moments(world, () => {
      this.#stages.forgive();
      this.#seat.planner.settle();
    });
    this.#moments = moments;
    const learning = new Learning(world, (engine) => options.speedOf?.(engine) ?? 1);
    this.#learning = learning;
    const serve = (engine: EngineId): void => this.#engines.serve(engine);
    const stages = new StageDesk({
      world,
      moments,
      queue: () => this.#seat.settings.queue,
      refusalOf: (open) => this.#refusalOf(open),
      serve,
      troubleWith: options.troubleWith,
    });
    this.#stages = stages;
    this.#work = new WorkDesk({ world, moments, stages, onEnd: () => this.#journal.onEnd() });
    const turns = new TurnDesk({ world, moments, stages, learning, serve, onOutcome, onFault: this.#faultOf("call") });
    const hardestWaitUs = (): number => this.#seat.settings.queue.hardestWaitMs * 1000;
    this.#engines = new EngineDesks(
      {
        world,
        moments,
        stages,
        learning,
        begin: turns.begin,
        hardestWaitUs,
        onOutcome,
        onFault: this.#faultOf("load"),
        acts: options.acts,
      },
      options.adapters,
    );
    this.#adoption = { world, stages, turns, desk: this.desk };
    this.#floor = { world, desk: this.desk, onNonsense: this.#faultOf("policy") };
    const name = (): string => this.#seat.settings.policy;
    const lasting = (): string | undefined => this.#seat.planner.lasting();
    const seen = { world, seed, policy: name, lasting, calibration, learning, stages };
    const continuity = new Continuity(seen, cluster, models);
    this.#continuity = continuity;
    const onFault = this.#faultOf("journal");
    this.#journal = new LiveJournal({ ...rest, world, continuity, policy: name, lasting, onFault });
    this.#onlookers = new Onlookers({
      opening: () => continuity.opening(),
      follow: (take) => this.#journal.feed.follow(take),
    });
    if (options.onEvent !== undefined) world.listen(options.onEvent);
    this.#seat.open();
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
      void this.#seat.close();
      throw error;
    }
  }

  #faultOf(what: string): (error: unknown) => void {
    return (error) => this.#options.onFault?.(what, error);
  }

  #aroundPlanner(): Surroundings {
    return {
      seed: this.#options.seed,
      snapshot: () => {
        this.#journal.feed.flush();
        return this.#continuity.snapshot();
      },
      follow: (follower) => this.#journal.feed.follow(follower),
      flush: () => this.#journal.feed.flush(),
      carryOut: (decisions, viewUs, policy) => this.#carryOut(decisions, viewUs, policy),
      carry: (what) => this.#moments.carry(what),
      begin: () => this.#moments.begin(),
      wake: () => this.#moments.live(() => {}),
      foreseen: () => this.#stages.foreseen,
      unloadable: () => this.#engines.unloadable(),
      onPlanned: (where, tookUs, stages) => this.#options.onPlanned?.(where, tookUs, stages),
      onFault: this.#faultOf("planner"),
    };
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

  arrive = (workflow: NewWorkflow): void => this.#work.arrive(workflow);

  reveal = (stage: NewStage): void => this.#work.reveal(stage);

  ready = (key: StageKey, work: Work, chainTokens?: readonly number[]): void =>
    this.#moments.live(() => this.#stages.ready(key, work, chainTokens));

  adopt = (key: StageKey, work: Work, held: Held): readonly Turn[] | undefined =>
    this.#moments.live(() => adopt(this.#adoption, key, work, held));

  together = (what: () => void): void => this.#moments.live(() => this.#engines.hold(what));

  toolStart = (key: StageKey): void => this.#work.toolStart(key);

  toolEnd = (key: StageKey): void => this.#work.toolEnd(key);

  skip = (key: StageKey): void => this.#work.skip(key);

  drop = (key: StageKey, reason: DropReason): void => this.#work.drop(key, reason);

  end = (workflow: WorkflowId): void => this.#work.cancel(workflow);

  cancel = (workflow: WorkflowId): void => this.#work.cancel(workflow);

  #refusalOf({ key, work }: Open): Refusal | undefined {
    const [world, draining, leaving] = [this.world, this.#draining, this.#engines.leaving];
    const { maxWaiting } = this.#seat.settings.queue;
    return refusalOf({ world, draining, leaving, maxWaiting, waiting: this.#stages.waiting }, key, work);
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
      this.#onlookers.end();
      this.#seat.planner.forget();
      this.#learning.tellKnown();
      this.#stages.forgive();
      for (const open of this.#stages) this.#turnAwayIfLost(open);
      for (const desk of this.#engines) desk.serve();
      return desks;
    });
    await Promise.all(gone.map((desk) => desk.close()));
  };

  /** Those whom no engine can serve any more. */
  #turnAwayIfLost(open: Open): void {
    if (this.world.state.workflows.node(open.key).status !== "ready") return;
    const refusal = this.#refusalOf(open);
    if (refusal?.kind === "no-engine") this.#stages.refuse(open, refusal, "refused");
  }

  configure = (settings: Settings): void => {
    if (!this.#seat.change(settings)) return;
    this.#moments.live(() => {});
    this.#onlookers.end();
  };

  journalBytes = (): number => this.#journal.writtenBytes;

  watch = (take: (lines: string) => void, ended: () => void): (() => void) => this.#onlookers.watch(take, ended);

  journalAs = (epoch: number | undefined): void => this.#journal.writeAs(epoch);

  recall = (recall: Recall): void => this.#moments.live(() => this.#takeOver(recall));

  /** Whatever it is, the driver goes on. */
  #takeOver(recall: Recall): void {
    const { lasting } = recall.recalled;
    try {
      if (lasting?.policy === this.#seat.settings.policy) this.#seat.planner.recall(lasting.memory);
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
    await Promise.all([this.#seat.close(), this.#engines.close()]);
    await this.#journal.feed.close();
  }
}
