/** A gateway as a process of its own, which can be killed: nothing it holds in memory survives, and nobody is told. */

import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";

/** By the clock of `performance`. */
export type TakenUp = { readonly count: number; readonly atMs: number };

export type GatewayProcess = {
  readonly pid: number;
  /** Since it was spawned. */
  readonly listeningMs: number;
  readonly spawnedMs: number;
  /** Workflows of others that it took up, each time that it did. */
  readonly takenUp: readonly TakenUp[];
  /** By SIGKILL; resolves when it is gone. */
  readonly kill: () => Promise<void>;
  /** Lines of its log at `warn` and above. */
  readonly complaints: readonly string[];
};

export type GatewayCommand = {
  /** The file that Node runs. */
  readonly program: string;
  readonly config: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
};

/** One that is killed so long after it was spawned, most likely before it listens. */
export async function spawnDoomed(command: GatewayCommand, lifeMs: number): Promise<void> {
  const child = start(command);
  child.stdout.resume();
  child.stderr.resume();
  const exited = once(child, "exit");
  await Promise.race([wait(lifeMs), exited]);
  await killOff(child, exited);
}

function start({ program, config, port, env = {} }: GatewayCommand): ChildProcessWithoutNullStreams {
  const words = [program, "serve", "--config", config, "--port", String(port), "--json"];
  return spawn(process.execPath, words, { cwd: dirname(config), env: { ...process.env, ...env }, stdio: "pipe" });
}

/** Resolves when it listens; rejects with its log if it ends before. */
export async function spawnGateway(command: GatewayCommand): Promise<GatewayProcess> {
  const spawnedMs = performance.now();
  const child = start(command);
  const complaints: string[] = [];
  const takenUp: TakenUp[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    const told = parseLine(line);
    if (told?.event === "workflows-taken-up") takenUp.push({ count: told.count ?? 0, atMs: performance.now() });
    if (told === undefined || told.level === "warn" || told.level === "error")
      if (complaints.length < 100) complaints.push(line);
  });
  const exited = once(child, "exit");
  const listening = once(createInterface({ input: child.stdout }), "line");
  await Promise.race([
    listening,
    exited.then(() => Promise.reject(new Error(`the gateway ended:\n${complaints.join("\n")}`))),
  ]);
  return {
    pid: child.pid ?? 0,
    spawnedMs,
    listeningMs: performance.now() - spawnedMs,
    takenUp,
    complaints,
    kill: () => killOff(child, exited),
  };
}

async function killOff(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await exited;
}

type LogLine = { readonly level: string; readonly event: string; readonly count?: number };

function parseLine(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}
