import { policies } from "../policy/policies.ts";

/** The names of all policies, in the order of their table. */
export const policyNames = Object.keys(policies);
