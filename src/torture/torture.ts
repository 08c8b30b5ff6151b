/** One seed, one world: lives through it and says what came of it. */

import type { TortureOptions, TortureResult } from "./trial.ts";
import { TortureWorld } from "./world.ts";

export async function torture(options: TortureOptions): Promise<TortureResult> {
  const world = new TortureWorld(options);
  await world.live();
  return world.result();
}
