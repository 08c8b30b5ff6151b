/** A DEALER socket for one conversation: sends a message to a ROUTER and hands on its answers until the caller has enough. */

import { connect } from "node:net";
import type { Message, ZmtpLimits } from "./zmtp.ts";
import { ZmtpConnection } from "./zmtp-connection.ts";
import type { TcpAddress } from "./zmtp-endpoint.ts";

export type AskOptions = {
  readonly address: TcpAddress;
  readonly request: Message;
  /** Says whether it was the last one. */
  readonly onAnswer: (frames: Message) => "more" | "last";
  /** At most so long from one answer to the next. */
  readonly idleMs: number;
  readonly limits?: Partial<ZmtpLimits>;
  readonly signal: AbortSignal;
};

export type Asked = { readonly kind: "answered" } | { readonly kind: "failed"; readonly reason: string };

export function ask(options: AskOptions): Promise<Asked> {
  const { address, request, onAnswer, idleMs, limits, signal } = options;
  return new Promise((resolve) => {
    let answered = false;
    const connection = new ZmtpConnection(connect(address), {
      socketType: "DEALER",
      peers: ["ROUTER", "REP", "DEALER"],
      ...(limits === undefined ? {} : { limits }),
      onReady: () => connection.send(request),
      onMessage: (frames) => {
        idle.refresh();
        answered = onAnswer(frames) === "last";
        if (answered) connection.close("answered");
      },
      onClose: (reason) => {
        clearTimeout(idle);
        signal.removeEventListener("abort", abort);
        resolve(answered ? { kind: "answered" } : { kind: "failed", reason });
      },
    });
    const idle = setTimeout(() => connection.close(`no answer within ${idleMs} ms`), idleMs);
    const abort = (): void => connection.close("no longer wanted");
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
}
