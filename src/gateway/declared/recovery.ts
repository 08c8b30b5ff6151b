/** Takes up runs that nobody carries out: at the start those that an earlier process left, later those whose gateway is gone. */

import { StoreFault, type Store, type StoredRun } from "../../store/store.ts";
import type { Time } from "../live/time.ts";
import type { Ownership } from "./ownership.ts";
import { inBursts } from "./slices.ts";

export type Recovery = Disposable & {
  /** Resolves to how many were taken up. Rejects with a StoreFault. From the first time on it is done again and again. */
  readonly now: () => Promise<number>;
  /** A run has ended: there may be one that found no room before. */
  readonly roomAgain: () => void;
};

export type RecoveryOptions = {
  readonly store: Pick<Store, "takeUpRuns" | "listTakenUp" | "readRun">;
  readonly time: Time;
  readonly ownership: Ownership;
  /** How many more runs this gateway takes. */
  readonly room: () => number;
  readonly take: (run: StoredRun) => void;
  /** Whether the run is carried out here. */
  readonly isHere: (run: string) => boolean;
  readonly everyMs: number;
  readonly onTakenUp: (count: number) => void;
  /** The store has failed in a way that does not pass. */
  readonly onFault: (message: string) => void;
};

/** Runs that are taken up at once. */
const pageRuns = 1000;
/** More than any gateway carries out. */
const mostTakenUp = 1_000_000;
const roundsOfDoubt = 20;

type Page = { readonly page: readonly StoredRun[]; readonly isLast: boolean };
const nothing: Page = { page: [], isLast: true };

export function createRecovery(options: RecoveryOptions): Recovery {
  const { store, time, ownership, room, take, isHere, everyMs, onTakenUp, onFault } = options;
  let underWay: Promise<number> | undefined;
  let mayBeMore = false;
  /** Not before it was asked for: whoever asks knows when there is something to carry runs out with. */
  let begun = false;
  let closed = false;
  /** A fault is told of once, until it is over. */
  let told = false;
  /** Rounds in which it is looked whether the store has made runs ours without our having heard of it: it may do so late. */
  let doubtful = 0;
  /** Carries out what is ours without our having heard of it. */
  const reconcile = async (): Promise<number> => {
    const { owner } = ownership;
    let taken = 0;
    for (const id of await store.listTakenUp(owner, mostTakenUp)) {
      if (isHere(id)) continue;
      const run = await store.readRun(id);
      if (closed) return taken;
      if (run?.owner !== owner || run.status !== "running" || isHere(id)) continue;
      take(run);
      taken += 1;
    }
    doubtful -= 1;
    return taken;
  };
  /** One page is read while the one before it is made ready. */
  const takeAll = async (): Promise<number> => {
    let taken = doubtful > 0 ? await reconcile() : 0;
    for (let asked = ask(0); ;) {
      const { page, isLast } = await asked;
      told = false;
      asked = isLast ? Promise.resolve(nothing) : ask(page.length);
      // Whatever comes of it is heard when it is waited for.
      asked.catch(() => {});
      for await (const run of inBursts(page, time)) {
        // They stay this gateway's own, and are taken up by whoever comes after it.
        if (closed) return taken;
        take(run);
        taken += 1;
      }
      if (isLast) return taken;
    }
  };
  const ask = async (toTake: number): Promise<Page> => {
    const limit = Math.min(pageRuns, room() - toTake);
    mayBeMore = limit <= 0;
    if (closed || limit <= 0 || !ownership.holds()) return nothing;
    const page = await store.takeUpRuns(ownership.owner, limit).catch((error: unknown) => {
      doubtful = roundsOfDoubt;
      throw error;
    });
    return { page, isLast: page.length < limit };
  };
  const takeAndTell = async (): Promise<number> => {
    const taken = await takeAll();
    if (taken > 0) onTakenUp(taken);
    return taken;
  };
  const now = (): Promise<number> => {
    begun = true;
    return (underWay ??= takeAndTell().finally(() => (underWay = undefined)));
  };
  const again = (): void => {
    if (!begun || closed) return;
    now().catch((error: unknown) => {
      if (!(error instanceof StoreFault)) throw error;
      if (error.kind !== "broken" || told) return;
      told = true;
      onFault(`runs without a carrier cannot be taken up: ${error.message}`);
    });
  };
  const timer = time.every(everyMs, again, "unref");
  return {
    now,
    roomAgain: () => {
      if (mayBeMore) again();
    },
    [Symbol.dispose]: () => {
      closed = true;
      timer.stop();
    },
  };
}
