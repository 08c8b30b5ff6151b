/** Kills gateways at seeded instants under load, starts each again, and looks at what became of every workflow. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { knownModels } from "../../src/catalogue/models.ts";
import { createClient, type RunSummary } from "../../src/client/client.ts";
import { startEngine, type EmulatedEngine } from "../../src/emulate/start-engine.ts";
import { createRng } from "../../src/random/rng.ts";
import { freePort } from "./free-port.ts";
import { spawnDoomed, spawnGateway, type GatewayCommand, type GatewayProcess } from "./gateway-process.ts";
import { createLoad, see, type Told } from "./load.ts";

export type KillOptions = {
  /** The file that Node runs for a gateway. */
  readonly program: string;
  readonly seed: number;
  readonly instants: number;
  /** Several are one group over one Postgres, of which one at a time is killed; one alone keeps its store in SQLite unless said. */
  readonly gateways?: number;
  readonly databaseUrl?: string;
  readonly clients: number;
  readonly pauseMs: number;
  readonly longestMs: number;
  readonly onKill?: (count: number) => void;
};

export type KillReport = {
  readonly kills: number;
  readonly accepted: number;
  readonly ended: number;
  /** Anything here is a fault: what was lost, doubled or told otherwise before. */
  readonly faults: readonly string[];
  /** From the start of a process until it listened. */
  readonly listeningMs: readonly number[];
  /** From a kill until what the killed one had left open was taken up, by itself started anew or by another. */
  readonly takenUpMs: readonly number[];
  /** How many it took up, each time. */
  readonly takenUp: readonly number[];
  /** Of each workflow, from when it was accepted until its client heard that it was over. */
  readonly tookMs: readonly number[];
};

/** From one instant to the next, at most. */
const longestLifeMs = 1200;
const model = "llama-3.2-1b";

type Member = { readonly command: GatewayCommand; process: GatewayProcess };

export async function runKills(options: KillOptions): Promise<KillReport> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "fate-kill-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const engines = await Promise.all(["a", "b"].map((id) => startOne(id)));
  for (const engine of engines) stack.use(engine);
  const members = await startAll(options, folder, engines);
  stack.defer(async () => {
    await Promise.all(members.map(({ process }) => process.kill()));
  });
  const urls = members.map(({ command }) => `http://127.0.0.1:${command.port}`);
  const load = createLoad({ ...options, urls });
  const killed = await killMembers(members, options);
  await load.finish();
  const accepted = load.told.filter(({ id }) => id !== undefined);
  const [url = ""] = urls;
  const faults = [...load.faults, ...(await lookAtAll(url, accepted)), ...killed.complaints];
  const ended = accepted.filter(({ end }) => end === "succeeded").length;
  const tookMs = accepted.map(({ tookMs: took = Infinity }) => Math.round(took));
  const { listeningMs, takenUpMs, takenUp } = killed;
  return { kills: options.instants, accepted: accepted.length, ended, faults, listeningMs, takenUpMs, takenUp, tookMs };
}

/** They outlive the gateways, as model servers do. */
function startOne(id: string): Promise<EmulatedEngine> {
  const models = knownModels.filter((known) => known.id === model);
  return startEngine({ id, models, gpu: "l4-24g", speed: 1000 });
}

function startAll(
  { program, gateways = 1, databaseUrl }: KillOptions,
  folder: string,
  engines: readonly EmulatedEngine[],
): Promise<Member[]> {
  const env = {
    FATE_REPLICAS_KEY: "a key of this run",
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
  };
  return Promise.all(
    Array.from({ length: gateways }, async (_, index) => {
      const port = await freePort();
      const config = join(folder, `gateway-${index}.yaml`);
      const store =
        databaseUrl === undefined ? { kind: "sqlite", path: join(folder, "store.db") } : { kind: "postgres" };
      const replicas = gateways === 1 ? {} : { replicas: { url: `http://127.0.0.1:${port}`, leaseMs: 1000 } };
      writeFileSync(
        config,
        JSON.stringify({ ...toConfig(engines), store: { ...store, keepRuns: 1_000_000 }, ...replicas }),
      );
      const command = { program, config, port, env };
      return { command, process: await spawnGateway(command) };
    }),
  );
}

