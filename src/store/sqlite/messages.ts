/** What the gateway's thread and the one of SQLite say to each other: each question has one answer, in order. */

import type { Outcome } from "../lane.ts";
import type { Order } from "../sql/verbs.ts";
import type { StoreFault } from "../store.ts";

export type WorkerOptions = { readonly path: string; readonly readOnly: boolean };

export type Question =
  | { readonly kind: "open" }
  | { readonly kind: "carry-out"; readonly nowMs: number; readonly orders: readonly Order[] }
  | { readonly kind: "inspect" }
  /** Gives at most so many pages back. */
  | { readonly kind: "shrink"; readonly pages: number }
  | { readonly kind: "close" };

export type Answer =
  | {
      readonly kind: "done";
      readonly outcomes?: readonly Outcome[];
      readonly lines?: readonly string[];
      readonly left?: number;
    }
  | { readonly kind: "fault"; readonly fault: StoreFault["kind"]; readonly message: string };
