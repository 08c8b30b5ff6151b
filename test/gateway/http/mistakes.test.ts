/** Mistakes of our own: the request that meets one is told so, and the process goes on. */

import { describe, expect, test } from "vitest";
import { createKeyring } from "../../../src/gateway/config/keys.ts";
import type { RouteHost } from "../../../src/gateway/http/route.ts";
import { createReadBody } from "../../../src/gateway/http/read-body.ts";
import { listen } from "../../../src/gateway/http/server.ts";
import { chat, chatPath, errorOf, send } from "./client.ts";
import { engine, entryOf, openBench } from "./gateway.ts";

const mistake = (): never => {
  throw new Error("secret of the house");
};

function brokenHost(faults: unknown[]): RouteHost {
  return {
    listen: { host: "127.0.0.1", port: 0 },
    limits: () => ({
      bodyBytes: 4096,
      heldBytes: 4096,
      bodyValues: 4096,
      headerBytes: 4096,
      connections: 10,
      slowClientMs: 1000,
      stallMs: 1000,
      answerMs: 1000,
    }),
    readBody: createReadBody(() => ({ bodyBytes: 4096, heldBytes: 4096, bodyValues: 4096 })),
    keyring: () => createKeyring({ keys: [] }),
    calls: { handle: mistake, sweep: mistake },
    declared: () => ({
      handle: ({ method }) => (method === "GET" ? mistake() : Promise.reject(new Error("later"))),
      open: () => 0,
      recover: () => Promise.resolve(0),
      drain: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
    models: mistake,
    metrics: mistake,
    isReady: mistake,
    status: mistake,
    page: mistake,
    journal: mistake,
    onFault: (error) => void faults.push(error),
  };
}

describe("a mistake", () => {
  test.each([
    ["POST", chatPath],
    ["POST", "/v1/workflows"],
    ["GET", "/v1/workflows"],
    ["GET", "/"],
    ["GET", "/v1/models"],
    ["GET", "/metrics"],
    ["GET", "/readyz"],
    ["GET", "/fate/status"],
  ])("on the way of %s %s is 500, and tells nothing of itself", async (method, path) => {
    const faults: unknown[] = [];
    await using server = await listen(brokenHost(faults));
    const answer = await send(server.url, path, method === "POST" ? {} : undefined, {}, method);
    expect([answer.status, errorOf(answer).code, errorOf(answer).type]).toEqual([500, "internal", "server_error"]);
    expect(answer.text).not.toContain("secret");
    expect(faults).toHaveLength(1);
    expect((await send(server.url, "/healthz")).text).toBe("ok\n");
  });

  test("in the driver costs one call, of which nothing stays open", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")]);
    const { driver } = bench.gateway;
    const { ready } = driver;
    Object.assign(driver, { ready: mistake });
    const answer = await send(bench.url, chatPath, chat("a", { workflow: { id: "w" } }));
    expect([answer.status, errorOf(answer).code]).toEqual([500, "internal"]);
    Object.assign(driver, { ready });
    expect((await send(bench.url, chatPath, chat("a", { workflow: { id: "w", final: true } }))).status).toBe(200);
    expect(bench.log.filter((line) => line.includes("request-failed"))).toHaveLength(1);
    await bench.idle();
    await bench.end();
  });
});
