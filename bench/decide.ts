/**
 * How long one plan of the policies for agents takes, by open workflows and by engines.
 *
 * Workflows of agents come in at 400 a second, far faster than they can be served, so that most of them are open at once. Plans count
 * while at least nine tenths of them are.
 */

import { batchingAs } from "../src/catalogue/batched-version.ts";
import { namedCluster } from "../src/catalogue/clusters.ts";
import type { Cluster } from "../src/model/cluster.ts";
import { gigabytes } from "../src/model/units.ts";
import type { PolicyName } from "../src/experiment/cell.ts";
import { policies } from "../src/policy/policies.ts";
import type { PolicyEntry, View } from "../src/policy/policy.ts";
import { simulate } from "../src/sim/simulate.ts";
import { generateWorkload } from "../src/trace/generate/generate-workload.ts";

const names: readonly PolicyName[] = ["hexagent", "hexagent+beyond", "hexagent+beyond+roles"];
const openCounts = [100, 200, 400, 800, 1600];
const copies = [2, 6, 14, 28, 56];
const mostOpen = 1600;
const gapUs = 2500;
const model = "llama-3.1-70b";
/** Plans before which nothing counts, so that compiling does not. */
const warmUp = 200;
const mostPlans = 3000;

export function benchDecide(): void {
  print(`workflows of all families in one, 400 a second, seed 1; ms a plan, all plans counted`);
  print(row(["policy", "open", "engines", "plans", "mean", "p50", "p99", "max"]));
  const [, only] = process.argv.slice(2);
  for (const name of names) {
    if (only !== undefined && only !== name) continue;
    for (const open of openCounts) report(name, open, 1);
    for (const count of copies) report(name, mostOpen, count);
  }
}

function report(name: PolicyName, open: number, count: number): void {
  const policy: PolicyEntry = policies[name];
  const described = copiesOf("het2", count);
  const { workload, models } = generateWorkload({ families: ["mixed"], count: open, seed: 1, model });
  const workflows = workload.workflows.map((workflow, index) => ({ ...workflow, arrivalUs: index * gapUs }));
  const times: number[] = [];
  let plans = 0;
  let openNow = 0;
  let startMs = 0;
  const isDone = (): boolean => times.length >= mostPlans || (times.length > 0 && openNow < 0.9 * open);
  const cluster = batchingAs(described, policy.batching);
  const counted = {
    ...policy,
    // Once enough is seen the rest is of no interest.
    plan: (view: View) => (isDone() ? enough() : policy.plan(view)),
  };
  try {
    simulate({
      workflows,
      models,
      cluster,
      policy: counted,
      seed: 1,
      onEvent: ({ kind }) => {
        if (kind === "workflow-arrive") openNow += 1;
        if (kind === "workflow-end") openNow -= 1;
      },
      onPlan: (moment) => {
        if (moment === "start") startMs = performance.now();
        else if (plans++ >= warmUp && openNow >= 0.9 * open) times.push(performance.now() - startMs);
      },
    });
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  times.sort((left, right) => left - right);
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  const cells = [mean, quantile(times, 0.5), quantile(times, 0.99), times.at(-1) ?? 0].map((ms) => ms.toFixed(3));
  print(row([name, open, cluster.engines.length, times.length, ...cells]));
}

class Enough extends Error {}

function enough(): never {
  throw new Enough();
}

/** So many times the cluster; its copies reach each other by a store, so that links grow with them and not with their square. */
function copiesOf(name: string, count: number): Cluster {
  const one = namedCluster(name);
  if (one === undefined) throw new Error(`no cluster ${name}`);
  if (count === 1) return one;
  const all = Array.from({ length: count }, (_, copy) => copyOf(one, copy));
  return {
    ...one,
    id: `${name}-x${count}`,
    hosts: all.flatMap(({ hosts }) => hosts),
    devices: all.flatMap(({ devices }) => devices),
    links: all.flatMap(({ links }) => links),
    engines: all.flatMap(({ engines }) => engines),
    store: { bytesPerSecond: gigabytes(10), latencyUs: 100 },
  };
}

function copyOf(
  { hosts, devices, links, engines }: Cluster,
  copy: number,
): Pick<Cluster, "hosts" | "devices" | "links" | "engines"> {
  const named = (id: string): string => `${id}-${copy}`;
  return {
    hosts: hosts.map((host) => ({ ...host, id: named(host.id) })),
    devices: devices.map((device) => ({ ...device, id: named(device.id), host: named(device.host) })),
    links: links.map((link) => ({ ...link, from: named(link.from), to: named(link.to) })),
    engines: engines.map((engine) => ({ ...engine, id: named(engine.id), devices: engine.devices.map(named) })),
  };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
}

function row(cells: readonly (string | number)[]): string {
  return cells.map((cell, index) => String(cell).padStart(index === 0 ? 22 : 9)).join("");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
