/** A live driver over scripted engines, with a clock moved by hand. Whatever is done with it, its journal must obey every law. */

import { strict as assert } from "node:assert";
import { expect } from "vitest";
import { check, lawsOfAnyRun } from "../../../src/check/check.ts";
import { knownModels } from "../../../src/catalogue/models.ts";
import type { Adapter, Sight } from "../../../src/gateway/adapter/adapter.ts";
import { createDriver, type DriverOptions, type LiveDriver } from "../../../src/gateway/live/create-driver.ts";
import type { NewStage, Refusal, ShareFault, Turn, Work } from "../../../src/gateway/live/driver.ts";
import { createTime } from "../../../src/gateway/live/time.ts";
import type { Journal } from "../../../src/journal/journal.ts";
import type { Cluster, Engine } from "../../../src/model/cluster.ts";
import type { EventOf } from "../../../src/check/law.ts";
import type { EventKind, JournalEvent } from "../../../src/model/event.ts";
import { chainHash, type ChainLink } from "../../../src/model/prefix.ts";
import { gigabytes } from "../../../src/model/units.ts";
import { cluster } from "../../support/build.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";

export const llama = "llama-3.1-8b";
export const phi = "phi-4-14.7b";
export const embedder = "embed-1.2b";
const models = knownModels.filter(({ id }) => [llama, phi, embedder].includes(id));

/** Real engines as the gateway describes them: they batch, and outputs go by way of the gateway. */
export function engines(drawing: string, change: Partial<Engine> & { readonly host?: string } = {}): Cluster {
  const batching = { kind: "batched", maxSequences: 2, prefillTokens: 2048, chunkedPrefill: true } as const;
  const rest = { links: [], store: { bytesPerSecond: gigabytes(1), latencyUs: 200 }, contention: "none" } as const;
  return cluster(drawing, { batching, resident: [llama], kvBytes: gigabytes(4), ...change }, rest);
}

/** Its engines in these roles, in their order. */
export function inRoles(plain: Cluster, ...roles: readonly Engine["role"][]): Cluster {
  return { ...plain, engines: plain.engines.map((engine, index) => ({ ...engine, role: roles[index] ?? "both" })) };
}

export type Load = {
  readonly kind: "load" | "unload";
  readonly model: string;
  readonly signal: AbortSignal;
  readonly end: () => void;
  readonly fail: (reason: string | Error) => void;
};

/** Does nothing by itself: what it was asked for waits until the test ends it. */
export class ScriptedEngine implements Adapter {
  readonly engine: string;
  readonly abilities: Adapter["abilities"];
  readonly asked: Load[] = [];
  closed = false;

  constructor(engine: string, loads: boolean) {
    this.engine = engine;
    this.abilities = { loads, metrics: false, priorities: false };
  }

  upstream = (model: string) => ({ origin: "http://127.0.0.1:1", model, headers: {} });

  look = (): Promise<Sight> => Promise.resolve({});

  load = (model: string, signal: AbortSignal): Promise<void> => this.#ask("load", model, signal);

  unload = (model: string, signal: AbortSignal): Promise<void> => this.#ask("unload", model, signal);

