/**
 * Several gateways in one process, under one clock moved by hand: each with its own driver over scripted engines, linked by lines
 * that take a millisecond. A gateway can be killed, stopped and woken, and cut off from the store or from the others.
 */

import { strict as assert } from "node:assert";
import { expect } from "vitest";
import { knownModels } from "../../../src/catalogue/models.ts";
import { check, lawsOfAnyRun } from "../../../src/check/check.ts";
import { createDriver, type LiveDriver } from "../../../src/gateway/live/create-driver.ts";
import type { Turn } from "../../../src/gateway/live/driver.ts";
import type { Time, Timer } from "../../../src/gateway/live/time.ts";
import type { Channel, Ears } from "../../../src/gateway/replicas/channel.ts";
import { createReplica, type Replica } from "../../../src/gateway/replicas/replica.ts";
import type { Cluster } from "../../../src/model/cluster.ts";
import type { JournalEvent } from "../../../src/model/event.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { StoreFault, type LeaseVerbs } from "../../../src/store/store.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";
import { embedder, engines, llama, Owner, phi, ScriptedEngine, stageOf, type CallChange } from "../live/world.ts";

export const leaseMs = 2000;
const models = knownModels.filter(({ id }) => [llama, phi, embedder].includes(id));

type Due = {
  readonly atUs: number;
  readonly order: number;
  readonly node: Node | undefined;
  readonly what: () => void;
};

export class World implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly nodes: Node[] = [];
  readonly store = createMemoryStore({ nowMs: () => this.nowUs / 1000 });
  /** Pairs of gateways that hear nothing of each other. */
  readonly cuts = new Set<string>();
  /** Shares that run on each engine, as whoever carries them knows, and the most there ever were. */
  readonly running = new Map<string, number>();
  readonly most = new Map<string, number>();
  readonly #due: Due[] = [];
  #order = 0;
  nowUs = 0;

  constructor(cluster: Cluster = engines("h100 h100")) {
    this.cluster = cluster;
  }

  static async of(count: number, cluster?: Cluster): Promise<World> {
    const world = new World(cluster);
    for (let index = 0; index < count; index++) {
      world.nodes.push(new Node(world, `g${index}`));
      // The first one plans.
      await world.pass(50);
    }
    await world.pass(leaseMs);
    return world;
  }

  node(index: number): Node {
    const node = this.nodes[index];
    assert(node !== undefined);
    return node;
  }

  /** Who plans, by itself. */
  get planners(): string[] {
    return this.nodes.filter((node) => !node.dead && node.replica.acts()).map(({ id }) => id);
  }

  at(us: number, node: Node | undefined, what: () => void): Timer {
    const due: Due = { atUs: this.nowUs + Math.max(1, Math.round(us)), order: this.#order++, node, what };
    this.#due.push(due);
    return {
      stop: () => {
        const index = this.#due.indexOf(due);
        if (index >= 0) this.#due.splice(index, 1);
      },
    };
  }

  /** So many milliseconds go by. */
  async pass(ms: number): Promise<void> {
    const untilUs = this.nowUs + ms * 1000;
    await settled();
    for (;;) {
      this.#due.sort((left, right) => left.atUs - right.atUs || left.order - right.order);
      const next = this.#due[0];
      if (next === undefined || next.atUs > untilUs) break;
      this.#due.shift();
      this.nowUs = next.atUs;
      if (next.node === undefined) next.what();
      else next.node.run(next.what);
      await settled();
    }
    this.nowUs = untilUs;
  }

  isCut(left: Node, right: Node): boolean {
    return this.cuts.has(`${left.id} ${right.id}`) || this.cuts.has(`${right.id} ${left.id}`);
  }

  /** Its links are silent from now on, and no new one can be made. */
  cut(node: Node): void {
    for (const other of this.nodes) if (other !== node) this.cuts.add(`${node.id} ${other.id}`);
  }

  count(engine: string, by: 1 | -1): void {
    const running = (this.running.get(engine) ?? 0) + by;
    this.running.set(engine, running);
    this.most.set(engine, Math.max(running, this.most.get(engine) ?? 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cuts.clear();
    for (const node of this.nodes) await node.end();
    await this.store[Symbol.asyncDispose]();
  }
}

/** Lets all promises that are settled have their effect. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A call, and what became of it. */
export class Call extends Owner {
  readonly key: string;
  readonly #node: Node;
  readonly #ends: Turn[] = [];
  ended = 0;
  /** For good. */
  failed = false;
  dropped = false;
  /** Turns that are not over. */
  readonly running: Turn[] = [];

  constructor(node: Node, key: string, patient?: true) {
    super(patient);
    this.key = key;
    this.#node = node;
  }

  override start(turn: Turn): void {
    const { world } = this.#node;
    world.count(turn.engine, 1);
    let runs = true;
    const stop = (): void => {
      if (runs) world.count(turn.engine, -1);
      runs = false;
      const index = this.running.indexOf(counted);
      if (index >= 0) this.running.splice(index, 1);
    };
    turn.signal.addEventListener("abort", stop);
    this.#node.ends.push(stop);
    const counted = this.#count(turn, stop);
    this.running.push(counted);
    super.start(counted);
  }

  /** All its shares have ended, or it will not run any more. */
  get isOver(): boolean {
    const shares = this.turns.at(-1)?.shares ?? Infinity;
    return this.failed || this.dropped || this.refusal !== undefined || this.#endedOf(this.#attempt) === shares;
  }

  /** Its client is gone. */
  giveUp(node: Node): void {
    this.dropped = true;
    node.driver.drop(this.key, "client-gone");
  }

  get #attempt(): number {
    return this.turns.at(-1)?.attempt ?? 0;
  }

  #endedOf(attempt: number): number {
    return this.#ends.filter((turn) => turn.attempt === attempt).length;
  }

  #onEnd(turn: Turn): void {
    this.#ends.push(turn);
    this.ended = this.#endedOf(turn.attempt);
    if (this.ended === turn.shares) this.#node.driver.end(turn.stage.workflow);
  }

  #count(turn: Turn, stop: () => void): Turn {
    return new Proxy(turn, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...given: unknown[]) => {
          if (name !== "firstToken") stop();
          Reflect.apply(value as (...all: unknown[]) => unknown, target, given);
          if (name === "end") this.#onEnd(target);
        };
      },
    });
  }

  finish(outputTokens = 100): void {
    this.turn.firstToken();
    this.turn.end({ outputTokens });
    this.#node.driver.end(this.turn.stage.workflow);
  }
}

