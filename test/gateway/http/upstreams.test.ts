/** An exchange with an engine that does not come to an answer. */

import { expect, test } from "vitest";
import { createUpstreams } from "../../../src/gateway/http/upstreams.ts";
import { rawEngine } from "./scripted-engine.ts";

/** Says the first piece, and then the others again and again. */
function endless(first: string, again: string) {
  return rawEngine((socket) => {
    socket.write(first);
    const drip = setInterval(() => socket.write(again), 5);
    socket.on("close", () => clearInterval(drip));
  });
}

test.each([
  ["interim answers", "", "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"],
  ["a header", "HTTP/1.1 200 OK\r\nx-long: ", "a"],
  ["nothing", "", ""],
])("ends when an engine says %s without end", async (_, first, again) => {
  await using one = await endless(first, again);
  await using upstreams = createUpstreams({ stallMs: () => 100, connections: 1 });
  const { promise, resolve } = Promise.withResolvers<string>();
  const outgoing = { origin: one.url, path: "/", headers: {}, body: "{}", silentTokens: 0 };
  upstreams.post(outgoing, {
    onHead: (status) => resolve(`status ${status}`),
    onData: () => true,
    onEnd: () => resolve("the end"),
    onError: ({ code }) => resolve(code ?? ""),
  });
  expect(await promise).toBe("UND_ERR_HEADERS_TIMEOUT");
});
