/** What a policy sees at its first decision, for tests of what is worked out from it. */

import { strict as assert } from "node:assert";
import type { View } from "../../src/policy/policy.ts";
import { runUnchecked } from "./build.ts";

/** What `look` makes of the view then: later the state behind it has gone on. Nothing is ever placed. */
export function lookOnce<Found>(
  options: Omit<Parameters<typeof runUnchecked>[0], "policy">,
  look: (view: View) => Found,
): Found {
  let found: { readonly value: Found } | undefined;
  const plan = (view: View) => {
    found ??= { value: look(view) };
    return { decisions: [] };
  };
  runUnchecked({ ...options, policy: { summary: "a look", plan } });
  assert(found !== undefined, "there was nothing to decide");
  return found.value;
}
