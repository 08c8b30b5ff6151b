/** All declared workflows of a gateway: those it carries out, those that are over, and those of which only the store knows. */

import { randomBytes } from "node:crypto";
import { createMemoryStore } from "../../store/memory.ts";
import type { RunRow, Store, StoredRun } from "../../store/store.ts";
import type { Tenants } from "../call/tenants.ts";
import type { Config, ModelConfig } from "../config/config.ts";
import type { Driver } from "../live/driver.ts";
import { createTime, type Time } from "../live/time.ts";
import { createTools, type Tools } from "./call-tool.ts";
import { Carriage } from "./carriage.ts";
import type { DeclaredRun } from "./declared-run.ts";
import { createDoubts } from "./doubts.ts";
import type { EventLog } from "./event-log.ts";
import { createKeptRuns } from "./kept-runs.ts";
import type { Caller } from "./model-call.ts";
import type { Ownership } from "./ownership.ts";
import { createPatience, type Patience } from "./patience.ts";
import { createReception, type Reception, type Submission, type Submitted } from "./reception.ts";
import { createRecovery, type Recovery } from "./recovery.ts";
import { inBursts } from "./slices.ts";
import { fromStored, idOfModel } from "./stored-run.ts";

export type { Submission, Submitted } from "./reception.ts";

export type RunsOptions = {
  readonly driver: Driver;
  readonly caller: Caller;
  readonly config: Pick<Config, "declared" | "tenants" | "models"> & Partial<Pick<Config, "engines" | "queue">>;
  /** Models that can be called now; those of the configuration unless said. */
  readonly models?: () => readonly ModelConfig[];
  /** One in memory unless said. */
  readonly store?: Store;
  /** By what right runs are carried out here; absent where nobody else could, and then nothing is taken up. */
  readonly ownership?: Ownership;
  /** How often runs that nobody carries out any more are looked for. */
  readonly takeUpEveryMs?: number;
  /** Where the keys of tools are. */
  readonly env?: { readonly [name: string]: string | undefined };
  /** That of the machine unless said. */
  readonly time?: Time;
  readonly nowMs?: () => number;
  /** Over HTTP, as the configuration says, unless said. */
  readonly tools?: Tools;
  readonly createId?: () => string;
  readonly retryWaitMs?: number;
  /** A workflow is one of its tenant's calls, open until it is over. Absent: no limits. */
  readonly tenants?: () => Tenants;
  /** So many runs that nobody carried out any more go on here. */
  readonly onTakenUp?: (count: number) => void;
  /** Told of what no client can be told. */
  readonly onFault?: (message: string) => void;
};

/** A run that can be followed here, as it is at each moment. */
export type Followed = { readonly log: EventLog; readonly now: () => DeclaredRun };

/** All that read or write the store reject with a StoreFault where that fails. */
export type Runs = AsyncDisposable & {
  readonly submit: (submission: Submission) => Promise<Submitted>;
  readonly find: (tenant: string, id: string) => Promise<DeclaredRun | undefined>;
  readonly list: (tenant: string, limit: number, after?: string) => Promise<readonly DeclaredRun[]>;
  /** As it is when its end is saved; still running if that cannot be done now. For a run that is over, or carried out here. */
  readonly cancel: (tenant: string, id: string) => Promise<DeclaredRun | undefined>;
  /** Absent for a run that this process has not carried out, or has forgotten. */
  readonly follow: (id: string) => Followed | undefined;
  /** Takes up what nobody carries out; resolves to how many. From then on it does so from time to time. */
  readonly recover: () => Promise<number>;
  readonly isHere: (run: DeclaredRun) => boolean;
  readonly models: () => readonly ModelConfig[];
  readonly open: () => number;
  /** Takes nothing new, and resolves when what is under way is over, or when the signal says so; the rest waits in the store. */
  readonly drain: (signal: AbortSignal) => Promise<void>;
};

/** Runs that are over and still told of from memory, and how much they may hold. */
const keptRuns = 1000;
const keptCharacters = 256_000_000;
const usualTakeUpMs = 1000;

const unleased: Ownership = { owner: "here", holds: () => true, listen: () => {} };
const noRecovery: Recovery = { now: () => Promise.resolve(0), roomAgain: () => {}, [Symbol.dispose]: () => {} };

export function createRuns(options: RunsOptions): Runs {
  return new AllRuns(options);
}

class AllRuns implements Runs {
  readonly models: () => readonly ModelConfig[];
  readonly submit: Runs["submit"];
  readonly recover: Runs["recover"];
  readonly #options: RunsOptions;
  /** What is closed in the end, the last one first. */
  readonly #stack = new AsyncDisposableStack();
  readonly #store: Store;
  readonly #time: Time;
  readonly #kept = createKeptRuns({ maxRuns: keptRuns, maxCharacters: keptCharacters });
  readonly #patience: Patience;
  readonly #carriage: Carriage;
  readonly #recovery: Recovery;
  readonly #reception: Reception;
  #isClosed = false;
  /** What is open stays in the store, for whoever comes next. */
  #hasLetGo = false;