export class Node {
  readonly id: string;
  readonly world: World;
  readonly replica: Replica;
  readonly books: LiveDriver;
  readonly events: JournalEvent[] = [];
  readonly faults: string[] = [];
  readonly adapters: ScriptedEngine[];
  readonly channels = new Set<Wire>();
  /** How to have its calls run no more: an engine notices that who called is dead. */
  readonly ends: (() => void)[] = [];
  dead = false;
  stopped = false;
  /** Does not reach the store: what it asks is not answered. */
  storeless = false;
  readonly #late: (() => void)[] = [];
  #calls = 0;

  constructor(world: World, id: string) {
    this.world = world;
    this.id = id;
    const time = this.#time();
    this.adapters = world.cluster.engines.map((engine) => new ScriptedEngine(engine.id, false));
    const queue = { maxWaiting: 100_000, hardestWaitMs: 60_000, giveUpMs: 600_000 };
    this.books = createDriver({
      policy: "greedy-finish",
      seed: 1,
      cluster: world.cluster,
      models,
      calibration: plainCalibration,
      queue,
      time,
      adapters: this.adapters,
      planning: { inPlaceStages: 0, debounceMs: 1, deadlineMs: 1000 },
      journal: { maxBytes: 1e9, keep: 1 },
      acts: () => this.replica.acts(),
      onEvent: (event) => this.events.push(event),
      onFault: (what, error) => this.faults.push(`${what}: ${String(error)}`),
    });
    const store = this.#store();
    this.replica = createReplica({
      id,
      address: id,
      time,
      store,
      driver: this.books,
      leaseMs,
      seed: 1,
      queue: () => queue,
      connect: (address) => this.#connect(address),
      onFault: (what, error) => this.faults.push(`${what}: ${String(error)}`),
    });
    // Gateways that are there hold a lease each.
    const tell = (): void => void store.takeLease(`owner/${id}`, id, id, leaseMs).catch(() => {});
    tell();
    time.every(leaseMs / 3, tell);
  }

  get driver() {
    return this.replica.driver;
  }

  /** What happens to it happens when it is not stopped, and to one that is dead nothing happens. */
  run(what: () => void): void {
    if (this.dead) return;
    if (this.stopped) this.#late.push(what);
    else what();
  }

  kill(): void {
    this.dead = true;
    for (const end of this.ends) end();
    for (const channel of this.channels) channel.breakOff();
  }

