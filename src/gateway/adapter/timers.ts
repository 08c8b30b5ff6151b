/** Wall time, as those who wait for it are given it. */

export type Timers = {
  readonly nowMs: () => number;
  /** Runs it once after so long; what comes back calls it off. */
  readonly after: (ms: number, run: () => void) => () => void;
};

/** What to call off while nothing is waited for. */
export const nothing = (): void => {};

/** They do not keep the process alive. */
export const wallTimers: Timers = {
  nowMs: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
