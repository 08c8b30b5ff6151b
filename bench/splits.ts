/**
 * How much faster the clusters of the benchmark `agents` could work off a workload if other engines prefilled and others decoded: of all
 * splits that never change, the best if work were a fluid, as the load of that benchmark has it. Switching roles cannot bring much
 * more than that for long.
 */

import { parseArgs } from "node:util";
import { parseSeeds } from "../src/cli/parse-seeds.ts";
import { shippedCalibration } from "../src/cost/shipped-calibration.ts";
import { createCostModel } from "../src/cost/cost-model.ts";
import { fluidTimeUs } from "../src/experiment/agents/fluid-capacity.ts";
import type { AgentsSource } from "../src/experiment/agents/source.ts";
import { addWork, leastPieces } from "../src/experiment/agents/work.ts";
import { agents } from "../src/experiment/bench/agents/agents.ts";
import type { Group } from "../src/experiment/bench/benchmark.ts";
import type { CellSpec } from "../src/experiment/cell.ts";
import { loadCell } from "../src/experiment/load.ts";
import type { Cluster } from "../src/model/cluster.ts";

type Engine = Cluster["engines"][number];
type Role = "prefill" | "decode";

export function benchSplits(): void {
  const { values } = parseArgs({ args: process.argv.slice(3), options: { seeds: { type: "string", default: "1" } } });
  const seeds = parseSeeds(values.seeds);
  print("engines that prefill, of all of their sort; time that the best split takes over that of the split as given");
  print(toRow(["seed", "cluster", "workload", "given", "best", "time"]));
  // How fast workflows come, and what is believed of them, does not change the work.
  const places = agents.groups(undefined).filter(({ workload }) => {
    const { load, error } = workload as AgentsSource;
    return load === 1.5 && error === 0;
  });
  for (const seed of seeds) for (const place of places) report(place, seed);
}

/** Nothing where engines do both phases. */
function report({ cluster: name, workload: source }: Group, seed: number): void {
  const cell: CellSpec = { workload: source, cluster: name, policy: "hexagent", seed, faults: {}, check: false };
  const { workload, models, cluster } = loadCell(cell);
  if (cluster.engines.some(({ role }) => role === "both")) return;
  const [model = ""] = cluster.engines[0]?.resident ?? [];
  const work = addWork(leastPieces(workload.workflows, false).flat());
  const timeUs = (engines: readonly Engine[]): number =>
    fluidTimeUs(createCostModel({ ...cluster, engines }, models, shippedCalibration), model, work);
  const sorts = sortsOf(cluster);
  const givenUs = timeUs(cluster.engines);
  let best = { us: givenUs, engines: cluster.engines };
  for (const roles of splits(sorts)) {
    const engines = cluster.engines.map((engine): Engine => ({ ...engine, role: roles.get(engine) ?? "decode" }));
    const us = timeUs(engines);
    if (us < best.us) best = { us, engines };
  }
  const show = (engines: readonly Engine[]): string => {
    const prefills = new Set(cluster.engines.filter((_, index) => engines[index]?.role === "prefill"));
    return sorts.map((sort) => `${sort.filter((engine) => prefills.has(engine)).length}/${sort.length}`).join(" ");
  };
  const time = (best.us / givenUs).toFixed(3);
  print(toRow([`${seed}`, name, (source as AgentsSource).workload, show(cluster.engines), show(best.engines), time]));
}

const widths = [4, 7, 8, 12, 12, 5];

function toRow(cells: readonly string[]): string {
  return cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join("  ");
}

/** Engines that are alike but for their roles, name and devices. */
function sortsOf({ engines }: Cluster): readonly (readonly Engine[])[] {
  const sorts = new Map<string, Engine[]>();
  for (const engine of engines) {
    const { id: _id, role: _role, devices, ...rest } = engine;
    const key = JSON.stringify([rest, devices.length]);
    const sort = sorts.get(key);
    if (sort === undefined) sorts.set(key, [engine]);
    else sort.push(engine);
  }
  return [...sorts.values()];
}

/** All ways to let some of each sort prefill and the others decode. */
function* splits([sort, ...others]: readonly (readonly Engine[])[]): Generator<ReadonlyMap<Engine, Role>> {
  if (sort === undefined) {
    yield new Map();
    return;
  }
  for (const rest of splits(others))
    for (let count = 0; count <= sort.length; count++)
      yield new Map([...rest, ...sort.map((engine, index) => [engine, index < count ? "prefill" : "decode"] as const)]);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
