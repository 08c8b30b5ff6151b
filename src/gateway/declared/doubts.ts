/**
 * Submissions of which it is not known whether the store took them in. Their clients were told that they were not, so one is carried
 * out only if its client can ask again by its key, and is cancelled otherwise.
 */

import type { Store, StoredRun } from "../../store/store.ts";
import { wait, type Time } from "../live/time.ts";
import type { RunId } from "./declared-run.ts";
import type { Patience } from "./patience.ts";

export type Doubts = Disposable & {
  /** Whether one more can be remembered. */
  readonly hasRoom: () => boolean;
  readonly add: (id: RunId) => void;
  /** Resolves when it is known what became of the submission; at once if that was never in doubt. */
  readonly settle: (id: RunId) => Promise<void>;
};

export type DoubtsOptions = {
  readonly store: Pick<Store, "readRun" | "endRun">;
  readonly time: Time;
  readonly patience: Patience;
  readonly nowMs: () => number;
  /** Carries out a run that is open and this gateway's own. */
  readonly carry: (run: StoredRun) => void;
  readonly isOwn: (run: StoredRun) => boolean;
  readonly onFault: (message: string) => void;
};

/** `look` aborted: it is worth looking now. */
type Doubt = { look: AbortController; cleared: Promise<void> };

const mostDoubts = 10_000;
/** It is looked for again and again: a store may do what it was asked for after its answer was not waited for any more. */
const looksAfterMs = [0, 1000, 2000, 4000, 8000, 15_000];

export function createDoubts({ store, time, patience, nowMs, carry, isOwn, onFault }: DoubtsOptions): Doubts {
  const closing = new AbortController();
  const { signal } = closing;
  const open = new Map<RunId, Doubt>();
  const find = async (id: RunId, doubt: Doubt): Promise<StoredRun | undefined> => {
    for (const ms of looksAfterMs) {
      if (ms > 0) await wait(time, ms, AbortSignal.any([signal, doubt.look.signal]));
      doubt.look = new AbortController();
      const stored = await patience.until(() => store.readRun(id), signal);
      if (stored !== undefined || signal.aborted) return stored;
    }
    return undefined;
  };
  const clear = async (id: RunId, doubt: Doubt): Promise<void> => {
    const stored = await find(id, doubt);
    if (stored === undefined || stored.status !== "running" || !isOwn(stored)) return;
    if (stored.key !== undefined) return carry(stored);
    const error = JSON.stringify({ code: "not_accepted", message: "its client was told that it was not taken in" });
    const end = { status: "cancelled", endedMs: nowMs(), error } as const;
    await patience.until(() => store.endRun(id, stored, end), signal);
  };
  return {
    hasRoom: () => open.size < mostDoubts,
    add: (id) => {
      const doubt: Doubt = { look: new AbortController(), cleared: Promise.resolve() };
      doubt.cleared = clear(id, doubt)
        .catch((error: unknown) => onFault(`what became of submission ${id} is not known: ${String(error)}`))
        .finally(() => open.delete(id));
      open.set(id, doubt);
    },
    settle: (id) => {
      const doubt = open.get(id);
      doubt?.look.abort();
      return doubt?.cleared ?? Promise.resolve();
    },
    [Symbol.dispose]: () => closing.abort(),
  };
}
