/** Stores in SQLite files of a folder that goes with the test. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { KeptStore } from "../../src/store/ask-by-verbs.ts";
import { openSqlite } from "../../src/store/sqlite/open-sqlite.ts";
import type { TestStore } from "./store-conformance.ts";

export class SqliteFolder implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), "fate-store-"));
  #files = 0;
  #shared: Promise<Shared> | undefined;

  file(): string {
    return join(this.path, `${this.#files++}.db`);
  }

  /** One store for many tests, emptied for each: making a file and a thread takes longer than most tests. */
  async open(): Promise<TestStore> {
    this.#shared ??= openShared(this.file());
    const { store, clock, beside } = await this.#shared;
    beside.exec("delete from fate_runs; delete from fate_segments; delete from fate_leases");
    return { store, pass: clock.pass, [Symbol.asyncDispose]: () => Promise.resolve() };
  }

  async openOwn(): Promise<TestStore> {
    const clock = createClock();
    const store = await openSqlite({ path: this.file(), nowMs: clock.nowMs });
    return { store, pass: clock.pass, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const shared = await this.#shared;
    shared?.beside.close();
    await shared?.store[Symbol.asyncDispose]();
    rmSync(this.path, { recursive: true });
  }
}

type Shared = { readonly store: KeptStore; readonly clock: Clock; readonly beside: DatabaseSync };

async function openShared(path: string): Promise<Shared> {
  const clock = createClock();
  const store = await openSqlite({ path, nowMs: clock.nowMs });
  return { store, clock, beside: new DatabaseSync(path) };
}

type Clock = { readonly nowMs: () => number; readonly pass: (ms: number) => Promise<void> };

function createClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    pass: (ms) => {
      nowMs += ms;
      return Promise.resolve();
    },
  };
}
