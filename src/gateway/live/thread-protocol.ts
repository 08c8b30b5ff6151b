/** What the gateway and its planning thread say to each other. */

import type { Decision } from "../../model/decision.ts";
import type { CacheCopy } from "./cache-copy.ts";
import type { Unloadable } from "./unloadable.ts";

export type ToThread =
  /** A new world: the header of a journal, what is open as records, and what is cached, which no record tells. */
  | {
      readonly kind: "begin";
      readonly policy: string;
      readonly hardestWaitUs: number;
      readonly header: string;
      readonly caches: readonly CacheCopy[];
    }
  /** Lines of the journal: what happened since. */
  | { readonly kind: "follow"; readonly lines: string }
  | {
      readonly kind: "plan";
      readonly id: number;
      readonly nowUs: number;
      readonly memory: unknown;
      readonly unloadable: readonly Unloadable[];
      /** When its time is over, in milliseconds since 1970, which all threads count alike. */
      readonly dueMs: number;
    };

export type FromThread =
  | { readonly kind: "ready" }
  | {
      readonly kind: "planned";
      readonly id: number;
      readonly decisions: readonly Decision[];
      readonly memory?: unknown;
      readonly note?: string;
      readonly tookUs: number;
    }
  | { readonly kind: "failed"; readonly id: number; readonly reason: string };

/** As the thread that calls it has it: since its start by a steady clock. */
export function sinceEpochMs(): number {
  return performance.timeOrigin + performance.now();
}