  #ask(kind: "load" | "unload", model: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.asked.push({
      kind,
      model,
      signal,
      end: resolve,
      fail: (reason) => reject(reason instanceof Error ? reason : new Error(reason)),
    });
    return promise;
  }

  /** What it was asked for first and has not ended yet. */
  take(): Load {
    const load = this.asked.shift();
    assert(load !== undefined, `${this.engine} was asked for nothing`);
    return load;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

/** Waits for a stage, and remembers what it heard. */
export class Owner implements Work {
  readonly turns: Turn[] = [];
  readonly heard: string[] = [];
  readonly patient?: true;
  refusal: Refusal | undefined;
  /** Called with each turn as it begins. */
  onTurn: (turn: Turn) => void = () => {};

  constructor(patient?: true) {
    if (patient) this.patient = true;
  }

  start(turn: Turn): void {
    this.turns.push(turn);
    this.onTurn(turn);
  }

  refuse(refusal: Refusal): void {
    this.refusal = refusal;
    this.heard.push(`refused: ${refusal.kind}`);
  }

  /** The turn that came last. */
  get turn(): Turn {
    const turn = this.turns.at(-1);
    assert(turn !== undefined, "it has had no turn");
    return turn;
  }

  get engine(): string {
    return this.turn.engine;
  }
}

export const cut: ShareFault = { kind: "cut", retry: true, message: "broke off" };
export const rejected: ShareFault = { kind: "rejected", retry: false, message: "answered 400" };

export type StageChange = {
  readonly id?: string;
  readonly model?: string;
  readonly kind?: "llm" | "embed";
  readonly parents?: readonly string[];
  readonly promptTokens?: number;
  readonly outputTokens?: number;
  readonly items?: number;
  readonly priority?: number;
  readonly chance?: number;
  readonly chain?: readonly ChainLink[];
};

export type CallChange = StageChange & { readonly workflow?: string; readonly patient?: true };

export function stageOf(workflow: string, change: StageChange = {}): NewStage {
  const { id = "s", model = llama, kind = "llm", parents = [], items = 1, priority = 0, chance } = change;
  const { promptTokens = 1000, outputTokens = 100 } = change;
  const chain = change.chain ?? [{ hash: chainHash(undefined, `${workflow}/${id}`), tokens: promptTokens }];
  return {
    key: `${workflow}/${id}`,
    workflow,
    id,
    parents: parents.map((parent) => ({ stage: `${workflow}/${parent}`, bytes: 100 })),
    priority,
    kind,
    model,
    chain,
    sharedLinks: 0,
    promptTokens: chain.reduce((sum, { tokens }) => sum + tokens, 0),
    outputTokens: kind === "embed" ? 0 : outputTokens,
    limitTokens: kind === "embed" ? 0 : outputTokens * 2,
    items,
    ...(chance === undefined ? {} : { chance }),
  };
}

/** A prompt that several calls may have. */
export function promptOf(name: string, tokens = 1000): readonly ChainLink[] {
  return [{ hash: chainHash(undefined, name), tokens }];
}

export type LiveChange = Omit<Partial<DriverOptions>, "adapters" | "time" | "onEvent"> & {
  /** Whether engines load on demand; otherwise a call loads. */
  readonly loads?: boolean;
};

export class Live implements AsyncDisposable {
  readonly driver: LiveDriver;
  readonly adapters = new Map<string, ScriptedEngine>();
  readonly events: JournalEvent[] = [];
  /** Stages that are over. */
  readonly over = new Map<string, "ran" | "did not run">();
  readonly faults: string[] = [];
  readonly outcomes: string[] = [];
  readonly planned: string[] = [];
  readonly #options: DriverOptions;
  readonly #loads: boolean;
  #calls = 0;
  atUs = 0;
  reshaped = false;

  constructor(change: LiveChange = {}) {
    const { loads = false, ...rest } = change;
    const machines = change.cluster ?? engines("h100 h100");
    this.#loads = loads;
    this.#options = {
      policy: "greedy-finish",
      seed: 1,
      cluster: machines,
      models,
      calibration: plainCalibration,
      queue: { maxWaiting: 1000, hardestWaitMs: 60_000, giveUpMs: 600_000 },
      planning: { inPlaceStages: 0, debounceMs: 1, deadlineMs: 1000 },
      journal: { maxBytes: 1e9, keep: 1 },
      ...rest,
      adapters: this.adaptersOf(machines),
      time: { ...createTime(), nowUs: () => this.atUs },
      onEvent: (event) => {
        this.events.push(event);
        if (event.kind === "stage-end") this.over.set(event.stage, "ran");
        if (event.kind === "stage-skip" || event.kind === "stage-drop") this.over.set(event.stage, "did not run");
      },
      onFault: (what, error) => this.faults.push(`${what}: ${error instanceof Error ? error.message : String(error)}`),
      onOutcome: (engine, fault) => {
        this.outcomes.push(`${engine}: ${fault?.kind ?? "ended"}`);
        rest.onOutcome?.(engine, fault);
      },
      onPlanned: (where) => this.planned.push(where),
    };
    this.driver = createDriver(this.#options);
  }

  /** One for each engine: the one that it has, if `anew` does not name it. */
  adaptersOf(machines: Cluster, anew: readonly string[] = []): ScriptedEngine[] {
    return machines.engines.map(({ id }) => {
      const known = this.adapters.get(id);
      if (known !== undefined && !anew.includes(id)) return known;
      const adapter = new ScriptedEngine(id, this.#loads);
      this.adapters.set(id, adapter);
      return adapter;
    });
  }

  engine(id: string): ScriptedEngine {
    const adapter = this.adapters.get(id);
    assert(adapter !== undefined);
    return adapter;
  }

  state(id: string) {
    return this.driver.world.state.cluster.engine(id);
  }

  pass(us: number): void {
    this.atUs += us;
  }

  async reshape(machines: Cluster, anew: readonly string[] = []): Promise<void> {
    this.reshaped = true;
    await this.driver.reshape(machines, models, this.adaptersOf(machines, anew));
  }

  /** A call of its own workflow, ready at once. */
  call(change: CallChange = {}): Owner & { readonly key: string } {
    const workflow = change.workflow ?? `w${this.#calls++}`;
    const { driver } = this;
    driver.arrive({ workflow, reveal: "online" });
    const stage = stageOf(workflow, change);
    driver.reveal(stage);
    const owner = Object.assign(new Owner(change.patient), { key: stage.key });
    driver.ready(stage.key, owner);
    return owner;
  }

  /** The first token now, the end a second later, and with it that of its workflow if it is a call alone. */
  finish(owner: Owner, outputTokens = 100): void {
    this.pass(100_000);
    owner.turn.firstToken();
    this.pass(900_000);
    owner.turn.end({ outputTokens });
    this.endWorkflow(owner);
  }

  endWorkflow(owner: Owner): void {
    this.driver.end(owner.turn.stage.workflow);
  }

  of<Kind extends EventKind>(kind: Kind): EventOf<Kind>[] {
    return this.events.filter((event): event is EventOf<Kind> => event.kind === kind);
  }

  /** The least that was ever configured would be too little to ask. */
  get #hardestWaitUs(): number {
    return this.#options.queue.hardestWaitMs * 1000;
  }

  get journal(): Journal {
    const { cluster: machines, seed, policy, calibration } = this.#options;
    assert(calibration !== undefined);
    const header = { kind: "journal", version: 1, seed, policy, workload: "live", models, calibration } as const;
    return { header: { ...header, cluster: machines, clock: "wall" }, events: this.events };
  }

  /** Ends it, and holds the whole run against every law. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.driver[Symbol.asyncDispose]();
    expect(this.driver.waiting()).toBe(0);
    expect(this.driver.open()).toBe(0);
    for (const engine of this.driver.world.state.cluster) {
      expect(engine.running, engine.id).toEqual([]);
      expect(engine.queue, engine.id).toEqual([]);
      expect(engine.kvTokens, engine.id).toBe(0);
    }
    if (!this.reshaped) expect(listOvertaken(this.events, this.#hardestWaitUs)).toEqual([]);
    // What goes on in another segment, only the segments can tell.
    const { journal, journalStore } = this.#options;
    if (!this.reshaped && journal.path === undefined && journalStore === undefined)
      expect(check(this.journal, lawsOfAnyRun)).toEqual([]);
  }
}

/**
 * Shares that began on an engine while one that was ready before them stood in its queue and had waited as long as it may; unless
 * they had so themselves, and came no more than that later: they may have needed no load.
 */
function listOvertaken(events: readonly JournalEvent[], hardestWaitUs: number): string[] {
  const readyUs = new Map<string, number>();
  const queued: { readonly stage: string; readonly share: number; readonly engine: string }[] = [];
  const overtaken: string[] = [];
  const forget = (gone: (each: (typeof queued)[number]) => boolean): void => {
    for (let index = queued.length - 1; index >= 0; index--)
      if (gone(queued[index] as (typeof queued)[number])) queued.splice(index, 1);
  };
  for (const event of events) {
    switch (event.kind) {
      case "stage-ready":
        readyUs.set(event.stage, event.atUs);
        break;
      case "stage-lost":
      case "stage-drop":
        readyUs.set(event.stage, event.atUs);
        forget(({ stage }) => stage === event.stage);
        break;
      case "stage-place":
        for (const [share, { engine }] of event.shares.entries()) queued.push({ stage: event.stage, share, engine });
        break;
      case "kv-transfer-end":
        queued.push({ stage: event.stage, share: event.share, engine: event.to });
        break;
      case "share-start": {
        const ownUs = readyUs.get(event.stage) ?? 0;
        forget(({ stage, share, engine }) => stage === event.stage && share === event.share && engine === event.engine);
        for (const { stage, engine } of queued) {
          const sinceUs = readyUs.get(stage) ?? Infinity;
          if (engine !== event.engine || sinceUs >= ownUs || event.atUs - sinceUs < hardestWaitUs) continue;
          if (event.atUs - ownUs >= hardestWaitUs && ownUs - sinceUs <= hardestWaitUs) continue;
          overtaken.push(`${event.stage} begins on ${engine} before ${stage}`);
        }
        break;
      }
      default:
    }
  }
  return overtaken;
}

/** Lets all promises that are settled have their effect. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
