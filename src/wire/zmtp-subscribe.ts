/** A SUB socket that connects to one publisher, and again whenever it loses it, until it is disposed of. */

import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Message, ZmtpLimits } from "./zmtp.ts";
import { ZmtpConnection, type Peer } from "./zmtp-connection.ts";
import type { TcpAddress } from "./zmtp-endpoint.ts";

/** Resolves after that time, rejects when aborted. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<unknown>;

export const waitForReal: Wait = (ms, signal) => delay(ms, undefined, { signal, ref: false });

export type SubscribeOptions = {
  readonly address: TcpAddress;
  /** Prefixes; an empty one is all. */
  readonly topics: readonly string[];
  readonly onMessage: (frames: Message) => void;
  /** The publisher knows what we want: nothing that it publishes from now on is missed, but for its own limits. */
  readonly onConnect: () => void;
  /** After each attempt that failed and each connection that was lost. */
  readonly onDisconnect: (reason: string) => void;
  /** The pause doubles from failure to failure. */
  readonly backoffMs?: { readonly first: number; readonly most: number };
  readonly heartbeatMs?: number;
  readonly limits?: Partial<ZmtpLimits>;
  readonly wait?: Wait;
};

const defaultBackoffMs = { first: 100, most: 10_000 };

/** Connects at once; disposing ends it, and nothing is called after that. */
export function subscribe(options: SubscribeOptions): AsyncDisposable {
  const stop = new AbortController();
  const running = run(options, stop.signal);
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

async function run(options: SubscribeOptions, signal: AbortSignal): Promise<void> {
  const { first, most } = options.backoffMs ?? defaultBackoffMs;
  const wait = options.wait ?? waitForReal;
  let pauseMs = first;
  while (!signal.aborted) {
    const { wasConnected, reason } = await runOnce(options, signal);
    if (signal.aborted) return;
    options.onDisconnect(reason);
    if (wasConnected) pauseMs = first;
    try {
      await wait(pauseMs, signal);
    } catch {
      return;
    }
    pauseMs = Math.min(most, pauseMs * 2);
  }
}

/** Resolves when the connection is over. */
function runOnce(options: SubscribeOptions, signal: AbortSignal): Promise<{ wasConnected: boolean; reason: string }> {
  const { address, limits, heartbeatMs } = options;
  return new Promise((resolve) => {
    let wasConnected = false;
    const connected = (): void => {
      wasConnected = true;
      options.onConnect();
    };
    const connection = new ZmtpConnection(connect(address), {
      socketType: "SUB",
      peers: ["PUB", "XPUB"],
      ...(limits === undefined ? {} : { limits }),
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
      onReady: (peer) => {
        sendSubscriptions(connection, options.topics, peer);
        if (peer.minor === 0) connected();
      },
      onMessage: options.onMessage,
      onCommand: ({ name }) => {
        if (name === "PONG" && !wasConnected) connected();
      },
      onClose: (reason) => {
        signal.removeEventListener("abort", abort);
        resolve({ wasConnected, reason });
      },
    });
    const abort = (): void => connection.close("no longer wanted");
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
}

/** Up to ZMTP 3.0 a subscription is a message that begins with 1. The answer to the PING says that it was read. */
function sendSubscriptions(connection: ZmtpConnection, topics: readonly string[], peer: Peer): void {
  for (const topic of topics) {
    const bytes = Buffer.from(topic, "utf8");
    if (peer.minor === 0) connection.send([Buffer.concat([Uint8Array.of(1), bytes])]);
    else connection.sendCommand("SUBSCRIBE", bytes);
  }
  if (peer.minor > 0) connection.sendCommand("PING", new Uint8Array(2));
}
