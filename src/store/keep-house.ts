/**
 * Forgets what is kept for long enough: runs that are over, old segments of the journal, leases of processes that are gone, and the
 * space that they took. In small steps with pauses between them, so that it is never in anybody's way for long.
 */

import { ownerPrefix } from "./lease-names.ts";
import type { Upkeep } from "./ask-by-verbs.ts";
import type { JournalVerbs, RunVerbs } from "./store.ts";

export type HouseOptions = {
  readonly store: Pick<RunVerbs, "forgetRuns"> &
    Pick<JournalVerbs, "pruneJournal"> &
    Partial<Pick<Upkeep, "shrink" | "forgetLeases">>;
  readonly keepRuns: number;
  readonly keepDays: number;
  readonly journalBytes: number;
  readonly time: {
    readonly epochMs: () => number;
    readonly after: (ms: number, what: () => void, unref?: "unref") => { readonly stop: () => void };
  };
  /** Of several gateways over one store, one keeps house. */
  readonly mayKeep: () => boolean;
  readonly onFault: (error: unknown) => void;
};

const everyMs = 60_000;
const pauseMs = 50;
const runsAStep = 200;
const leasesAStep = 200;
/** Of one kind in one round; what is left waits for the next. */
const stepsARound = 100;
const dayMs = 86_400_000;

export function keepHouse(options: HouseOptions): Disposable {
  const { time, mayKeep, onFault } = options;
  let ended = false;
  let timer = time.after(everyMs, begin, "unref");
  return {
    [Symbol.dispose]: () => {
      ended = true;
      timer.stop();
    },
  };

  function begin(): void {
    if (mayKeep()) void keepOn(stepsOf(options));
    else wait(everyMs, begin);
  }

  async function keepOn(steps: Iterator<Step>): Promise<void> {
    const { value: step, done } = steps.next();
    if (done === true) return wait(everyMs, begin);
    try {
      await step();
    } catch (error) {
      onFault(error);
      return wait(everyMs, begin);
    }
    wait(pauseMs, () => void keepOn(steps));
  }

  function wait(ms: number, what: () => void): void {
    if (!ended) timer = time.after(ms, what, "unref");
  }
}

type Step = () => Promise<void>;

/** A round, as long as there is something to do. */
function* stepsOf({ store, keepRuns, keepDays, journalBytes, time }: HouseOptions): Generator<Step> {
  const beforeMs = time.epochMs() - keepDays * dayMs;
  yield* repeated(async () => (await store.forgetRuns(keepRuns, beforeMs, runsAStep)) === runsAStep);
  yield async () => void (await store.pruneJournal(journalBytes));
  yield* repeated(async () => (await store.forgetLeases?.(ownerPrefix, dayMs, leasesAStep)) === leasesAStep);
  yield* repeated(async () => (await store.shrink?.()) ?? false);
}

/** Again and again while the step says that there is more. */
function* repeated(step: () => Promise<boolean>): Generator<Step> {
  const told = { more: true };
  for (let left = stepsARound; told.more && left > 0; left--)
    yield async () => {
      told.more = await step();
    };
}