  constructor(options: RunsOptions) {
    const { config, ownership = unleased, time = createTime(), onFault = () => {} } = options;
    const { nowMs = time.epochMs, createId = createRunId, onTakenUp = () => {} } = options;
    this.#options = options;
    this.#time = time;
    this.models = options.models ?? (() => config.models);
    const tools = options.tools ?? createTools(config.declared.tools, options.env ?? process.env);
    this.#stack.use(tools);
    this.#store = options.store ?? this.#stack.use(createMemoryStore({ nowMs: () => time.nowUs() / 1000 }));
    const store = this.#store;
    const patience = createPatience({
      time,
      onAway: ({ message }) => onFault(`the store fails, what is to be written waits: ${message}`),
      onBack: () => onFault("the store is back"),
    });
    this.#patience = this.#stack.use(patience);
    this.#carriage = new Carriage({
      ...options,
      models: this.models,
      tools,
      time,
      nowMs,
      onFault,
      store,
      kept: this.#kept,
      patience,
      onEnd: () => this.#recovery.roomAgain(),
    });
    this.#stack.defer(() => this.#carriage.dropAll());
    const carry = (stored: StoredRun): void => this.#carry(stored);
    const isOwn = ({ id, owner }: StoredRun): boolean => owner === ownership.owner && !this.#carriage.has(id);
    const doubts = this.#stack.use(createDoubts({ store, time, patience, nowMs, isOwn, carry, onFault }));
    const isHere = (id: string): boolean => this.#carriage.has(id);
    const room = (): number => this.#room();
    const everyMs = options.takeUpEveryMs ?? usualTakeUpMs;
    this.#recovery =
      options.ownership === undefined
        ? noRecovery
        : this.#stack.use(
            createRecovery({ store, time, ownership, room, take: carry, isHere, everyMs, onTakenUp, onFault }),
          );
    this.#reception = createReception({
      ...options,
      store,
      ownership,
      nowMs,
      createId,
      doubts,
      patience,
      room,
      carry: (row, run, release) => this.#carryNew(row, run, release),
      find: this.find,
      isClosed: () => this.#isClosed,
    });
    this.submit = this.#reception.submit;
    this.recover = () => this.#carriage.gather(this.#recovery.now);
    ownership.listen((holds) => {
      if (holds) void this.#carriage.resume().then(this.#recovery.roomAgain);
      else this.#carriage.pause();
    });
  }

  #room(): number {
    return this.#isClosed ? 0 : this.#options.config.declared.maxOpen - this.open();
  }

  #read(stored: StoredRun): DeclaredRun {
    return this.#carriage.look(stored.id) ?? fromStored(stored, idOfModel(this.models())).run;
  }

  #carry(stored: StoredRun): void {
    if (this.#isClosed) return;
    const { tenant } = stored;
    const tenants = this.#options.tenants?.();
    // It was taken in before: no limit turns it away now.
    tenants?.resume(tenant);
    this.#carriage.carry(stored, () => tenants?.release(tenant));
  }

  #carryNew(row: RunRow, run: DeclaredRun, release: () => void): DeclaredRun {
    if (!this.#hasLetGo) return this.#carriage.carry({ ...row, stages: [] }, release, run) ?? run;
    release();
    return run;
  }

  open = (): number => this.#carriage.open + this.#reception.opening();

  isHere = ({ id, status }: DeclaredRun): boolean => status !== "running" || this.#carriage.has(id);

  find: Runs["find"] = async (tenant, id) => {
    const known = this.#carriage.look(id) ?? this.#kept.get(id)?.run;
    if (known !== undefined) return known.tenant === tenant ? known : undefined;
    const stored = await this.#store.readRun(id);
    return stored?.tenant === tenant ? this.#read(stored) : undefined;
  };

  list: Runs["list"] = async (tenant, limit, after) => {
    const runs: DeclaredRun[] = [];
    for await (const stored of inBursts(await this.#store.listRuns(tenant, limit, after), this.#time))
      runs.push(this.#kept.get(stored.id)?.run ?? this.#read(stored));
    return runs;
  };

  follow: Runs["follow"] = (id) => {
    const live = this.#carriage.find(id);
    if (live !== undefined) return { log: live.log, now: () => live.value };
    const over = this.#kept.get(id);
    return over === undefined ? undefined : { log: over.log, now: () => over.run };
  };

  cancel: Runs["cancel"] = async (tenant, id) => {
    const live = this.#carriage.find(id);
    if (live?.value.tenant !== tenant) return this.find(tenant, id);
    live.cancel();
    await Promise.race([live.over, this.#patience.away()]);
    return live.value;
  };

  drain = async (signal: AbortSignal): Promise<void> => {
    this.#isClosed = true;
    const { promise: given, resolve: giveUp } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => giveUp(), { once: true });
    if (signal.aborted) giveUp();
    await Promise.race([given, this.#carriage.allOver()]);
    this.#hasLetGo = true;
    this.#carriage.dropAll();
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#hasLetGo = true;
    await this.#stack.disposeAsync();
  }
}

function createRunId(): string {
  return `wf-${randomBytes(12).toString("hex")}`;
}
