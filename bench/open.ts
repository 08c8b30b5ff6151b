/**
 * `npm run bench -- open [N] [--database URL]`: N declared workflows open at once in one gateway: how fast they are taken in, what each
 * costs in memory, and how soon another process has taken them up after a SIGKILL. In SQLite, and in Postgres: an embedded one, unless
 * an empty database is given.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Pool } from "undici";
import { startPostgres } from "../test/support/postgres.ts";
import { buildProgram } from "./kill/build-program.ts";
import { freePort } from "./kill/free-port.ts";
import { spawnGateway, type GatewayCommand, type GatewayProcess } from "./kill/gateway-process.ts";

const clients = 64;

export async function benchOpen(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(3),
    options: { database: { type: "string" } },
    allowPositionals: true,
  });
  const count = Number(positionals[0] ?? 10_000);
  using built = buildProgram();
  await measure("sqlite", count, built.program);
  await using server = values.database === undefined ? await startPostgres() : undefined;
  const databaseUrl = values.database ?? (await server?.createDatabase());
  if (databaseUrl !== undefined) await measure("postgres", count, built.program, databaseUrl);
}

async function measure(kind: string, count: number, program: string, databaseUrl?: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fate-open-"));
  const config = join(folder, "fate.yaml");
  writeFileSync(config, toConfig(kind, count, join(folder, "store.db")));
  const env = databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl };
  const command = { program, config, port: await freePort(), env };
  try {
    const first = await spawnGateway(command);
    const taken = await takeIn(first, command, count);
    await first.kill();
    const second = await spawnGateway(command);
    const back = await takeUp(second);
    await second.kill();
    print(kind, `${count} workflows of 3 stages, ${clients} clients: ${taken}`);
    print(kind, `after SIGKILL: ${back}; load ${loadavg()[0]?.toFixed(0)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function takeIn(gateway: GatewayProcess, command: GatewayCommand, count: number): Promise<string> {
  const [beforeBytes, beforeCpuMs, startMs] = [residentBytes(gateway), cpuMs(gateway), performance.now()];
  const refused = await submitAll(command, count);
  const perSecond = count / ((performance.now() - startMs) / 1000);
  const perCpuSecond = count / ((cpuMs(gateway) - beforeCpuMs) / 1000);
  await wait(1000);
  const bytes = (residentBytes(gateway) - beforeBytes) / count;
  return (
    `${Math.round(perSecond)} taken in a second, ${Math.round(perCpuSecond)} a second of the gateway's processor time, ` +
    `${refused} refused; ${(bytes / 1000).toFixed(1)} kB of memory each while open`
  );
}

async function takeUp(gateway: GatewayProcess): Promise<string> {
  const untilMs = performance.now() + 60_000;
  while (gateway.takenUp.length === 0 && performance.now() < untilMs) await wait(5);
  const [taken] = gateway.takenUp;
  return (
    `listening after ${Math.round(gateway.listeningMs)} ms, all ${taken?.count ?? 0} taken up ` +
    `${Math.round((taken?.atMs ?? NaN) - gateway.spawnedMs)} ms after the start of the process, ` +
    `with ${cpuMs(gateway)} ms of processor time`
  );
}

async function submitAll({ port }: GatewayCommand, count: number): Promise<number> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: clients });
  let next = 0;
  let refused = 0;
  const submit = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const { statusCode, body } = await pool.request({
        path: "/v1/workflows",
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": `k${index}` },
        body: JSON.stringify(toDefinition(index)),
      });
      await body.dump();
      if (statusCode !== 201) refused += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, submit));
  await pool.close();
  return refused;
}

function toDefinition(index: number): object {
  const stage = (id: string, prompt: string): object => ({ id, kind: "llm", model: "llama-3.2-1b", prompt });
  const stages = [
    stage("outline", "Outline {{ inputs.topic }}."),
    stage("write", "Write {{ stages.outline.text }}"),
    stage("check", "Check {{ stages.write.text }}"),
  ];
  return { inputs: { topic: `tea ${index}` }, stages };
}

/** Engines so slow that nothing ends. */
function toConfig(kind: string, count: number, path: string): string {
  return `engines: [{ kind: emulated, gpu: l4-24g, models: [llama-3.2-1b], resident: [llama-3.2-1b], speed: 0.001 }]
store: { kind: ${kind}, path: ${JSON.stringify(path)} }
queue: { giveUpMs: 3600000 }
tenants: [{ id: default, maxOpen: ${count} }]
declared: { maxOpen: ${count} }
log: { level: info, format: json }
`;
}

function residentBytes({ pid }: GatewayProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

/** Of all its threads, as Linux counts it: in hundredths of a second. */
function cpuMs({ pid }: GatewayProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function print(kind: string, line: string): void {
  process.stdout.write(`${kind}: ${line}\n`);
}
