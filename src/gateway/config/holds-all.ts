/** Which engines hold all that they serve at once, so that calls of several models run side by side. */

import type { EngineConfig } from "./config.ts";

/** Of a server of which only OpenAI's API is known, that is taken for granted, unless it is said to hold fewer. */
export function holdsAll({ kind, maxResident }: EngineConfig, served: number): boolean {
  return kind === "openai" && served <= maxResident;
}
