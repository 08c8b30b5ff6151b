/** A server of the viewer alone: the page, and the journals it begins with, in pieces as they lie in their files. */

import { createReadStream } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { listenAt } from "../wire/listen-at.ts";
import type { Known } from "./known.ts";
import { createPageScript } from "./page-script.ts";
import { renderPage } from "./render-page.ts";
import { whatIfPath, type WhatIf } from "./what-if.ts";

export type ViewerOptions = {
  /** Journals; those whose names end in `.gz` are unpacked on the way. */
  readonly files: readonly string[];
  /** 0 takes any free port. */
  readonly port: number;
  /** Replays a part of a run under another policy. */
  readonly whatIf?: WhatIf;
};

export type Viewer = AsyncDisposable & { readonly url: string };

const host = "127.0.0.1";

/** Listens on this machine alone. */
export async function serveViewer({ files, port, whatIf }: ViewerOptions): Promise<Viewer> {
  const script = createPageScript();
  const listed = files.map((file, index) => ({ name: basename(file), url: `/journal/${index}` }));
  const known: Known = { kind: "viewer", open: true, files: listed, whatIf: whatIf !== undefined };
  const server = createServer((request, response) => {
    if (!isOwn(request)) return answer(response, 403, "text/plain", "This viewer is for this machine alone.\n");
    if (request.url === whatIfPath && request.method === "POST" && whatIf !== undefined)
      return ask(whatIf, request, response);
    if (request.method !== "GET") return answer(response, 405, "text/plain", "Only GET is allowed here.\n");
    if (request.url === "/") {
      script()
        .then((text) => answer(response, 200, "text/html; charset=utf-8", renderPage(text, known)))
        .catch((error: unknown) => answer(response, 500, "text/plain", `${String(error)}\n`));
      return;
    }
    const file = files[listed.findIndex(({ url }) => url === request.url)];
    if (file === undefined) return answer(response, 404, "text/plain", "There is nothing here.\n");
    return answerFile(response, file);
  });
  await listenAt(server, { host, port });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${taken}/`,
    [Symbol.asyncDispose]: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

/** A page of another site can call this machine too, by a name that was made to lead here. */
function isOwn({ headers }: IncomingMessage): boolean {
  const { host: asked = "", origin } = headers;
  const name = asked.replace(/:\d{0,5}$/, "");
  return (name === host || name === "localhost") && (origin === undefined || origin === `http://${asked}`);
}

function answer(response: ServerResponse, status: number, type: string, text: string): void {
  const headers = {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  };
  response.writeHead(status, headers);
  response.end(text);
}

/** A question is a workload: a large one has a few megabytes. */
const mostQuestionBytes = 32 * 1024 * 1024;

function ask(whatIf: WhatIf, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > mostQuestionBytes) request.destroy();
    else chunks.push(chunk);
  });
  request.once("end", () => {
    whatIf(Buffer.concat(chunks).toString("utf8"), gone.signal).then(
      (told) => answer(response, 200, "application/json", JSON.stringify(told)),
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        answer(response, 400, "application/json", JSON.stringify({ error: { message } }));
      },
    );
  });
}

/** What breaks off breaks the answer off: the page says that the journal is torn. */
function answerFile(response: ServerResponse, file: string): void {
  const bytes = createReadStream(file);
  bytes.once("error", (error: NodeJS.ErrnoException) => {
    if (!response.headersSent)
      answer(response, 404, "text/plain", `The file cannot be read: ${error.code ?? "unknown"}\n`);
  });
  bytes.once("open", () => {
    response.writeHead(200, {
      "content-type": "application/x-ndjson; charset=utf-8",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    });
    const done = (error: unknown): void => {
      if (error !== undefined && error !== null) response.destroy();
    };
    if (file.endsWith(".gz")) pipeline(bytes, createGunzip(), response, done);
    else pipeline(bytes, response, done);
  });
}
