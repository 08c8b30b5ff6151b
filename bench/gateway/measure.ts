/** The rounds: who stands before the mock server is measured in turn, the order moving on by one each round. */

import { readCpuMs } from "./children.ts";
import { runLoad, type LoadResult, type Until } from "./load.ts";
import { runStreams, type StreamsResult } from "./streams.ts";
import type { RequestShape } from "./wire.ts";

/** `direct` is the mock server itself, with nothing before it. */
export type TargetName = "direct" | "bare" | "fate" | "portkey";

export type Target = {
  readonly name: TargetName;
  readonly port: number;
  readonly pid: number;
  readonly headers: RequestShape["headers"];
};

export type Settings = {
  readonly rounds: number;
  /** Of one target at one concurrency, in one round. */
  readonly roundMs: number;
  /** At concurrency 1, of one target in one round. */
  readonly requests: number;
  readonly streams: number;
};

export type Spread = { readonly median: number; readonly least: number; readonly most: number };
/** Requests a second, and what each took of the processor: on a busy machine the better witness. */
export type Rate = Spread & { readonly cpuUs: number };
export type Latency = { readonly p50: number; readonly p99: number; readonly samples: number };
type Of<Value> = Partial<Record<TargetName, Value>>;

export type Measured = {
  /** One call after another, in milliseconds; all rounds together. */
  readonly latency: Of<Latency>;
  /** Requests a second by number of connections. */
  readonly throughput: { readonly [connections: number]: Of<Rate> };
  /** Requests a second with prompts of 220 KB. */
  readonly large: Of<Rate>;
  readonly streams: Of<StreamsResult>;
  /** By target: requests that were not answered with 200, and what the first of them got. */
  readonly failures: Of<{ readonly count: number; readonly first: string }>;
};

const smallBytes = 2000;
const largeBytes = 220_000;
const largeConnections = 16;
export const concurrencies = [16, 64] as const;
const warmUpRequests = 4000;

export async function measure(
  targets: readonly Target[],
  settings: Settings,
  say: (line: string) => void,
): Promise<Measured> {
  const failures: Measured["failures"] = {};
  let run = 0;
  const load = async (target: Target, connections: number, promptBytes: number, until: Until): Promise<LoadResult> => {
    run += 1;
    const request = { headers: target.headers, promptBytes, run };
    const result = await runLoad({ port: target.port, connections, request }, until);
    if (result.failures > 0) {
      const { count = 0, first = result.failure ?? "" } = failures[target.name] ?? {};
      failures[target.name] = { count: count + result.failures, first };
    }
    return result;
  };
  const inTurn = async (each: (target: Target) => Promise<void>): Promise<void> => {
    for (let round = 0; round < settings.rounds; round++)
      for (let index = 0; index < targets.length; index++)
        await each(targets[(round + index) % targets.length] as Target);
  };
  const measureRates = async (connections: number, promptBytes: number): Promise<Of<Rate>> => {
    const seen = new Map<TargetName, { rates: number[]; cpuUs: number[] }>();
    await inTurn(async (target) => {
      const beforeMs = readCpuMs(target.pid);
      const { latencies, seconds } = await load(target, connections, promptBytes, { ms: settings.roundMs });
      const { rates, cpuUs } = seen.get(target.name) ?? { rates: [], cpuUs: [] };
      rates.push(latencies.length / seconds);
      cpuUs.push((1000 * (readCpuMs(target.pid) - beforeMs)) / latencies.length);
      seen.set(target.name, { rates, cpuUs });
    });
    return Object.fromEntries(
      [...seen].map(([name, { rates, cpuUs }]) => [name, { ...toSpread(rates), cpuUs: quantile(cpuUs, 0.5) }]),
    );
  };

  say("warming up");
  for (const target of targets) await load(target, 16, smallBytes, { requests: warmUpRequests });
  for (const target of targets) await load(target, 1, smallBytes, { requests: warmUpRequests / 4 });
  say("latency, one call after another");
  const times = new Map<TargetName, number[]>();
  await inTurn(async (target) => {
    const { latencies } = await load(target, 1, smallBytes, { requests: settings.requests });
    times.set(target.name, [...(times.get(target.name) ?? []), ...latencies]);
  });
  const latency = Object.fromEntries([...times].map(([name, list]) => [name, toLatency(list)]));
  const throughput: Record<number, Of<Rate>> = {};
  for (const connections of concurrencies) {
    say(`throughput, ${connections} connections`);
    throughput[connections] = await measureRates(connections, smallBytes);
  }
  say(`throughput, prompts of ${largeBytes / 1000} KB`);
  const large = await measureRates(largeConnections, largeBytes);
  const streams: Of<StreamsResult> = {};
  for (const target of targets) {
    say(`${settings.streams} streams, ${target.name}`);
    streams[target.name] = await runStreams(target.port, settings.streams, target.headers);
  }
  return { latency, throughput, large, streams, failures };
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function toLatency(values: readonly number[]): Latency {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99), samples: values.length };
}

function toSpread(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), least: quantile(values, 0), most: quantile(values, 1) };
}
