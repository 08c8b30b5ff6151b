/** Runs that are over and still at hand, with what happened in them: the latest ones, up to a number and a size. */

import type { DeclaredRun, RunId } from "./declared-run.ts";
import type { EventLog } from "./event-log.ts";

export type KeptRun = { readonly run: DeclaredRun; readonly log: EventLog };

export type KeptRuns = {
  readonly add: (run: DeclaredRun, log: EventLog) => void;
  readonly get: (id: RunId) => KeptRun | undefined;
};

export type KeptLimits = {
  readonly maxRuns: number;
  /** Characters of their results. */
  readonly maxCharacters: number;
};

/** In order of their ends. `add` costs O(stages). */
export function createKeptRuns({ maxRuns, maxCharacters }: KeptLimits): KeptRuns {
  const kept = new Map<RunId, KeptRun & { readonly size: number }>();
  let characters = 0;
  return {
    add: (run, log) => {
      const size = sizeOf(run);
      characters += size;
      kept.set(run.id, { run, log, size });
      for (const [id, oldest] of kept) {
        if (kept.size <= maxRuns && characters <= maxCharacters) return;
        kept.delete(id);
        characters -= oldest.size;
      }
    },
    get: (id) => kept.get(id),
  };
}

function sizeOf(run: DeclaredRun): number {
  let size = 0;
  // What is data was mostly parsed from text of about its size, and a list is kept beside its text.
  for (const { text, json } of run.stages.values())
    size += text?.length ?? (json === undefined ? 0 : JSON.stringify(json).length);
  return size;
}
