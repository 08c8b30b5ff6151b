/** Connections to engines, kept open, and one exchange of request and answer over them. */

import type { IncomingHttpHeaders } from "node:http";
import { errors, Pool, type Dispatcher } from "undici";

export type Receiver = {
  onHead(status: number, headers: IncomingHttpHeaders): void;
  /** False: no more until `resume`. */
  onData(chunk: Buffer): boolean;
  onEnd(): void;
  /** Instead of `onEnd`. */
  onError(error: NodeJS.ErrnoException): void;
};

/** An exchange under way. */
export type Exchange = {
  resume(): void;
  abort(): void;
};

export type Outgoing = {
  readonly origin: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array | string;
  /** How many tokens the engine may write before it says anything: it is given time for them. */
  readonly silentTokens: number;
};

export type Upstreams = AsyncDisposable & {
  readonly post: (outgoing: Outgoing, receiver: Receiver) => Exchange;
};

/** A slow engine writes ten tokens a second. It is given no more than so long for all of them. */
const slowTokenMs = 100;
const mostSilentMs = 600_000;
/** Servers close what was idle for 5 s, the most impatient ones: a call must not be sent just then. */
const keepAliveMs = 4000;
/** More engines than these have come and gone. */
const mostPools = 256;

/** `stallMs`: how long an engine may be silent, before its answer and within it. */
export function createUpstreams(options: { readonly stallMs: () => number; readonly connections: number }): Upstreams {
  const { connections } = options;
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string): Pool => {
    let pool = pools.get(origin);
    if (pool === undefined) {
      if (pools.size >= mostPools) dropIdle(pools);
      pool = new Pool(origin, {
        connections,
        pipelining: 1,
        // Its streams know nothing of a reader who is slow.
        allowH2: false,
        keepAliveTimeout: keepAliveMs,
        connectTimeout: Math.min(options.stallMs(), 5_000),
      });
      pools.set(origin, pool);
    }
    return pool;
  };
  return {
    post: ({ origin, path, headers, body, silentTokens }, receiver) => {
      const bodyTimeout = options.stallMs();
      const leg = new Leg(receiver, bodyTimeout + Math.min(mostSilentMs, silentTokens * slowTokenMs));
      // The leg keeps the time until the answer begins: undici would begin anew with every interim answer.
      poolOf(origin).dispatch({ path, method: "POST", headers, body, headersTimeout: 0, bodyTimeout }, leg);
      return leg;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(Array.from(pools.values(), (pool) => pool.destroy()));
    },
  };
}

function dropIdle(pools: Map<string, Pool>): void {
  for (const [origin, pool] of pools) {
    const { running, pending, queued } = pool.stats;
    if (running + pending + queued > 0) continue;
    pools.delete(origin);
    void pool.close();
  }
}

/** Why an exchange was called off by us. */
const calledOff = new Error("called off");

class Leg implements Dispatcher.DispatchHandler, Exchange {
  readonly #receiver: Receiver;
  /** From when the call is sent until the engine's answer begins. */
  readonly #headMs: number;
  #patience: NodeJS.Timeout | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;

  constructor(receiver: Receiver, headMs: number) {
    this.#receiver = receiver;
    this.#headMs = headMs;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) return controller.abort(calledOff);
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => controller.abort(new errors.HeadersTimeoutError()), this.#headMs);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // An informational answer announces the real one.
    if (status < 200) return;
    clearTimeout(this.#patience);
    if (!this.#aborted) this.#receiver.onHead(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#aborted && !this.#receiver.onData(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (!this.#aborted) this.#receiver.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#patience);
    if (!this.#aborted) this.#receiver.onError(error);
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    clearTimeout(this.#patience);
    this.#controller?.abort(calledOff);
  }
}
