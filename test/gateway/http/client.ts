/** Clients: ordinary ones, and those that write what they like on a socket. */

import { connect, type Socket } from "node:net";
import { Agent, request } from "undici";
import { model } from "./gateway.ts";

export type Reply = {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
};

/** One request on a connection of its own. Rejects if the connection breaks. */
export async function send(
  url: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
  method = body === undefined ? "GET" : "POST",
): Promise<Reply> {
  const agent = new Agent({ pipelining: 0 });
  try {
    const answer = await request(`${url}${path}`, {
      dispatcher: agent,
      method: method as "GET",
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return { status: answer.statusCode, text: await answer.body.text(), headers: answer.headers };
  } finally {
    await agent.destroy();
  }
}

export function chat(content: string, more: object = {}): object {
  return { model, messages: [{ role: "user", content }], max_tokens: 16, ...more };
}

export const chatPath = "/v1/chat/completions";

/** The error in an answer. */
export function errorOf({ text }: Pick<Reply, "text">): {
  readonly code: string;
  readonly type: string;
  readonly message: string;
  readonly param: string | null;
} {
  return JSON.parse(text).error;
}

/** A socket, and all that it has been told so far. */
export type Wire = Disposable & {
  readonly socket: Socket;
  readonly write: (text: string | Uint8Array) => void;
  readonly said: () => string;
  /** Resolves when what was said fits, rejects when the connection ends before. */
  readonly until: (fits: RegExp | ((said: string) => boolean)) => Promise<string>;
  /** All that was said, once the other side has closed. */
  readonly closed: () => Promise<string>;
};

export async function openWire(port: number): Promise<Wire> {
  const socket = connect(port, "127.0.0.1");
  let said = "";
  let over = false;
  const watchers = new Set<() => void>();
  const tell = (): void => {
    for (const watcher of watchers) watcher();
  };
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    said += chunk;
    tell();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    over = true;
    tell();
  });
  const { promise: connected, resolve } = Promise.withResolvers<void>();
  socket.once("connect", resolve);
  socket.once("close", resolve);
  await connected;
  const watch = (holds: () => boolean, ends: string): Promise<string> => {
    const { promise, resolve: done, reject } = Promise.withResolvers<string>();
    const watcher = (): void => {
      if (!holds() && !over) return;
      watchers.delete(watcher);
      if (holds()) done(said);
      else reject(new Error(`${ends}: ${JSON.stringify(said.slice(0, 500))}`));
    };
    watchers.add(watcher);
    watcher();
    return promise;
  };
  return {
    socket,
    write: (text) => void socket.write(text),
    said: () => said,
    until: (fits) =>
      watch(() => (typeof fits === "function" ? fits(said) : fits.test(said)), "the connection ended, having said"),
    closed: () => watch(() => over, ""),
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** A POST as text, with its length. */
export function post(path: string, body: unknown, headers: readonly string[] = []): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return [
    `POST ${path} HTTP/1.1`,
    "host: localhost",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(text)}`,
    ...headers,
    "",
    text,
  ].join("\r\n");
}

/** Statuses of the answers in what a connection said, in order. */
export function statusesIn(said: string): readonly number[] {
  return [...said.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
