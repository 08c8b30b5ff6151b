/**
 * `npm run bench -- open [N]`: N declared workflows open at once in one gateway: how fast they are taken in, what each costs in memory,
 * and how soon another process has taken them up after a SIGKILL. In SQLite, and in Postgres where DATABASE_URL names one.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Pool } from "undici";
import { freePort } from "./kill/free-port.ts";
import { spawnGateway, type GatewayCommand, type GatewayProcess } from "./kill/gateway-process.ts";

const root = new URL("..", import.meta.url).pathname;
const clients = 64;

export async function benchOpen(): Promise<void> {
  const [, , , count = "10000"] = process.argv;
  const kinds = process.env["DATABASE_URL"] === undefined ? ["sqlite"] : ["sqlite", "postgres"];
  for (const kind of kinds) {
    const folder = mkdtempSync(join(tmpdir(), "fate-open-"));
    try {
      await measure(kind, Number(count), folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

async function measure(kind: string, count: number, folder: string): Promise<void> {
  const config = join(folder, "fate.yaml");
  writeFileSync(config, toConfig(kind, count, join(folder, "store.db")));
  const command = { root, config, port: await freePort() };
  const first = await spawnGateway(command);
  const beforeBytes = residentBytes(first);
  const startMs = performance.now();
  const refused = await submitAll(command, count);
  const tookMs = performance.now() - startMs;
  await wait(1000);
  const bytes = (residentBytes(first) - beforeBytes) / count;
  await first.kill();
  const second = await spawnGateway(command);
  const begunCpuMs = cpuMs(second);
  const untilMs = performance.now() + 60_000;
  while (second.takenUp() === undefined && performance.now() < untilMs) await wait(10);
  const { listeningMs } = second;
  const taken = second.takenUp();
  const takingCpuMs = cpuMs(second) - begunCpuMs;
  await second.kill();
  process.stdout.write(
    `${kind}: ${count} workflows of 3 stages, ${refused} refused, taken in at ${Math.round((count / tookMs) * 1000)} a second by ${clients} clients; ` +
      `${(bytes / 1000).toFixed(1)} kB of memory each while open\n` +
      `${kind}: after SIGKILL: listening ${Math.round(listeningMs)} ms after the start of the process, ` +
      `${taken?.count ?? 0} taken up ${Math.round((taken?.afterMs ?? 0) - listeningMs)} ms after that, ` +
      `with ${Math.round(begunCpuMs)} and ${Math.round(takingCpuMs)} ms of processor time\n`,
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
