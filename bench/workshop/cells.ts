/** A cell of the workshop benchmark: one policy on one workload, through the gateway or in the simulator, and its numbers. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secondsToUs } from "../../src/model/units.ts";
import { summarise } from "../../src/measure/statistics.ts";
import { replayTogether } from "../../src/demo/replay-threads.ts";
import type { CallBegin } from "../../src/demo/figures.ts";
import type { ReplayOutcome } from "../../src/demo/run-replay.ts";
import { createWorkshopConfig } from "./cluster.ts";
import { parameters, type WorkshopMode } from "./parameters.ts";
import { runSimulated } from "./simulated.ts";
import { createWorkshopWorkload, type WorkshopOrigin } from "./workload.ts";

export type Driver = "gateway" | "simulator";

export type CellKey = {
  readonly driver: Driver;
  readonly mode: WorkshopMode;
  readonly policy: string;
  readonly seed: number;
};

/** Times are those of the machines described. */
export type CellMetrics = {
  readonly workflows: number;
  readonly calls: number;
  readonly meanUs: number;
  readonly p95Us: number;
  readonly loads: number;
  /** Time that engines spent on loading models. */
  readonly loadUs: number;
  /** Time that calls waited while their engine was loading one, over all calls. */
  readonly behindLoadsUs: number;
  readonly worstWaitUs: number;
  /** Calls that waited longer than the hardest wait. */
  readonly overHardest: number;
  /** Of those, the ones that were held back: once they had waited that long, their engine began with one that came after them. */
  readonly heldBack: number;
  readonly cachedShare: number;
  readonly recomputedTokens: number;
  readonly failures: number;
  readonly violations: number;
};

export type Cell = CellKey & CellMetrics & { readonly loadsByModel: Readonly<Record<string, number>> };

/** Runs cells, as many of the gateway's side by side as there are threads for. In the order of the keys. */
export async function runCells(
  keys: readonly CellKey[],
  origin: WorkshopOrigin,
  threads: number,
  onCell: (cell: Cell, outcome: ReplayOutcome) => void,
): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  const waiting = [...keys.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, key] = next;
      const outcome = await runCell(key, origin);
      const cell = { ...key, ...toMetrics(outcome), loadsByModel: outcome.figures.loadsByModel };
      cells[index] = cell;
      onCell(cell, outcome);
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
  return cells;
}

async function runCell({ driver, mode, policy, seed }: CellKey, origin: WorkshopOrigin): Promise<ReplayOutcome> {
  const workload = createWorkshopWorkload(origin, mode, seed);
  if (driver === "simulator") return runSimulated(workload, policy, seed);
  const folder = mkdtempSync(join(tmpdir(), "fate-workshop-"));
  try {
    const { speed } = parameters;
    const config = createWorkshopConfig({ policy, seed, speed, journal: join(folder, "journal.ndjson") });
    const [outcome] = await replayTogether([{ config, workload, speed }]);
    if (outcome === undefined) throw new Error("a replay has no outcome");
    return outcome;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function toMetrics({ figures, failures, violations }: ReplayOutcome): CellMetrics {
  const { mean, p95 } = summarise(figures.spans.map(({ startUs, endUs }) => endUs - startUs));
  const hardestUs = secondsToUs(parameters.hardestWaitSeconds);
  return {
    workflows: figures.spans.length,
    calls: figures.answered,
    meanUs: Math.round(mean),
    p95Us: p95,
    loads: figures.loads,
    loadUs: figures.loadUs,
    behindLoadsUs: figures.behindLoadsUs,
    worstWaitUs: Math.max(0, ...figures.waitsUs),
    overHardest: figures.waitsUs.filter((waitUs) => waitUs > hardestUs).length,
    heldBack: countHeldBack(figures.begins, hardestUs),
    cachedShare: figures.promptTokens === 0 ? 0 : figures.cachedTokens / figures.promptTokens,
    recomputedTokens: figures.recomputedTokens,
    failures: failures.length,
    violations: violations.length,
  };
}

function countHeldBack(begins: readonly CallBegin[], hardestUs: number): number {
  return begins.filter(({ engine, readyUs, atUs }) =>
    begins.some(
      (other) =>
        other.engine === engine && other.readyUs > readyUs && other.atUs > readyUs + hardestUs && other.atUs < atUs,
    ),
  ).length;
}
