/**
 * The contract of a policy: a function from what is known now to what should happen.
 * It reads no clock, draws no luck but from `view.rng`, keeps nothing between calls but what it returns as `memory`,
 * and changes nothing it is shown. Equal views give equal plans, but for a driver of real time that says when a plan is due.
 */

import type { Known } from "../cost/candidate.ts";
import type { Decision } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { Rng } from "../random/rng.ts";

export type View<Memory = unknown> = Known & {
  /** Stages that wait for a placement, longest ready first. */
  readonly ready: readonly VisibleModelStage[];
  /** A stream of this policy's own. */
  readonly rng: Rng;
  /** What the last plan returned as memory. */
  readonly memory: Memory | undefined;
  /**
   * Whether the time for this plan is over: who searches then answers with the best so far. Only a driver of real time has it,
   * and there equal views need not give equal plans.
   */
  readonly isDue?: () => boolean;
  /** Decisions that come to nothing with this driver, so that plans must not count on them. Absent: all can be carried out. */
  readonly cannot?: ReadonlySet<Decision["kind"]>;
};

export type Plan<Memory = unknown> = {
  readonly decisions: readonly Decision[];
  /** Handed back with the next view. Must survive a round trip through JSON, so that a restarted driver can go on. */
  readonly memory?: Memory;
  /** For the journal: a budget spent, a fallback taken. */
  readonly note?: string;
};

export type Policy = (view: View) => Plan;

/** A policy as the table lists it. */
export type PolicyEntry = {
  readonly plan: Policy;
  /** One line for `--help` and the tables. */
  readonly summary: string;
  /** The same without a solver, for a driver that must not be kept waiting. Absent: `plan` is that already. */
  readonly quick?: Policy;
  /** The plan for one ready stage with nothing visible behind it, if it is as good as a whole one; undefined: ask for that. */
  readonly lone?: (view: View) => Plan | undefined;
  /** Wants to be asked when no stage is ready too, say to prefetch. */
  readonly whenIdle?: boolean;
  /**
   * What of its memory holds in another process, where time begins anew and the workflows of before are gone: small, and JSON-safe.
   * Asked of its own memory, and of what another process has left, which may be anything. Absent: nothing.
   */
  readonly lasting?: (memory: unknown) => unknown;
  /** How it has batching engines batch, where that differs from the cluster's description. */
  readonly batching?: BatchingChange;
};

export type BatchingChange = {
  /** Split long prompts and mix them with decoding. */
  readonly chunkedPrefill?: boolean;
  /** Prompts of one iteration take no longer than this, but for the first. */
  readonly prefillUs?: number;
};
