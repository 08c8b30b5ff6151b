import { fateAblations } from "../../src/policy/fate/ablations.ts";
import { foresightAblations } from "../../src/policy/foresight/ablations.ts";

/** Runs the code of `fate` or `foresight` with other settings: the long suite has these, the gate has none. */
export function isAblation(policy: string): boolean {
  return policy in fateAblations || policy in foresightAblations;
}
