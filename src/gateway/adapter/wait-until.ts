/** Asks a server again and again until something holds, for so long and no longer. */

import { setTimeout as delay } from "node:timers/promises";

/** Resolves after so long; rejects at once when the signal is aborted. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

export const pauseByClock: Pause = async (ms, signal) => {
  await delay(ms, undefined, { signal, ref: false });
};

/** False if it does not hold after all tries. Pauses grow from 50 ms to one second. */
export async function waitUntil(
  holds: () => Promise<boolean>,
  options: { readonly pause: Pause; readonly withinMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const { pause, withinMs, signal } = options;
  let pauseMs = 50;
  for (let waitedMs = 0; ; waitedMs += pauseMs, pauseMs = Math.min(2 * pauseMs, 1000)) {
    if (await holds()) return true;
    if (waitedMs + pauseMs > withinMs) return false;
    await pause(pauseMs, signal);
  }
}
