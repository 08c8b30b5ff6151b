/** A server that answers by script and remembers what it was asked. */

import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { EngineConfig } from "../../../src/gateway/config/config.ts";

export type Asked = { readonly request: string; readonly headers: IncomingMessage["headers"]; readonly body: string };
type Reply = { readonly status?: number; readonly body?: string | object; readonly type?: string };
/** By method and path, such as `GET /health`, with the query if there is one. Text and objects are answers with status 200. */
export type Script = Readonly<
  Record<string, string | Reply | ((asked: Asked, response: ServerResponse) => Reply | undefined)>
>;

export type ScriptedServer = AsyncDisposable & {
  readonly url: string;
  readonly asked: Asked[];
  /** Requests other than GET, in order. */
  readonly changes: () => readonly string[];
};

const notFound: Reply = { status: 404, body: { detail: "Not Found" } };

export async function serveScript(script: Script): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const one: Asked = {
        request: `${request.method} ${request.url}`,
        headers: request.headers,
        body: Buffer.concat(pieces).toString(),
      };
      asked.push(one);
      const line = script[one.request] ?? notFound;
      const reply: Reply | string | undefined = typeof line === "function" ? line(one, response) : line;
      if (reply === undefined) return;
      const {
        status = 200,
        body = "",
        type = "application/json",
      } = typeof reply === "string" ? { body: reply } : reply;
      response.writeHead(status, { "content-type": type });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    changes: () =>
      asked.filter(({ request }) => !request.startsWith("GET")).map(({ request, body }) => `${request} ${body}`.trim()),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function fixture(name: string): string {
  return readFileSync(new URL(`../../fixtures/engines/${name}`, import.meta.url), "utf8");
}

export function engine(changes: Partial<EngineConfig>): EngineConfig {
  return {
    id: "e1",
    kind: "vllm",
    servers: [],
    host: "local",
    gpu: "h100",
    gpus: 1,
    role: "both",
    models: [],
    resident: [],
    maxResident: 1,
    maxSequences: 16,
    memoryShare: 0.9,
    labels: [],
    sendsPriority: false,
    speed: 1,
    files: {},
    ...changes,
  };
}

/** Where nothing has to be called off. */
export const patience = new AbortController().signal;

/** Options that wait for nothing. */
export const swift = { env: {}, pause: () => Promise.resolve() };
