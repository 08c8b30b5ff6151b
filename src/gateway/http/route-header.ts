/** What `x-fate-route` says of the way that a call went. */

import type { Turn } from "../live/driver.ts";

/** `h100-0; fate; plan-age-ms 0.2; waited-ms 0.0; cached 512`, of a pair `h100-0>h100-1; ...` */
export function toRoute(
  { engine, phase, reason, planAgeUs, waitedUs, cachedTokens, attempt }: Turn,
  /** Who took the prompt in, if it was another. */
  first: string | undefined,
): string {
  const to = phase === "decode" && first !== undefined ? `${first}>${engine}` : engine;
  const tries = attempt === 0 ? "" : `; attempt ${attempt + 1}`;
  const route = `${to}; ${reason}; plan-age-ms ${(planAgeUs / 1000).toFixed(1)}; waited-ms ${(waitedUs / 1000).toFixed(1)}; cached ${cachedTokens}${tries}`;
  // Engines are named by people, in their own languages.
  return route.replaceAll(/[^\x20-\x7e]/g, "?");
}
