/** Clients that ask for something and then read nothing of it. */

import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { createKeyring } from "../../../src/gateway/config/keys.ts";
import type { RouteHost } from "../../../src/gateway/http/route.ts";
import { listen } from "../../../src/gateway/http/server.ts";
import { openWire, statusesIn } from "./client.ts";

/** More than the system's buffers of both ends hold. */
const page = "x".repeat(64 * 1024 * 1024);
const asked = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

const host = (slowClientMs: number): RouteHost =>
  ({
    listen: { host: "127.0.0.1", port: 0 },
    limits: () => ({
      bodyBytes: 4096,
      heldBytes: 4096,
      bodyValues: 4096,
      headerBytes: 4096,
      connections: 1,
      slowClientMs,
      stallMs: 1000,
      answerMs: 1000,
    }),
    keyring: () => createKeyring({ keys: [] }),
    page: () => page,
  }) satisfies Partial<RouteHost> as Partial<RouteHost> as RouteHost;

test("one who takes nothing of an answer makes room for the next", async () => {
  await using server = await listen(host(200));
  using idler = await openWire(server.port);
  idler.socket.pause();
  idler.write(asked);
  // There is one place.
  for (;;) {
    using next = await openWire(server.port);
    next.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    if (statusesIn(await next.closed()).includes(200)) break;
  }
});

test("one who takes it slowly, for longer than one may take nothing, gets all of it", async () => {
  await using server = await listen(host(500));
  const socket = connect(server.port, "127.0.0.1");
  socket.write(asked.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
  let bytes = 0;
  for await (const piece of socket) {
    bytes += (piece as Buffer).length;
    // In a dozen pauses.
    if (Math.floor(bytes / (page.length / 12)) > Math.floor((bytes - (piece as Buffer).length) / (page.length / 12)))
      await setTimeout(100);
  }
  expect(bytes).toBeGreaterThan(page.length);
});