type Killed = Pick<KillReport, "listeningMs" | "takenUpMs" | "takenUp"> & { readonly complaints: readonly string[] };

async function killMembers(members: readonly Member[], { seed, instants, onKill }: KillOptions): Promise<Killed> {
  const rng = createRng(seed, "kills");
  const processes = members.map(({ process }) => process);
  const killedMs: number[] = [];
  for (let count = 1; count <= instants; count++) {
    await wait(Math.floor(rng.next() * longestLifeMs));
    const member = members[rng.below(members.length)];
    if (member === undefined) break;
    await member.process.kill();
    // Every fourth instant is one at which the next process is about to begin.
    if (count % 4 === 0 && count < instants) {
      count += 1;
      await spawnDoomed(member.command, rng.next() * usualMs(processes));
    }
    killedMs.push(performance.now());
    member.process = await spawnGateway(member.command);
    processes.push(member.process);
    onKill?.(count);
  }
  const takenUp = processes.flatMap((process) => process.takenUp).toSorted((left, right) => left.atMs - right.atMs);
  const firstAfter = (fromMs: number, toMs = Infinity): readonly number[] =>
    takenUp
      .filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
      .slice(0, 1)
      .map(({ atMs }) => atMs - fromMs);
  return {
    listeningMs: processes.map(({ listeningMs }) => listeningMs),
    takenUpMs: killedMs.flatMap((fromMs, index) => firstAfter(fromMs, killedMs[index + 1])),
    takenUp: takenUp.map(({ count }) => count),
    // Where others are killed, lost links are told of.
    complaints: members.length === 1 ? processes.flatMap(({ complaints }) => complaints) : [],
  };
}

/** Half of them took so long to begin: a machine that stood still for a while does not count. */
function usualMs(processes: readonly GatewayProcess[]): number {
  const tookMs = processes.map(({ listeningMs }) => listeningMs).toSorted((left, right) => left - right);
  return tookMs[Math.floor(tookMs.length / 2)] ?? 0;
}

/** Each accepted workflow is there once, has succeeded, and its results are those that were told. */
async function lookAtAll(url: string, accepted: readonly Told[]): Promise<readonly string[]> {
  const faults: string[] = [];
  const { workflows } = createClient({ baseUrl: url });
  const byKey = new Map<string, RunSummary[]>();
  for (let after: string | undefined; ;) {
    const page = await workflows.list({ limit: 100, ...(after === undefined ? {} : { after }) });
    for (const run of page.data) byKey.set(run.name ?? "", [...(byKey.get(run.name ?? "") ?? []), run]);
    after = page.data.at(-1)?.id;
    if (!page.hasMore || after === undefined) break;
  }
  for (const [key, runs] of byKey) if (runs.length > 1) faults.push(`${key}: ${runs.length} runs`);
  for (const entry of accepted) {
    if (byKey.get(entry.key) === undefined) faults.push(`${entry.key}: lost`);
    const run = await workflows.get(entry.id ?? "");
    see(entry, run, faults);
    if (run.status !== "succeeded") faults.push(`${entry.key}: ${run.status} ${run.error?.message ?? ""}`);
    if (run.stages.some(({ status }) => status !== "ended")) faults.push(`${entry.key}: a stage without a result`);
  }
  return faults;
}

function toConfig(engines: readonly EmulatedEngine[]): object {
  return {
    engines: engines.map(({ url }, index) => ({
      id: `e${index}`,
      kind: "emulated",
      url,
      gpu: "l4-24g",
      models: [model],
      resident: [model],
      speed: 1000,
    })),
    declared: { maxOpen: 20_000 },
    // They live; whoever is too busy to look at them learns nothing of them.
    health: { timeoutMs: 2000, failures: 1000 },
    log: { level: "info", format: "json" },
  };
}
