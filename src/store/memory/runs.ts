/** Declared workflows in memory. */

import assert from "node:assert/strict";
import { ownerPrefix } from "../lease-names.ts";
import type { Holding, RunEnd, RunRow, Saved, StageRow, StoredRun } from "../store.ts";

/** Stages in the order in which they were saved. */
type Kept = { row: RunRow; readonly stages: Map<string, StageRow> };

/** `holds` says whether somebody has the lease of this name. */
export function createMemoryRuns(holds: (lease: string) => boolean) {
  const runs = new Map<string, Kept>();
  /** Runs by their tenant's key. */
  const byKey = new Map<string, Kept>();

  const held = (run: string, { owner, generation }: Holding): Kept | undefined => {
    const kept = runs.get(run);
    return kept?.row.owner === owner && kept.row.generation === generation ? kept : undefined;
  };
  const drop = ({ row: { id, tenant, key } }: Kept): void => {
    runs.delete(id);
    if (key !== undefined) byKey.delete(keyOf(tenant, key));
  };

  return {
    create: (run: RunRow): RunRow | undefined => {
      assert(run.status === "running", `run ${run.id} is ${run.status} before it began`);
      const key = run.key === undefined ? undefined : keyOf(run.tenant, run.key);
      const earlier = (key === undefined ? undefined : byKey.get(key)) ?? runs.get(run.id);
      if (earlier !== undefined) return earlier.row;
      const kept = { row: run, stages: new Map() };
      runs.set(run.id, kept);
      if (key !== undefined) byKey.set(key, kept);
      return undefined;
    },
    saveStage: (run: string, holding: Holding, stage: StageRow): Saved => {
      const kept = held(run, holding);
      if (kept?.stages.has(stage.stage) === true) return "known";
      if (kept?.row.status !== "running") return "lost";
      kept.stages.set(stage.stage, stage);
      return "saved";
    },
    end: (run: string, holding: Holding, end: RunEnd): Saved => {
      const kept = held(run, holding);
      if (kept?.row.status === end.status) return "known";
      if (kept?.row.status !== "running") return "lost";
      kept.row = { ...kept.row, ...end };
      return "saved";
    },
    read: (run: string): StoredRun | undefined => {
      const kept = runs.get(run);
      return kept === undefined ? undefined : toStored(kept);
    },
    find: (tenant: string, key: string): RunRow | undefined => byKey.get(keyOf(tenant, key))?.row,
    list: (tenant: string, limit: number, after?: string): readonly StoredRun[] => {
      const newest = [...runs.values()]
        .filter(({ row }) => row.tenant === tenant)
        .sort(compareAge)
        .toReversed();
      const from = after === undefined ? 0 : newest.findIndex(({ row }) => row.id === after) + 1;
      return after !== undefined && from === 0 ? [] : newest.slice(from, from + limit).map(toStored);
    },
    listTakenUp: (owner: string, limit: number): readonly string[] => {
      const open = [...runs.values()].filter(({ row }) => row.status === "running" && row.owner === owner);
      const taken = open.filter(({ row }) => row.generation > 0).sort(compareAge);
      return taken.slice(0, limit).map(({ row }) => row.id);
    },
    takeUp: (owner: string, limit: number): readonly StoredRun[] => {
      const orphans = [...runs.values()].filter(
        ({ row }) => row.status === "running" && !holds(ownerPrefix + row.owner),
      );
      const taken = orphans.sort(compareAge).slice(0, limit);
      for (const kept of taken) kept.row = { ...kept.row, owner, generation: kept.row.generation + 1 };
      return taken.map(toStored);
    },
    forget: (keep: number, beforeMs: number, limit: number): number => {
      const over = [...runs.values()].filter(({ row }) => row.status !== "running").sort(compareEnd);
      const tooMany = over.length - keep;
      const goes = over.filter(({ row }, index) => index < tooMany || endOf(row) < beforeMs).slice(0, limit);
      for (const kept of goes) drop(kept);
      return goes.length;
    },
  };
}

const keyOf = (tenant: string, key: string): string => JSON.stringify([tenant, key]);

const toStored = ({ row, stages }: Kept): StoredRun => ({ ...row, stages: [...stages.values()] });

const endOf = ({ endedMs = 0 }: RunRow): number => endedMs;

/** Oldest first, at one moment by their ids. */
function compareAge({ row: left }: Kept, { row: right }: Kept): number {
  return left.createdMs - right.createdMs || compareId(left, right);
}

/** What ended first, at one moment by their ids. */
function compareEnd({ row: left }: Kept, { row: right }: Kept): number {
  return endOf(left) - endOf(right) || compareId(left, right);
}

function compareId(left: RunRow, right: RunRow): number {
  return left.id < right.id ? -1 : 1;
}
