/** What calls ask for as they become ready: sums in which all fades alike, so that those of late count. */

import type { View } from "../policy.ts";

/** Plain data, kept from plan to plan. */
export type Demand = {
  /** When the first call came. */
  readonly sinceUs: number;
  readonly seenUs: number;
  readonly calls: number;
  readonly promptTokens: number;
  /** Prompt tokens that no earlier call has brought. */
  readonly newTokens: number;
  readonly outputTokens: number;
  /** Of each call the KV that its decoding reads, times the tokens that it writes. */
  readonly heldTokens: number;
};

/** Over so long sums are a share 1/e of what they were. */
const spanUs = 4e6;

export function followDemand(before: Demand | undefined, { ready, workflows, nowUs }: View): Demand {
  const seenUs = before?.seenUs ?? -1;
  const kept = before === undefined ? 0 : Math.exp((seenUs - nowUs) / spanUs);
  let { calls, promptTokens, newTokens, outputTokens, heldTokens } = before ?? none;
  calls *= kept;
  promptTokens *= kept;
  newTokens *= kept;
  outputTokens *= kept;
  heldTokens *= kept;
  for (let index = ready.length - 1; index >= 0; index--) {
    const stage = ready[index];
    if (stage === undefined || workflows.node(stage.key).readyUs <= seenUs) break;
    const output = stage.kind === "embed" ? 0 : stage.outputTokens;
    calls += 1;
    promptTokens += stage.promptTokens;
    newTokens += newTokensOf(stage);
    outputTokens += output;
    heldTokens += output * (stage.promptTokens + output / 2);
  }
  return { sinceUs: before?.sinceUs ?? nowUs, seenUs: nowUs, calls, promptTokens, newTokens, outputTokens, heldTokens };
}

const none = { calls: 0, promptTokens: 0, newTokens: 0, outputTokens: 0, heldTokens: 0 };

/** Most of a growing context is cached; what is not is not told apart here. */
export function newTokensOf({ promptTokens, chain, lastTokens }: View["ready"][number]): number {
  return Math.min(promptTokens, lastTokens ?? chain.at(-1)?.tokens ?? 0);
}

/** How much of a constant stream the sums hold: what divides them into rates per microsecond. At least of a second. */
export function spanOf({ sinceUs, seenUs }: Demand): number {
  return spanUs * -Math.expm1(-Math.max(1e6, seenUs - sinceUs) / spanUs);
}
