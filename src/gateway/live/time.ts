/** Time as the gateway lives through it, so that a simulated one can take its place. */

export type Time = {
  /** Whole microseconds since some moment, never backwards. */
  readonly nowUs: () => number;
  /** Milliseconds since 1970, as clocks on walls have them: they may jump. */
  readonly epochMs: () => number;
  /** Once, after so long. A timer that waits does not keep the process alive if `unref` says so. */
  readonly after: (ms: number, what: () => void, unref?: "unref") => Timer;
  readonly every: (ms: number, what: () => void, unref?: "unref") => Timer;
  /** Right after what is under way. */
  readonly soon: (what: () => void) => void;
};

export type Timer = { readonly stop: () => void };

export function createTime(): Time {
  const startMs = performance.now();
  return {
    nowUs: () => Math.round((performance.now() - startMs) * 1000),
    epochMs: () => Date.now(),
    after: (ms, what, unref) => toTimer(setTimeout(what, ms), unref, clearTimeout),
    every: (ms, what, unref) => toTimer(setInterval(what, ms), unref, clearInterval),
    soon: (what) => void setImmediate(what),
  };
}

function toTimer(handle: NodeJS.Timeout, unref: "unref" | undefined, clear: (handle: NodeJS.Timeout) => void): Timer {
  if (unref !== undefined) handle.unref();
  return { stop: () => clear(handle) };
}

/** A signal that is aborted after so long, unless it is stopped before. */
export function signalAfter(time: Time, ms: number): Timer & { readonly signal: AbortSignal } {
  const abort = new AbortController();
  const timer = time.after(ms, () => abort.abort(new DOMException("it took too long", "TimeoutError")), "unref");
  return { signal: abort.signal, stop: timer.stop };
}

/** Resolves after so long, or when the signal says so. */
export function wait(time: Time, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.resolve();
  const done = (): void => {
    timer.stop();
    signal.removeEventListener("abort", done);
    resolve();
  };
  const timer = time.after(ms, done);
  signal.addEventListener("abort", done);
  return promise;
}
