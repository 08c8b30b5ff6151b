/** What would have been: a workload as it came out, replayed in the simulator under the policy that ran and under another. */

export type WhatIfRun = {
  readonly policy: string;
  readonly ended: number;
  readonly abandoned: number;
  readonly makespanUs: number;
  readonly meanLatencyUs: number;
  readonly p95LatencyUs: number;
  readonly loads: number;
  readonly swaps: number;
  readonly cachedTokens: number;
  readonly recomputedTokens: number;
};

/** Both are simulated, so that they can be compared: the policy that ran, then the other. */
export type WhatIfAnswer = { readonly own: WhatIfRun; readonly other: WhatIfRun };

/** The question: a journal's header, then a workload file, as lines. Throws an `Error` whose message is for whoever asked. */
export type WhatIf = (question: string, signal: AbortSignal) => Promise<WhatIfAnswer>;

/** The policy that others are held against. */
export const whatIfPolicy = "round-robin";

export const whatIfPath = "/fate/what-if";
/** So much is asked for at most. */
export const mostWhatIfWorkflows = 400;
export const mostWhatIfStages = 8000;
