/** Where an engine takes its time from. Microseconds since some beginning; a test steps them by hand. */

export type Clock = {
  readonly nowUs: () => number;
  /** Calls `run` once, `delayUs` from now or a little later. The answer takes it back. */
  readonly after: (delayUs: number, run: () => void) => () => void;
};

/** Timers of Node count whole milliseconds; what falls due in between is caught up with when one fires. */
export const wallClock: Clock = {
  nowUs: () => performance.now() * 1000,
  after: (delayUs, run) => {
    const timer = setTimeout(run, Math.min(longestTimerMs, Math.ceil(delayUs / 1000)));
    return () => clearTimeout(timer);
  },
};

/** Longer delays overflow and fire at once. */
const longestTimerMs = 2 ** 31 - 1;
