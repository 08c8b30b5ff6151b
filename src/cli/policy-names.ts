import { fateAblations } from "../policy/fate/ablations.ts";
import { foresightAblations } from "../policy/foresight/ablations.ts";
import { policies } from "../policy/policies.ts";
import { suffixOf } from "../policy/suffix.ts";

/** The names of all policies, in the order of their table. */
export const policyNames = Object.keys(policies);

/** Without variants and ablations. */
export const plainPolicyNames = policyNames.filter((name) => suffixOf(name) === undefined && !isAblation(name));

export function isAblation(name: string): boolean {
  return name in fateAblations || name in foresightAblations;
}
