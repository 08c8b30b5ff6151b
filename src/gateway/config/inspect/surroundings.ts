/** What an inspection asks of the world. Tests bring their own. */

import { constants } from "node:fs";
import { lookup } from "node:dns/promises";
import { access, readFile, stat } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { dirname, resolve } from "node:path";
import type { Adapter } from "../../adapter/adapter.ts";
import type { Lease } from "../../../store/store.ts";
import type { EngineConfig, StoreConfig } from "../config.ts";
import type { Environment } from "../environment.ts";

export type Surroundings = {
  readonly env: Environment;
  /** Rejects as `node:fs` does. */
  readonly read: (path: string) => Promise<string>;
  readonly createAdapter: (engine: EngineConfig) => Adapter;
  /** One GET, its body thrown away. Rejects if there is no answer. */
  readonly probe: (url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<Answer>;
  /** Opens a connection and closes it again; rejects if that fails. */
  readonly reach: (host: string, port: number, signal: AbortSignal) => Promise<void>;
  /** Listens there for a moment; rejects if that fails. */
  readonly tryListen: (host: string, port: number) => Promise<void>;
  /** Rejects if no file can be written here; a directory may yet have to be made. */
  readonly tryWrite: (path: string) => Promise<void>;
  readonly tryRead: (path: string) => Promise<void>;
  /** Addresses of a name; rejects if there are none. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  /** All leases in the store, which is only looked at. Absent: nobody asks. */
  readonly listLeases?: (store: StoreConfig) => Promise<readonly Lease[]>;
  /** Opens the store, only to look at it, and asks it something; rejects if that fails, but not for tables that are not made yet. */
  readonly tryStore?: (store: StoreConfig) => Promise<void>;
  /** Of a steady clock, and of the calendar's. */
  readonly steadyMs: () => number;
  readonly epochMs: () => number;
};

export type Answer = { readonly status: number; readonly date?: string };

export const realSurroundings: Omit<Surroundings, "env" | "createAdapter"> = {
  read: (path) => readFile(path, "utf8"),
  probe: async (url, headers, signal) => {
    const answer = await fetch(url, { headers, signal, redirect: "manual" });
    await answer.body?.cancel();
    const date = answer.headers.get("date");
    return { status: answer.status, ...(date === null ? {} : { date }) };
  },
  reach,
  tryListen,
  tryWrite,
  tryRead: (path) => access(path, constants.R_OK),
  resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  steadyMs: () => performance.now(),
  epochMs: () => Date.now(),
};

async function reach(host: string, port: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<void>();
  const socket = connect({ host, port, signal });
  socket.once("connect", done).once("error", reject);
  try {
    await promise;
  } finally {
    socket.destroy();
  }
}

async function tryListen(host: string, port: number): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<void>();
  const server = createServer();
  server.once("error", reject);
  server.listen({ host, port }, () => server.close(() => done()));
  await promise;
}

/** The nearest directory above that exists decides. */
async function tryWrite(path: string): Promise<void> {
  const existing = await stat(path).catch(() => undefined);
  if (existing !== undefined) {
    if (!existing.isFile()) throw new Error("not a file");
    return access(path, constants.W_OK);
  }
  let directory = dirname(resolve(path));
  while ((await stat(directory).catch(() => undefined)) === undefined) directory = dirname(directory);
  await access(directory, constants.W_OK | constants.X_OK);
  if (!(await stat(directory)).isDirectory()) throw new Error(`${directory} is not a directory`);
}
