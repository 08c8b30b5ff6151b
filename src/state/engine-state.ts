/** What one engine holds and does now. Changed by `apply` only; policies read it. */

import { mixesModels, type EngineId, type EngineRole } from "../model/cluster.ts";
import type { Place } from "../model/decision.ts";
import type { EngineHolding } from "../model/holding.ts";
import type { SharePhase } from "../model/event.ts";
import type { ModelId } from "../model/model.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { PrefixCache } from "./prefix-cache.ts";
import type { Resident } from "./residency.ts";

/** A share that waits in an engine's queue. */
export type QueuedShare = {
  readonly stage: VisibleModelStage;
  readonly share: number;
  readonly attempt: number;
  readonly items: number;
  readonly phase: SharePhase;
  readonly rank: number;
  /** How much the rank falls with each second of the clock. */
  readonly climb?: number;
  readonly overtakes?: Place["overtakes"];
  /** Journal position of what put it here: decides among equal ranks. */
  readonly sequence: number;
  /** When it came into the queue; what is preempted comes back to its old place. */
  readonly sinceUs: number;
  /** Engine time it is expected to take. */
  readonly expectedUs: number;
  readonly victims?: readonly ModelId[];
  readonly decodeEngine?: EngineId;
  /** Expected time on that engine. */
  readonly decodeUs?: number;
};

/** A share that holds a place on its engine. */
export type RunningShare = QueuedShare & {
  readonly startUs: number;
  /** Journal position of its start: tells it from every other one, whatever else of it changes. */
  readonly started: number;
  readonly kvTokens: number;
  /** When its prompt had been taken in. From then on a share of phase `prefill` holds KV memory, but computes no more. */
  readonly prefilledUs?: number;
  /** Its KV is on its way to the decode engine, and will be there then. */
  readonly arriveUs?: number;
};

export class EngineState {
  readonly holding: EngineHolding;
  up = true;
  /** What it does now: that of its description until it is told to switch. */
  role: EngineRole;
  /** Since when; 0 if from the beginning. */
  roleSinceUs = 0;
  /** The role that it is to have once it has ended all it has: until then it takes nothing new. */
  switching: EngineRole | undefined;
  /** How many times longer than modelled everything takes here. */
  slowFactor = 1;
  /** Least recently used first. */
  residents: readonly Resident[] = [];
  /** When the load under way is expected to end; 0 if there is none. */
  loadEndUs = 0;
  /** The residents once the queue has been worked off, as far as can be foreseen. */
  foreseen: readonly Resident[] = [];
  /** By rank as it was given, then by sequence. What comes next, `queue.ts` says: ranks may fall with the clock. */
  queue: QueuedShare[] = [];
  running: RunningShare[] = [];
  /** Expected engine time of the queue. */
  queuedUs = 0;
  /** Shares in the queue whose rank falls with the clock, and shares that may overtake. */
  climbing = 0;
  overtaking = 0;
  /** Shares on other engines that are to be handed over to this one. */
  incoming = 0;
  /** KV memory set aside for what is running, of all models together. */
  kvTokens = 0;
  /** When the network interface has sent all KV it was given. */
  nicFreeAtUs = 0;
  prefixes: Map<ModelId, PrefixCache>;
  #ownsPrefixes: Set<ModelId>;

  constructor(holding: EngineHolding) {
    this.holding = holding;
    this.role = holding.engine.role;
    this.prefixes = new Map();
    this.#ownsPrefixes = new Set();
  }

  get id(): EngineId {
    return this.holding.engine.id;
  }

  /** Whether new work may be placed here. */
  get open(): boolean {
    return this.up && this.switching === undefined;
  }

  get idle(): boolean {
    return this.running.length === 0 && this.queue.length === 0 && this.loadEndUs === 0;
  }

  isResident(model: ModelId): boolean {
    return this.residents.some((resident) => resident.model === model && !resident.loading);
  }

  /** When an exclusive engine is expected to be done with what it has: never before now. */
  freeAtUs(nowUs: number): number {
    let at = Math.max(nowUs, this.loadEndUs);
    for (const running of this.running) at = Math.max(at, running.startUs + running.expectedUs);
    return at + this.queuedUs;
  }

  /** Tokens of `stage`'s prompt whose KV is cached here. */
  cachedTokens(stage: VisibleModelStage): number {
    return this.prefixes.get(stage.model)?.match(stage.chain) ?? 0;
  }

  /** The prefix cache of `model`, for writing. */
  changePrefixes(model: ModelId): PrefixCache {
    let cache = this.prefixes.get(model);
    if (cache === undefined || !this.#ownsPrefixes.has(model)) {
      cache = cache?.fork() ?? new PrefixCache();
      this.prefixes.set(model, cache);
      this.#ownsPrefixes.add(model);
    }
    return cache;
  }

  dropPrefixes(model: ModelId): void {
    this.prefixes.delete(model);
    this.#ownsPrefixes.delete(model);
  }

  /** What runs in one batch with a share of `model`, or would: all, or where models are mixed what is of that one. */
  batchOf(model: ModelId): readonly RunningShare[] {
    return mixesModels(this.holding.engine) ? this.running.filter(({ stage }) => stage.model === model) : this.running;
  }

  /** KV memory set aside where `model` has its own: of all that runs, or where models are mixed of what is of that one. */
  kvTokensOf(model: ModelId): number {
    if (!mixesModels(this.holding.engine)) return this.kvTokens;
    let tokens = 0;
    for (const { stage, kvTokens } of this.running) if (stage.model === model) tokens += kvTokens;
    return tokens;
  }

  /** Cached prefixes may take what running work leaves of the KV memory, and never more than the engine's own bound. */
  prefixBudgetTokens(model: ModelId): number {
    const capacity = this.holding.models.get(model)?.kvCapacityTokens ?? 0;
    return Math.min(this.holding.engine.prefixTokens ?? Infinity, capacity - this.kvTokensOf(model));
  }

  /** An independent copy. Prefix caches are shared until one side writes to them, so this side must be the only writer. */
  clone(holding: EngineHolding = this.holding): EngineState {
    const copy = new EngineState(holding);
    copy.up = this.up;
    copy.role = this.role;
    copy.roleSinceUs = this.roleSinceUs;
    copy.switching = this.switching;
    copy.slowFactor = this.slowFactor;
    copy.residents = this.residents;
    copy.loadEndUs = this.loadEndUs;
    copy.foreseen = this.foreseen;
    copy.queue = [...this.queue];
    copy.running = [...this.running];
    copy.queuedUs = this.queuedUs;
    copy.climbing = this.climbing;
    copy.overtaking = this.overtaking;
    copy.incoming = this.incoming;
    copy.kvTokens = this.kvTokens;
    copy.nicFreeAtUs = this.nicFreeAtUs;
    copy.prefixes = new Map(this.prefixes);
    return copy;
  }
}
