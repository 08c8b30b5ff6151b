/**
 * The store as gateways reach it: one database in memory, behind connections that are slow, break, and lose answers. What was
 * answered is in it; what was not answered may be, or not.
 */

import { createMemoryStore } from "../store/memory.ts";
import { StoreFault, type Store } from "../store/store.ts";
import type { Rng } from "../random/rng.ts";
import type { Faults } from "./faults.ts";
import type { Machine } from "./machine.ts";
import type { VirtualTime } from "./virtual-time.ts";

type Verb = Exclude<keyof Store, typeof Symbol.asyncDispose>;

/** What a verb did, told at the instant at which it is done. */
export type Commit = {
  readonly verb: Verb;
  readonly by: Machine;
  readonly given: readonly unknown[];
  readonly result: unknown;
};

export type DatabaseHost = {
  readonly virtual: VirtualTime;
  readonly faults: Faults;
  readonly rng: Rng;
  readonly canReach: (site: string) => boolean;
  readonly onCommit: (commit: Commit) => void;
  /** Breaks the store on purpose. */
  readonly sabotage?: ((store: Store) => Store) | undefined;
};

const writes: ReadonlySet<Verb> = new Set(["createRun", "saveStage", "endRun", "beginSegment", "appendJournal"]);

export class Database {
  readonly #host: DatabaseHost;
  /** As gateways are answered. */
  readonly #store: Store;
  /** As it is. */
  readonly inner: Store;
  away = false;
  full = false;

  constructor(host: DatabaseHost) {
    this.#host = host;
    this.inner = createMemoryStore({ nowMs: () => host.virtual.nowUs / 1000 });
    this.#store = host.sabotage?.(this.inner) ?? this.inner;
  }

  /** The store as this machine has it at hand. A killed one asks no more, and hears no answer. */
  connect(machine: Machine): Store {
    const verb =
      <Given extends readonly unknown[], Result>(name: Verb, act: (...given: Given) => Promise<Result>) =>
      (...given: Given): Promise<Result> =>
        this.#ask(machine, name, given, act);
    const store = this.#store;
    return {
      createRun: verb("createRun", store.createRun),
      saveStage: verb("saveStage", store.saveStage),
      endRun: verb("endRun", store.endRun),
      readRun: verb("readRun", store.readRun),
      findRun: verb("findRun", store.findRun),
      listRuns: verb("listRuns", store.listRuns),
      listTakenUp: verb("listTakenUp", store.listTakenUp),
      takeUpRuns: verb("takeUpRuns", store.takeUpRuns),
      forgetRuns: verb("forgetRuns", store.forgetRuns),
      beginSegment: verb("beginSegment", store.beginSegment),
      appendJournal: verb("appendJournal", store.appendJournal),
      listSegments: verb("listSegments", store.listSegments),
      readBlock: verb("readBlock", store.readBlock),
      pruneJournal: verb("pruneJournal", store.pruneJournal),
      takeLease: verb("takeLease", store.takeLease),
      renewLease: verb("renewLease", store.renewLease),
      releaseLease: verb("releaseLease", store.releaseLease),
      listLeases: verb("listLeases", store.listLeases),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  #ask<Given extends readonly unknown[], Result>(
    machine: Machine,
    name: Verb,
    given: Given,
    act: (...given: Given) => Promise<Result>,
  ): Promise<Result> {
    const { virtual, faults, rng } = this.#host;
    if (faults.strikes("crash")) machine.crash();
    return machine.hear<Result>((resolve, reject) => {
      const refused = faults.strikes("store-refused");
      const unsure = faults.strikes("store-unsure");
      const crashes = faults.strikes("crash");
      const late = faults.strikes("store-late");
      const lateUs = late ? faults.rng("store-late").below(5_000_000) : 0;
      const slowUs = faults.strikes("store-slow") ? faults.rng("store-slow").below(3_000_000) : 0;
      const [thereUs, backUs] = [100 + rng.below(2000) + slowUs, 50 + rng.below(500)];
      const unavailable = (why: string): void => reject(new StoreFault("unavailable", why));
      if (late) virtual.after(thereUs, () => unavailable("the store did not answer in time"));
      virtual.after(thereUs + lateUs, () => {
        if (this.away || refused || !this.#host.canReach(machine.site))
          return void virtual.after(backUs, () => unavailable("the store cannot be reached"));
        if (this.full && writes.has(name))
          return void virtual.after(backUs, () => reject(new StoreFault("full", "the store is full")));
        act(...given).then(
          (result) => {
            this.#host.onCommit({ verb: name, by: machine, given, result });
            // Killed after it was done and before it heard so.
            if (crashes) machine.crash();
            virtual.after(backUs, () => {
              if (unsure || !this.#host.canReach(machine.site)) unavailable("the connection to the store was lost");
              else resolve(result);
            });
          },
          (error: unknown) => void virtual.after(backUs, () => reject(error)),
        );
      });
    });
  }
}

/** What is in question, for a reader of the trace. */
export function showCommit({ given, result }: Commit): string {
  return `${given.map(show).join(" ")}: ${Array.isArray(result) ? result.map(show).join(",") : show(result)}`;
}

function show(value: unknown): string {
  if (typeof value !== "object" || value === null) return `${value as string | number | boolean | undefined}`;
  const { id, stage, holder, owner, status } = value as { readonly [field: string]: string | undefined };
  return id ?? stage ?? holder ?? owner ?? status ?? "";
}
