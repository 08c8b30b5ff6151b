/**
 * The servers of the benchmark, each a process of its own: the mock server, and what stands before it.
 * With `taskset`, what is measured has core 0 to itself, and the mock server shares the others with the generator.
 */

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { model } from "./wire.ts";

/** Its first port is where calls go; the mock server has several, each an engine of its own. */
export type Server = AsyncDisposable & { readonly ports: readonly number[]; readonly pid: number };

export type Cores = { readonly measured: string; readonly others: string };

const scripts = {
  upstream: fileURLToPath(new URL("./upstream.ts", import.meta.url)),
  bareProxy: fileURLToPath(new URL("./bare-proxy.ts", import.meta.url)),
  announce: fileURLToPath(new URL("./announce.ts", import.meta.url)),
  fate: fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url)),
};
/** Runs a program on given cores, on Linux. */
const pinner = "taskset";
const startMs = 20_000;
const stopMs = 3000;

/** Undefined where processes cannot be pinned, or there is one core only. */
export function pinCores(): Cores | undefined {
  const cores = availableParallelism();
  if (cores < 2 || spawnSync(pinner, ["-V"]).status !== 0) return undefined;
  const others = cores === 2 ? "1" : `1-${cores - 1}`;
  return spawnSync(pinner, ["-apc", others, String(process.pid)]).status === 0 ? { measured: "0", others } : undefined;
}

export async function startUpstream(cores: Cores | undefined): Promise<Server> {
  return start([scripts.upstream], cores?.others);
}

export async function startBareProxy(upstream: Server, cores: Cores | undefined): Promise<Server> {
  return start([scripts.bareProxy, String(upstream.ports[0])], cores?.measured);
}

/** Processor time that a process has used, all its threads together; NaN where the system does not say it Linux's way. */
export function readCpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // Behind the name, which may hold blanks: user and system time are fields 14 and 15, in ticks of 10 ms.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return Number.NaN;
  }
}

/** From npm, as its start script runs it, without its web page. */
export async function startPortkey(cores: Cores | undefined): Promise<Server> {
  const script = fileURLToPath(import.meta.resolve("@portkey-ai/gateway/build/start-server.js"));
  return start(["--import", scripts.announce, script, "--headless"], cores?.measured, { NODE_ENV: "production" });
}

/** Headers that send a call of Portkey to the mock server. Addresses of this machine it trusts by itself. */
export function portkeyHeaders(upstream: Server): Readonly<Record<string, string>> {
  return { "x-portkey-provider": "openai", "x-portkey-custom-host": `http://127.0.0.1:${upstream.ports[0]}/v1` };
}

/** Everything on: identity, prefix index, decisions over four engines, accounting, the journal in the store, metrics. */
/** With its default policy unless one is named. */
export async function startFate(upstream: Server, cores: Cores | undefined, policy?: string): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "fate-bench-"));
  const config = join(folder, "fate.yaml");
  writeFileSync(config, JSON.stringify({ ...fateConfig(upstream.ports, join(folder, "store.db")), policy }));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    const server = await start([scripts.fate, "serve", "--config", config], cores?.measured);
    const close = async (): Promise<void> => {
      await server[Symbol.asyncDispose]();
      remove();
    };
    return { ...server, [Symbol.asyncDispose]: close };
  } catch (error) {
    remove();
    throw error;
  }
}

function fateConfig(ports: readonly number[], store: string): object {
  const engine = { kind: "openai", gpu: "h100-80g", maxSequences: 512, models: [model], resident: [model] };
  return {
    listen: { port: 0 },
    models: [{ id: model, like: "llama-3.1-8b", contextTokens: 131_072, outputTokens: 48 }],
    engines: ports.map((port, index) => ({ id: `engine-${index}`, url: `http://127.0.0.1:${port}`, ...engine })),
    tenants: [{ id: "default", maxOpen: 10_000 }],
    queue: { maxWaiting: 4096 },
    limits: { connections: 4096 },
    store: { kind: "sqlite", path: store },
    log: { level: "warn" },
  };
}

/** Waits until it says where it listens. */
async function start(
  args: readonly string[],
  core: string | undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const command = core === undefined ? [process.execPath, ...args] : [pinner, "-c", core, process.execPath, ...args];
  const [program = "", ...rest] = command;
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  // Whatever ends the benchmark, nothing is left running.
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const close = async (): Promise<void> => {
    await stop(child);
    process.off("exit", kill);
  };
  try {
    return { ports: await awaitPorts(child), pid: child.pid ?? 0, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** `listening`, or `listens at`, and behind it ports or an address. What is said later is read and forgotten. */
async function awaitPorts(child: ChildProcess): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => reject(new Error(`it has not said where it listens: ${said}`)), startMs);
    const hear = (piece: Buffer): void => {
      if (said.length < 100_000) said += piece.toString();
      const [, ports] = /listen(?:ing|s) (?:on |at )?(?:http:\/\/127\.0\.0\.1:)?(\d[\d ]*)(?=[^\d ])/.exec(said) ?? [];
      if (ports === undefined) return;
      clearTimeout(timer);
      resolve(ports.trim().split(" ").map(Number));
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`it has ended with code ${code}: ${said.slice(0, 2000)}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
  await gone;
  clearTimeout(timer);
}
