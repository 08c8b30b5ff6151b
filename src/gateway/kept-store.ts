/** The store of a gateway: a database that is not there yet is waited for, and what is kept for long enough is forgotten. */

import { keepHouse } from "../store/keep-house.ts";
import { openStore } from "../store/open-store.ts";
import { StoreFault, type Store } from "../store/store.ts";
import { reasonOf, type Ground } from "./ground.ts";
import { wait } from "./live/time.ts";

/** A database may start at the same time as its gateways. */
const patienceMs = 30_000;
const pauseMs = 1000;

/** Opens the store that the configuration names. Waits for a database, within bounds; whatever else is wrong is told at once. */
export async function openKeptStore({ env, time, log, now }: Ground, signal: AbortSignal): Promise<Store> {
  const { store: named } = now.config;
  const untilUs = time.nowUs() + patienceMs * 1000;
  const open = (): Promise<Store> => openStore(named, { env, nowMs: () => time.nowUs() / 1000 });
  for (;;) {
    try {
      return await open();
    } catch (error) {
      const mayCome = named.kind === "postgres" && error instanceof StoreFault && error.kind === "unavailable";
      if (!mayCome || signal.aborted) throw error;
      if (time.nowUs() + pauseMs * 1000 > untilUs) throw stillAway(error);
      log.warn("store-unavailable", { reason: error.message, againMs: pauseMs });
      await wait(time, pauseMs, signal);
    }
  }
}

function stillAway(error: StoreFault): StoreFault {
  const message = `${error.message} (tried for ${patienceMs / 1000} s); start the database, or mend its address`;
  return new StoreFault("unavailable", message, { cause: error });
}

/** Of several gateways over one store, the one that plans keeps house. */
export function tidy(store: Store, { time, log, now }: Ground, mayKeep: () => boolean): Disposable {
  const { keepRuns, keepDays, journalBytes } = now.config.store;
  const onFault = (error: unknown): void => log.warn("store-not-tidied", { reason: reasonOf(error) });
  return keepHouse({ store, keepRuns, keepDays, journalBytes, time, mayKeep, onFault });
}
