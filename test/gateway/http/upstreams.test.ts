/** Exchanges with engines that do not come to an answer, or take their time for it. */

import { describe, expect, test } from "vitest";
import { answerTimeout, createUpstreams, type Exchange, type Upstreams } from "../../../src/gateway/http/upstreams.ts";
import { rawEngine } from "./scripted-engine.ts";

/** Says the first piece, and then the others again and again. */
function endless(first: string, again: string) {
  return rawEngine((socket) => {
    socket.write(first);
    const drip = setInterval(() => socket.write(again), 5);
    socket.on("close", () => clearInterval(drip));
  });
}

type Seen = { readonly statuses: number[]; readonly over: Promise<string> };

/** Asks for an answer; `over` is how it ends. `onData` as of a receiver. */
function ask(
  upstreams: Upstreams,
  origin: string,
  streams: boolean,
  onData: (exchange: Exchange) => boolean = () => true,
): Seen {
  const { promise: over, resolve } = Promise.withResolvers<string>();
  const statuses: number[] = [];
  const outgoing = { origin, path: "/", headers: {}, body: "{}", streams, silentTokens: 0 };
  const exchange = upstreams.post(outgoing, {
    onHead: (status) => statuses.push(status),
    onData: () => onData(exchange),
    onEnd: () => resolve("the end"),
    onError: ({ code }) => resolve(code ?? ""),
  });
  return { statuses, over };
}

test.each([
  ["interim answers", "", "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"],
  ["a header", "HTTP/1.1 200 OK\r\nx-long: ", "a"],
  ["nothing", "", ""],
])("ends when an engine says %s without end", async (_, first, again) => {
  await using one = await endless(first, again);
  await using upstreams = createUpstreams({ stallMs: () => 100, answerMs: () => 60_000, connections: 1 });
  const { statuses, over } = ask(upstreams, one.url, false);
  expect([await over, statuses]).toEqual(["UND_ERR_HEADERS_TIMEOUT", []]);
});

describe("an engine that drips its answer", () => {
  const head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
  const failed = head.replace("200 OK", "503 Service Unavailable");

  test.each([
    ["in one piece has as long as it had to begin", head, false, { stallMs: 300, answerMs: 60_000 }],
    ["instead of a stream says that it cannot now: likewise", failed, true, { stallMs: 300, answerMs: 60_000 }],
    ["as a stream has as long as any answer may take", head, true, { stallMs: 5000, answerMs: 300 }],
    ["in one piece has no longer than that either", head, false, { stallMs: 5000, answerMs: 300 }],
  ])("%s", async (_, first, streams, { stallMs, answerMs }) => {
    await using one = await endless(first, "a");
    await using upstreams = createUpstreams({ stallMs: () => stallMs, answerMs: () => answerMs, connections: 1 });
    expect(await ask(upstreams, one.url, streams).over).toBe(answerTimeout);
  });

  test("is given the time for which its client makes it wait", async () => {
    const pieces = 10;
    await using one = await rawEngine((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${pieces}\r\n\r\n`);
      socket.setNoDelay(true);
      let left = pieces;
      const drip = setInterval(() => {
        socket.write("a");
        if (--left === 0) clearInterval(drip);
      }, 5);
    });
    await using upstreams = createUpstreams({ stallMs: () => 400, answerMs: () => 400, connections: 1 });
    let waits = 3;
    const slowly = (exchange: Exchange): boolean => {
      if (waits-- <= 0) return true;
      setTimeout(() => exchange.resume(), 200);
      return false;
    };
    expect(await ask(upstreams, one.url, false, slowly).over).toBe("the end");
  });

  test("as a stream goes on, however much longer it takes than an answer may be silent", async () => {
    const pieces = 60;
    await using one = await rawEngine((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${pieces}\r\n\r\n`);
      let left = pieces;
      const drip = setInterval(() => {
        socket.write("a");
        if (--left === 0) clearInterval(drip);
      }, 10);
    });
    await using upstreams = createUpstreams({ stallMs: () => 200, answerMs: () => 60_000, connections: 1 });
    expect(await ask(upstreams, one.url, true).over).toBe("the end");
  });
});
