/**
 * Ties the batch's virtual time to a clock. Timers are coarse, so the loop is let run up to now whenever one fires or a call
 * comes, and everything that was due by then is told at once. At infinite speed a call is over before `act` returns.
 */

import type { BatchLoop } from "./batch/batch-loop.ts";
import type { Clock } from "./clock.ts";

export type Pacer = {
  /** Virtual microseconds since the engine began. */
  readonly nowUs: () => number;
  /** Does something to the loop, at the time that it is. */
  readonly act: <T>(action: () => T) => T;
  /** Virtual time as a client sees it pass. */
  readonly toWallUs: (virtualUs: number) => number;
  readonly stop: () => void;
};

/** Tokens are told no more often than this, and less often the more calls stream: a piece costs its writing. */
const leastGapUs = 4_000;
const gapUsPerStream = 250;

export function createPacer(loop: BatchLoop, clock: Clock, speed: number): Pacer {
  const beganUs = clock.nowUs();
  const instant = speed === Infinity;
  let cancel: (() => void) | undefined;
  let plannedUs = Infinity;
  let running = true;
  let toldUs = 0;
  const nowUs = (): number => (instant ? loop.nowUs : Math.floor((clock.nowUs() - beganUs) * speed));
  const gapUs = (): number => Math.max(leastGapUs, loop.counts.streams * gapUsPerStream) * speed;
  const tell = (): void => {
    if (instant || loop.nowUs < toldUs + gapUs()) return;
    toldUs = loop.nowUs;
    loop.tell();
  };
  const stopTimer = (): void => {
    cancel?.();
    cancel = undefined;
    plannedUs = Infinity;
  };
  const plan = (): void => {
    if (instant || !running) return;
    const tokenUs = loop.nextTokenUs;
    const wantedUs = Math.min(loop.nextUs, tokenUs === Infinity ? Infinity : Math.max(tokenUs, toldUs + gapUs()));
    if (wantedUs === plannedUs) return;
    stopTimer();
    if (wantedUs === Infinity) return;
    plannedUs = wantedUs;
    cancel = clock.after(Math.max(0, (wantedUs - nowUs()) / speed), () => {
      stopTimer();
      act(() => {});
    });
  };
  const act: Pacer["act"] = (action) => {
    loop.advance(instant ? Infinity : nowUs());
    tell();
    const result = action();
    if (instant) loop.advance(Infinity);
    plan();
    return result;
  };
  return {
    nowUs,
    act,
    toWallUs: (virtualUs) => (instant ? 0 : virtualUs / speed),
    stop: () => {
      running = false;
      stopTimer();
    },
  };
}
