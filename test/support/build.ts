/** Small worlds for tests: a graph drawn in one line, a cluster in another. */

import { strict as assert } from "node:assert";
import { check } from "../../src/check/check.ts";
import { gpuKinds } from "../../src/catalogue/gpus.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import type { Journal } from "../../src/journal/journal.ts";
import type { Batching, Cluster, Engine, Host } from "../../src/model/cluster.ts";
import type { JournalEvent } from "../../src/model/event.ts";
import { gigabytes } from "../../src/model/units.ts";
import type { ModelStage, Stage, Workflow } from "../../src/model/workflow.ts";
import { policies } from "../../src/policy/policies.ts";
import type { PolicyEntry } from "../../src/policy/policy.ts";
import { simulate, type SimulationOptions } from "../../src/sim/simulate.ts";

export const exclusive: Batching = { kind: "exclusive", maxSequences: 8 };
export const batched: Batching = { kind: "batched", maxSequences: 16, prefillTokens: 2048, chunkedPrefill: true };

/** A workflow drawn as `plan -> draft, check -> merge`: each name after an arrow waits for all names before it. */
export function dag(
  drawing: string,
  change: (id: string) => Partial<ModelStage> = () => ({}),
  rest: Partial<Workflow> = {},
): Workflow {
  const layers = drawing.split("->").map((layer) => layer.split(",").map((name) => name.trim()));
  const stages = layers.flatMap((names, depth) =>
    names.map((id): Stage => {
      const parents = (layers[depth - 1] ?? []).map((stage) => ({ stage, bytes: 4000 }));
      return llm(id, { parents, ...change(id) });
    }),
  );
  return { id: "w", arrivalUs: 0, reveal: "static", stages, ...rest };
}

/** A model call of a thousand tokens in and a hundred out. */
export function llm(id: string, change: Partial<ModelStage> = {}): ModelStage {
  return {
    id,
    kind: "llm",
    model: "llama-3.1-8b",
    parents: [],
    priority: 0,
    prompt: [{ kind: "own", tokens: 1000 }],
    output: { estimate: 100, actual: 100, limit: 400 },
    items: 1,
    ...change,
  };
}

type EngineChange = Partial<Engine> & { readonly host?: string };

/** Engines of one GPU each, drawn as `h100 h100 l40s`, each on a host of its own unless said otherwise. */
export function cluster(drawing: string, change: EngineChange = {}, rest: Partial<Cluster> = {}): Cluster {
  const names = drawing.split(" ");
  const hostOf = (index: number): string => change.host ?? `host-${index}`;
  const hostIds = [...new Set(names.map((_, index) => hostOf(index)))];
  const { host: _host, ...engineChange } = change;
  return {
    id: "test",
    gpus: gpuKinds,
    hosts: hostIds.map(host),
    devices: names.map((name, index) => ({ id: `gpu-${index}`, host: hostOf(index), gpu: gpuId(name) })),
    links: hostIds.flatMap((from) =>
      hostIds.filter((to) => to !== from).map((to) => ({ from, to, bytesPerSecond: gigabytes(10), latencyUs: 50 })),
    ),
    zones: [],
    engines: names.map((_, index) => ({
      id: `engine-${index}`,
      devices: [`gpu-${index}`],
      role: "both" as const,
      batching: exclusive,
      resident: [],
      maxResident: 1,
      memoryShare: 0.9,
      labels: [],
      ...engineChange,
    })),
    ...rest,
  };
}

function host(id: string): Host {
  return {
    id,
    loadBytesPerSecond: gigabytes(10),
    loadLatencyUs: 800_000,
    localBytesPerSecond: gigabytes(20),
    localLatencyUs: 10,
    nicBytesPerSecond: gigabytes(20),
  };
}

function gpuId(name: string): string {
  const kind = gpuKinds.find((candidate) => candidate.id.startsWith(`${name}-`));
  assert(kind !== undefined, `no GPU kind begins with ${name}`);
  return kind.id;
}

type RunOptions = Partial<Omit<SimulationOptions, "policy" | "workflows">> & {
  readonly workflows: readonly Workflow[];
  readonly policy?: keyof typeof policies | PolicyEntry;
};

/** Runs it, holds it against every law, and returns the journal. */
export function run(options: RunOptions): Journal {
  const journal = runUnchecked(options);
  assert.deepEqual(check(journal), [], "a simulated run broke a law");
  return journal;
}

/** The same for whoever holds it against the laws himself, or against a run that was. Events come into the given list as they happen. */
export function runUnchecked(options: RunOptions, events: JournalEvent[] = []): Journal {
  const {
    policy = "round-robin",
    seed = 1,
    cluster: machines = cluster("h100 h100"),
    models = knownModels,
    ...rest
  } = options;
  const entry: PolicyEntry = typeof policy === "string" ? policies[policy] : policy;
  simulate({ cluster: machines, models, seed, ...rest, policy: entry, onEvent: (event) => events.push(event) });
  const name = typeof policy === "string" ? policy : "test";
  const header = {
    kind: "journal",
    version: 1,
    seed,
    policy: name,
    workload: "test",
    cluster: machines,
    models,
    calibration: options.calibration ?? shippedCalibration,
  } as const;
  return { header, events };
}

/** When the first record of a kind that names a stage was written. */
export function firstUs(journal: Journal, kind: JournalEvent["kind"], stage: string): number {
  const event = journal.events.find(
    (candidate) => candidate.kind === kind && "stage" in candidate && candidate.stage === stage,
  );
  assert(event !== undefined, `no ${kind} of ${stage}`);
  return event.atUs;
}
