/** How fast the simulator is: records a second, and how the cost of a record grows with engines and with open workflows. */

import { gpuKinds } from "../src/catalogue/gpus.ts";
import { knownModels } from "../src/catalogue/models.ts";
import type { Cluster } from "../src/model/cluster.ts";
import { gigabytes } from "../src/model/units.ts";
import type { Stage, Workflow } from "../src/model/workflow.ts";
import { policies } from "../src/policy/policies.ts";
import { createRng } from "../src/random/rng.ts";
import { simulate } from "../src/sim/simulate.ts";

/** `count` H100 engines, four to a host. */
export function benchCluster(count: number): Cluster {
  const hosts = Array.from({ length: Math.ceil(count / 4) }, (_, index) => `host-${index}`);
  const gbps = gigabytes(10);
  return {
    id: `bench-${count}`,
    gpus: gpuKinds,
    hosts: hosts.map((id) => ({
      id,
      loadBytesPerSecond: gbps,
      loadLatencyUs: 800_000,
      localBytesPerSecond: gbps,
      localLatencyUs: 10,
      nicBytesPerSecond: gbps,
    })),
    devices: Array.from({ length: count }, (_, index) => ({
      id: `gpu-${index}`,
      host: `host-${Math.floor(index / 4)}`,
      gpu: "h100-80g",
    })),
    links: [],
    zones: [],
    store: { bytesPerSecond: gbps, latencyUs: 100 },
    engines: Array.from({ length: count }, (_, index) => ({
      id: `engine-${index}`,
      devices: [`gpu-${index}`],
      role: "both",
      batching: { kind: "exclusive", maxSequences: 8 },
      resident: [],
      maxResident: 2,
      memoryShare: 0.9,
      kvBytes: gigabytes(8),
      labels: [],
    })),
  };
}

/** Fork-joins of ten stages, made one at a time, arriving so that about `open` of them are open at once. */
function* benchWorkflows(count: number, gapUs: number): Generator<Workflow> {
  const rng = createRng(1, "bench");
  for (let index = 0; index < count; index++) {
    const stages: Stage[] = [];
    for (let at = 0; at < 10; at++) {
      const parents = at === 0 ? [] : at < 9 ? ["s0"] : ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"];
      const output = 50 + rng.below(100);
      stages.push({
        id: `s${at}`,
        kind: "llm",
        model: at % 2 === 0 ? "llama-3.1-8b" : "phi-4-14.7b",
        parents: parents.map((stage) => ({ stage, bytes: 4000 })),
        priority: 0,
        prompt: [
          { kind: "text", key: `system-${at % 2}`, tokens: 1000 },
          { kind: "own", tokens: 200 + rng.below(800) },
        ],
        output: { estimate: 100, actual: output, limit: 400 },
        items: 1,
      });
    }
    yield { id: `w${index}`, arrivalUs: index * gapUs, reveal: "static", stages };
  }
}

type Measured = { readonly events: number; readonly seconds: number; readonly heapMb: number };

/** One run in this process. The heap is the largest seen right after a collection, where the process allows to force one. */
function measureSim(engines: number, workflows: number, gapUs: number): Measured {
  const cluster = benchCluster(engines);
  let peakBytes = 0;
  let seen = 0;
  const onEvent = (): void => {
    seen += 1;
    if (seen % 262_144 !== 0 || globalThis.gc === undefined) return;
    globalThis.gc();
    peakBytes = Math.max(peakBytes, process.memoryUsage().heapUsed);
  };
  const startMs = performance.now();
  const { events } = simulate({
    workflows: benchWorkflows(workflows, gapUs),
    models: knownModels,
    cluster,
    policy: policies["round-robin"],
    seed: 1,
    onEvent,
  });
  return { events, seconds: (performance.now() - startMs) / 1000, heapMb: peakBytes / 2 ** 20 };
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? 0;
}

function report(label: string, runs: readonly Measured[]): void {
  const rate = median(runs.map(({ events, seconds }) => events / seconds));
  const [first] = runs;
  const heap = first === undefined || first.heapMb === 0 ? "" : `  ${first.heapMb.toFixed(0)} MB heap`;
  process.stdout.write(
    `${label.padEnd(52)} ${String(first?.events ?? 0).padStart(9)} records  ${(rate / 1000).toFixed(0).padStart(5)}k/s${heap}\n`,
  );
}

/** `count` runs, the first not counted. */
function repeat(count: number, engines: number, workflows: number, gapUs: number): Measured[] {
  return Array.from({ length: count + 1 }, () => measureSim(engines, workflows, gapUs)).slice(1);
}

export function benchSim(): void {
  process.stdout.write("exclusive engines, round-robin, workflows of ten stages; median of five runs in one process\n");
  report("8 engines, 4,000 workflows, light load", repeat(5, 8, 4000, 3e6));
  process.stdout.write("\nmore engines at the same load on each\n");
  for (const engines of [10, 100, 1000])
    report(`${engines} engines, 10,000 workflows`, repeat(3, engines, 10_000, 3e7 / engines));
  process.stdout.write("\nmore open workflows: all arrive at once on 100 engines\n");
  for (const open of [100, 1000, 10_000]) report(`${open} open workflows`, repeat(3, 100, open, 0));
  process.stdout.write("\nlonger runs at the same load: memory follows what is open, not what has passed\n");
  const collect = globalThis.gc === undefined ? " (run node with --expose-gc to see the heap)" : "";
  for (const workflows of [10_000, 20_000, 40_000])
    report(`1000 engines, ${workflows} workflows${collect}`, repeat(1, 1000, workflows, 3e4));
}
