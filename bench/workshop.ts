/**
 * What people run at home and in small teams: applications and coding agents on a few cards that do not hold all their models.
 * Through the real gateway before emulated engines, and in the simulator.
 *
 *   npm run bench -- workshop [--quick] [--seeds 1-10] [--policies NAME,...] [--drivers gateway,simulator] [--declared] [--data DIR] [--out DIR]
 *
 * With --declared applications show their whole graphs when they come, and sessions go on to show call by call: in the simulator alone.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mean } from "../src/measure/statistics.ts";
import { parseSeeds } from "../src/cli/parse-seeds.ts";
import { fateVersion } from "../src/cli/version.ts";
import { coldLoadsUs } from "./workshop/cluster.ts";
import { runCells, type Cell, type CellKey, type Driver } from "./workshop/cells.ts";
import { modes, policies, simulatedPolicies } from "./workshop/parameters.ts";
import { renderJson, renderPage, type About } from "./workshop/report.ts";
import { createWorkshopWorkload, readWorkshopSource, type WorkshopOrigin } from "./workshop/workload.ts";

const drivers = ["gateway", "simulator"] as const satisfies readonly Driver[];

export async function benchWorkshop(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      quick: { type: "boolean", default: false },
      seeds: { type: "string" },
      policies: { type: "string" },
      drivers: { type: "string" },
      declared: { type: "boolean", default: false },
      data: { type: "string", default: "../shared/data" },
      threads: { type: "string", default: String(3 * availableParallelism()) },
      out: { type: "string" },
    },
  });
  const seeds = parseSeeds(values.seeds ?? (values.quick ? "1" : "1-10"));
  const namesOf = (driver: string): readonly string[] => {
    const all = driver === "simulator" ? simulatedPolicies : policies;
    return values.policies?.split(",") ?? (values.quick ? policies.slice(0, 3) : all);
  };
  if (values.declared && values.drivers !== "simulator")
    throw new Error("--declared: the gateway is not driven so: say --drivers simulator too");
  const origin: WorkshopOrigin = { source: readWorkshopSource(values.data), declared: values.declared };
  const keys = (values.drivers?.split(",") ?? drivers).flatMap((driver) =>
    modes.flatMap((mode) =>
      seeds.flatMap((seed) =>
        namesOf(driver).map((policy): CellKey => ({ driver: driver as Driver, mode, policy, seed })),
      ),
    ),
  );
  let done = 0;
  const startMs = performance.now();
  const cells = await runCells(keys, origin, Number(values.threads), (cell, { failures, violations }) => {
    done += 1;
    process.stderr.write(`${done} of ${keys.length}: ${describe(cell)}\n`);
    for (const line of [...failures, ...violations].slice(0, 5)) process.stderr.write(`  ${line}\n`);
  });
  const about: About = {
    version: fateVersion,
    command: [
      "npm run bench -- workshop",
      ...process.argv.slice(3).filter((word) => word !== "--out" && word !== values.out),
    ].join(" "),
    seeds,
    data:
      origin.source === undefined
        ? "generated look-alikes"
        : "Dify and Flowise graphs, sessions of kv-cache-tester and mini-swe-agent",
    floorUs: mean(seeds.map((seed) => coldLoadsUs(createWorkshopWorkload(origin, "quiet", seed)))),
    machine: `${availableParallelism()} cores of ${cpus()[0]?.model ?? "unknown make"}`,
  };
  const page = renderPage(about, cells);
  process.stdout.write(page);
  process.stderr.write(`${((performance.now() - startMs) / 1000).toFixed(0)} s\n`);
  const out = values.out ?? (isWhole(values) ? "docs/results" : undefined);
  if (out === undefined) return;
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "workshop.json"), renderJson(about, cells));
  writeFileSync(join(out, "workshop.md"), page);
}

/** Part of a run writes no report unless it is told where. */
function isWhole({ quick, seeds, policies: some, drivers: which }: Readonly<Record<string, unknown>>): boolean {
  return quick !== true && seeds === undefined && some === undefined && which === undefined;
}

function describe({ driver, mode, policy, seed, loads, loadUs, meanUs }: Cell): string {
  return `${driver} ${mode} ${policy}, seed ${seed}: ${loads} loads, ${(loadUs / 1e6).toFixed(0)} s; a workflow ${(meanUs / 1e6).toFixed(1)} s`;
}
