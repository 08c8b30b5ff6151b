/** Connections to engines, kept open, and one exchange of request and answer over them. */

import type { IncomingHttpHeaders } from "node:http";
import { errors, Pool, type Dispatcher } from "undici";
import { Countdown } from "./countdown.ts";

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
  /** The answer may come piece by piece, as it is written: then it takes as long as that takes. */
  readonly streams: boolean;
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

export type UpstreamsOptions = {
  /** How long an engine may be silent, before its answer and within it. */
  readonly stallMs: () => number;
  /** How long it may take for all of its answer. What its client makes it wait is not counted. */
  readonly answerMs: () => number;
  readonly connections: number;
};

export function createUpstreams(options: UpstreamsOptions): Upstreams {
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
    post: ({ origin, path, headers, body, streams, silentTokens }, receiver) => {
      const bodyTimeout = options.stallMs();
      const headMs = bodyTimeout + Math.min(mostSilentMs, silentTokens * slowTokenMs);
      const leg = new Leg(receiver, { headMs, stallMs: bodyTimeout, answerMs: options.answerMs(), streams });
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

/** The code of an answer that began in time, and came piece by piece, but was not whole in time. */
export const answerTimeout = "ANSWER_TIMEOUT";

type Bounds = {
  /** From when the call is sent until the engine's answer begins. */
  readonly headMs: number;
  readonly stallMs: number;
  readonly answerMs: number;
  readonly streams: boolean;
};

class Leg implements Dispatcher.DispatchHandler, Exchange {
  readonly #receiver: Receiver;
  readonly #bounds: Bounds;
  #startMs = 0;
  readonly #patience = new Countdown();
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;

  constructor(receiver: Receiver, bounds: Bounds) {
    this.#receiver = receiver;
    this.#bounds = bounds;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) return controller.abort(calledOff);
    this.#startMs = performance.now();
    const { headMs, answerMs } = this.#bounds;
    this.#patience.begin(Math.min(headMs, answerMs), () => controller.abort(new errors.HeadersTimeoutError()));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // An informational answer announces the real one.
    if (status < 200 || this.#aborted) return;
    this.#patience.begin(this.#bodyMs(status), () => {
      controller.abort(Object.assign(new Error("the answer took too long"), { code: answerTimeout }));
    });
    this.#receiver.onHead(status, headers);
  }

  /** A stream goes on as long as any answer may; what comes in one piece has the time in which it was to begin, or else is written already. */
  #bodyMs(status: number): number {
    const { stallMs, answerMs, streams } = this.#bounds;
    const leftMs = answerMs - (performance.now() - this.#startMs);
    return streams && status < 300 ? leftMs : Math.min(leftMs, Math.max(this.#patience.leftMs, stallMs));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#aborted || this.#receiver.onData(chunk)) return;
    controller.pause();
    this.#patience.hold();
  }

  onResponseEnd(): void {
    this.#patience.stop();
    if (!this.#aborted) this.#receiver.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#patience.stop();
    if (!this.#aborted) this.#receiver.onError(error);
  }

  resume(): void {
    this.#patience.goOn();
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#patience.stop();
    this.#controller?.abort(calledOff);
  }
}
