/**
 * What the gateway costs: the same calls to the same mock server directly, through a bare proxy, through Fate with everything on,
 * and through Portkey's gateway, in turn. Exits with 1 if Fate misses a bar.
 *
 * `--json FILE` writes the figures, `--rounds N` sets how often each is measured, `--quick` is for trying it out, `--without portkey,bare`
 * leaves some out, `--policy NAME` has Fate plan with another policy, `--no-pin` leaves the cores to the system.
 */

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { toBars, type Bar } from "./gateway/bars.ts";
import {
  pinCores,
  portkeyHeaders,
  startBareProxy,
  startFate,
  startPortkey,
  startUpstream,
  type Cores,
  type Server,
} from "./gateway/children.ts";
import {
  concurrencies,
  measure,
  quantile,
  type Measured,
  type Settings,
  type Rate,
  type Target,
} from "./gateway/measure.ts";
import { idealMs, type StreamsResult } from "./gateway/streams.ts";

const full: Settings = { rounds: 7, roundMs: 2000, requests: 1000, streams: 1000 };
const quick: Settings = { rounds: 2, roundMs: 500, requests: 300, streams: 200 };

export async function benchGateway(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      json: { type: "string" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      without: { type: "string", default: "" },
      policy: { type: "string" },
      "no-pin": { type: "boolean", default: false },
    },
  });
  const settings = {
    ...(values.quick ? quick : full),
    ...(values.rounds !== undefined && { rounds: Number(values.rounds) }),
  };
  const cores = values["no-pin"] ? undefined : pinCores();
  await using servers = new AsyncDisposableStack();
  const targets = await startAll(servers, cores, values.without.split(","), values.policy);
  const measured = await measure(targets, settings, (line) => process.stderr.write(`${line}\n`));
  const bars = toBars(measured, settings.streams);
  report(measured, bars, settings, cores);
  if (values.json !== undefined) {
    const machine = {
      processor: cpus()[0]?.model ?? "",
      cores: cpus().length,
      node: process.version,
      pinned: cores !== undefined,
    };
    writeFileSync(values.json, `${JSON.stringify({ settings, machine, bars, ...measured }, undefined, 2)}\n`);
  }
  process.exitCode = bars.every(({ passed }) => passed) ? 0 : 1;
}

/** Those that are left out, or do not start, are missing from the tables. */
async function startAll(
  servers: AsyncDisposableStack,
  cores: Cores | undefined,
  without: readonly string[],
  policy: string | undefined,
): Promise<readonly Target[]> {
  const upstream = servers.use(await startUpstream(cores));
  const starts = {
    bare: async () => startBareProxy(upstream, cores),
    fate: async () => startFate(upstream, cores, policy),
    portkey: async () => startPortkey(cores),
  };
  const targets: Target[] = [{ name: "direct", port: upstream.ports[0] ?? 0, pid: upstream.pid, headers: {} }];
  for (const name of ["bare", "fate", "portkey"] as const) {
    if (without.includes(name)) continue;
    const server: Server | undefined = await starts[name]().catch((error: Error) => {
      process.stderr.write(`${name} does not start: ${error.message}\n`);
      return undefined;
    });
    if (server === undefined) continue;
    targets.push({
      name,
      port: servers.use(server).ports[0] ?? 0,
      pid: server.pid,
      headers: name === "portkey" ? portkeyHeaders(upstream) : {},
    });
  }
  return targets;
}

const names = ["direct", "bare", "fate", "portkey"] as const;

function report(measured: Measured, bars: readonly Bar[], settings: Settings, cores: Cores | undefined): void {
  const { rounds, roundMs, requests, streams } = settings;
  print(
    `${cpus().length} cores of ${cpus()[0]?.model ?? "unknown make"}, Node ${process.version}; ${rounds} rounds, in turn`,
  );
  print(
    cores === undefined
      ? "processes share all cores"
      : `what is measured has core ${cores.measured} to itself; the mock server and the generator share ${cores.others}`,
  );
  print(row(["", ...names]));
  const { latency, throughput, large } = measured;
  print(row(["latency p50, ms", ...names.map((name) => latency[name]?.p50.toFixed(3))]));
  print(row(["latency p99, ms", ...names.map((name) => latency[name]?.p99.toFixed(3))]));
  for (const connections of concurrencies) spread(`${connections} connections, /s`, throughput[connections] ?? {});
  spread("220 KB prompts, /s", large);
  print(row([`${streams} streams, whole`, ...names.map((name) => measured.streams[name]?.whole.toString())]));
  print(row(["first byte p99, ms", ...names.map((name) => late(measured.streams[name], "firstByteMs"))]));
  print(row([`length p99 (${idealMs}), ms`, ...names.map((name) => late(measured.streams[name], "lengthMs"))]));
  print(
    `latency: ${requests} calls a round, one after another, all rounds together; rates: ${roundMs} ms a round, median (least..most)`,
  );
  for (const name of names) {
    const failed = measured.failures[name];
    if (failed !== undefined) print(`${name}: ${failed.count} requests failed, the first with: ${failed.first}`);
    const fault = measured.streams[name]?.fault;
    if (fault !== undefined) print(`${name}: a stream that was not whole: ${fault}`);
  }
  for (const { name, value, bound, atMost, unit, passed } of bars) {
    const figures = `${value.toFixed(2)} ${unit}, ${atMost ? "at most" : "at least"} ${bound}`;
    print(`${passed ? "PASS" : "FAIL"}  ${name}: ${figures}`);
  }
}

function late(result: StreamsResult | undefined, of: "firstByteMs" | "lengthMs"): string | undefined {
  return result === undefined ? undefined : quantile(result[of], 0.99).toFixed(0);
}

function spread(label: string, rates: Partial<Record<string, Rate>>): void {
  print(row([label, ...names.map((name) => rates[name]?.median.toFixed(0))]));
  print(row(["", ...names.map((name) => toRange(rates[name]))]));
  print(row(["  processor us each", ...names.map((name) => rates[name]?.cpuUs.toFixed(0))]));
}

function toRange(rate: Rate | undefined): string {
  return rate === undefined ? "" : `${rate.least.toFixed(0)}..${rate.most.toFixed(0)}`;
}

function row(cells: readonly (string | undefined)[]): string {
  return cells.map((cell = "-", index) => (index === 0 ? cell.padEnd(24) : cell.padStart(16))).join("");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
