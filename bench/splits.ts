/**
 * How much faster the clusters of the benchmark `agents` could work off a workload if other engines prefilled and others decoded: of all
 * splits that never change, the best if work were a fluid, as the load of that benchmark has it. Switching roles cannot bring much
 * more than that for long.
 */

import { parseArgs } from "node:util";
import { UsageError } from "../src/cli/usage-error.ts";
import { shippedCalibration } from "../src/cost/shipped-calibration.ts";
import { createCostModel } from "../src/cost/cost-model.ts";
import { fluidTimeUs } from "../src/experiment/agents/fluid-capacity.ts";
import { addWork, leastPieces } from "../src/experiment/agents/work.ts";
import { loadCell } from "../src/experiment/load.ts";
import type { Cluster } from "../src/model/cluster.ts";

type Engine = Cluster["engines"][number];
type Role = "prefill" | "decode";

const clusters = ["homo", "het1", "het2", "het3", "het3-kv", "qhom", "qhet"];
const workloads = ["chat", "bfcl", "lats", "mapred", "mixed"];

export function benchSplits(): void {
  const { values } = parseArgs({ args: process.argv.slice(3), options: { seed: { type: "string", default: "1" } } });
  const seed = Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0) throw new UsageError(`--seed ${values.seed}: a whole number is needed`);
  print(
    `engines that prefill, of all of their sort; time that the best split takes over that of the split as given; seed ${seed}`,
  );
  print(["cluster".padEnd(8), "workload".padEnd(9), "given".padEnd(18), "best".padEnd(18), "time"].join("  "));
  for (const cluster of clusters) for (const workload of workloads) print(splitsOf(cluster, workload, seed));
}

function splitsOf(name: string, family: string, seed: number): string {
  const source = { kind: "agents", workload: family, load: 1, error: 0, count: family === "lats" ? 100 : 400 } as const;
  const { workload, models, cluster } = loadCell({
    workload: source,
    cluster: name,
    policy: "hexagent",
    seed,
    faults: {},
    check: false,
  });
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
  return [name.padEnd(8), family.padEnd(9), show(cluster.engines).padEnd(18), show(best.engines).padEnd(18), time].join(
    "  ",
  );
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