  stop(): void {
    this.stopped = true;
  }

  /** What it missed happens at once, timers first. */
  wake(): void {
    this.stopped = false;
    for (const what of this.#late.splice(0)) this.run(what);
  }

  call(change: CallChange = {}): Call {
    const workflow = change.workflow ?? `w${this.#calls++}`;
    this.driver.arrive({ workflow, reveal: "online" });
    const stage = stageOf(workflow, change);
    this.driver.reveal(stage);
    const call = new Call(this, stage.key, change.patient);
    this.driver.ready(stage.key, call);
    return call;
  }

  /** Ends it, unless it is dead: then its books must obey every law. */
  async end(): Promise<void> {
    if (this.dead) return;
    this.stopped = false;
    this.storeless = false;
    await this.replica[Symbol.asyncDispose]();
    await this.books[Symbol.asyncDispose]();
    for (const engine of this.books.world.state.cluster) {
      expect(engine.running, engine.id).toEqual([]);
      expect(engine.queue, engine.id).toEqual([]);
    }
    const { cluster } = this.world;
    const rest = { seed: 1, policy: "greedy-finish", workload: "live", models, calibration: plainCalibration } as const;
    const header = { kind: "journal", version: 1, cluster, clock: "wall", ...rest } as const;
    expect(check({ header, events: this.events }, lawsOfAnyRun)).toEqual([]);
  }

  #time(): Time {
    const { world } = this;
    return {
      nowUs: () => world.nowUs,
      epochMs: () => Math.floor(world.nowUs / 1000),
      after: (ms, what) => world.at(ms * 1000, this, what),
      every: (ms, what) => {
        let timer: Timer;
        const again = (): void => {
          timer = world.at(ms * 1000, this, again);
          what();
        };
        timer = world.at(ms * 1000, this, again);
        return { stop: () => timer.stop() };
      },
      soon: (what) => void world.at(1, this, what),
    };
  }

  #store(): LeaseVerbs {
    const { store } = this.world;
    const ask = <T>(verb: () => Promise<T>): Promise<T> => {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      if (this.storeless) {
        this.world.at(500_000, this, () => reject(new StoreFault("unavailable", "no way to the store")));
        return promise;
      }
      void verb().then((value) => this.run(() => resolve(value)), reject);
      return promise;
    };
    return {
      takeLease: (...given) => ask(() => store.takeLease(...given)),
      renewLease: (...given) => ask(() => store.renewLease(...given)),
      releaseLease: (...given) => ask(() => store.releaseLease(...given)),
      listLeases: (...given) => ask(() => store.listLeases(...given)),
    };
  }

  #connect(address: string): Promise<Channel> {
    const { promise, resolve, reject } = Promise.withResolvers<Channel>();
    const other = this.world.nodes.find(({ id }) => id === address);
    this.world.at(1000, this, () => {
      if (other === undefined || other.dead || this.world.isCut(this, other))
        return reject(new Error("nobody is there"));
      const [here, there] = [new Wire(this), new Wire(other)];
      here.other = there;
      there.other = here;
      other.run(() => other.replica.accept(there));
      resolve(here);
    });
    return promise;
  }
}

/** One end of a connection. */
export class Wire implements Channel {
  readonly #node: Node;
  other: Wire | undefined;
  #ears: Ears | undefined;
  #open = true;

  constructor(node: Node) {
    this.#node = node;
    node.channels.add(this);
  }

  send = (line: string): void => {
    const { other } = this;
    if (!this.#open || other === undefined) return;
    const { world } = this.#node;
    world.at(1000, other.#node, () => {
      if (other.#open && !world.isCut(this.#node, other.#node)) other.#ears?.onLine(line);
    });
  };

  listen = (ears: Ears): void => {
    this.#ears = ears;
  };

  close = (): void => {
    if (!this.#open) return;
    this.#open = false;
    this.#node.channels.delete(this);
    this.breakOff();
  };

  backlog = (): number => 0;

  /** Both ends hear of it. */
  snap(): void {
    const { other } = this;
    if (!this.#open || other === undefined) return;
    this.breakOff();
    other.breakOff();
  }

  /** The other end hears of it. */
  breakOff(): void {
    const { other } = this;
    if (other === undefined) return;
    const { world } = this.#node;
    world.at(1000, other.#node, () => {
      if (!other.#open || world.isCut(this.#node, other.#node)) return;
      other.#open = false;
      other.#node.channels.delete(other);
      other.#ears?.onClose();
    });
  }
}
