/** Runs kept in memory: the newest ones, up to a number and a size. A run that is open is never dropped. */

import type { DeclaredRun, RunId, RunStore } from "./declared-run.ts";

export type MemoryLimits = {
  /** Runs that are over. */
  readonly maxRuns: number;
  /** Characters of their results. */
  readonly maxCharacters: number;
  /** Called with each run that is forgotten. */
  readonly forget?: (id: RunId) => void;
};

/** `save` costs O(1), but for ends, which cost O(stages). */
export function createMemoryStore({ maxRuns, maxCharacters, forget }: MemoryLimits): RunStore {
  /** In order of creation. */
  const runs = new Map<RunId, DeclaredRun>();
  const byKey = new Map<string, RunId>();
  /** Ended runs with their sizes, in order of their ends. */
  const ended = new Map<RunId, number>();
  let characters = 0;
  const trim = (): void => {
    for (const [id, size] of ended) {
      if (ended.size <= maxRuns && characters <= maxCharacters) return;
      const run = runs.get(id);
      if (run?.idempotency !== undefined) byKey.delete(keyOf(run.tenant, run.idempotency.key));
      runs.delete(id);
      ended.delete(id);
      characters -= size;
      forget?.(id);
    }
  };
  return {
    create: async (run) => {
      if (run.idempotency !== undefined) {
        const key = keyOf(run.tenant, run.idempotency.key);
        const earlier = runs.get(byKey.get(key) ?? "");
        if (earlier !== undefined) return earlier;
        byKey.set(key, run.id);
      }
      runs.set(run.id, run);
      return undefined;
    },
    byKey: async (tenant, key) => runs.get(byKey.get(keyOf(tenant, key)) ?? ""),
    save: async (run) => {
      runs.set(run.id, run);
      if (run.status === "running" || ended.has(run.id)) return;
      const size = sizeOf(run);
      ended.set(run.id, size);
      characters += size;
      trim();
    },
    get: async (tenant, id) => {
      const run = runs.get(id);
      return run?.tenant === tenant ? run : undefined;
    },
    list: async (tenant, limit, after) => {
      const listed: DeclaredRun[] = [];
      let reached = after === undefined;
      for (const run of [...runs.values()].toReversed()) {
        if (listed.length === limit) break;
        if (reached && run.tenant === tenant) listed.push(run);
        if (run.id === after) reached = true;
      }
      return listed;
    },
  };
}

function keyOf(tenant: string, key: string): string {
  return `${tenant}\n${key}`;
}

function sizeOf(run: DeclaredRun): number {
  let size = 0;
  // What is data was mostly parsed from text of about its size, and a list is kept beside its text.
  for (const { text, json } of run.stages.values())
    size += text?.length ?? (json === undefined ? 0 : JSON.stringify(json).length);
  return size;
}
