/** Who may call: pages of other sites, keys, and tenants. */

import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { generateKey, hashKey } from "../../../src/gateway/config/keys.ts";
import { isTrustedOrigin } from "../../../src/gateway/http/origin.ts";
import { chat, chatPath, errorOf, openWire, post, send, statusesIn } from "./client.ts";
import { engine, entryOf, openBench, openEntryOf } from "./gateway.ts";
import { scriptEngine } from "./scripted-engine.ts";

describe("without keys, who listens on loopback trusts", () => {
  test.each<[host: string | undefined, origin: string | undefined, listen: string, trusted: boolean]>([
    ["localhost:7373", undefined, "127.0.0.1", true],
    ["127.0.0.1:7373", undefined, "127.0.0.1", true],
    ["127.9.9.9", undefined, "127.0.0.1", true],
    ["[::1]:7373", undefined, "::1", true],
    ["LOCALHOST:7373", undefined, "127.0.0.1", true],
    ["localhost.:7373", undefined, "127.0.0.1", true],
    [undefined, undefined, "127.0.0.1", true],
    ["evil.example:7373", undefined, "127.0.0.1", false],
    ["localhost.evil.example", undefined, "127.0.0.1", false],
    ["127.0.0.1.evil.example", undefined, "127.0.0.1", false],
    ["evil-localhost", undefined, "127.0.0.1", false],
    ["127.0.0.1:80@evil.example", undefined, "127.0.0.1", false],
    ["127.0.0.1:evil", undefined, "127.0.0.1", false],
    ["[::2]:7373", undefined, "::1", false],
    ["::ffff:evil", undefined, "::1", false],
    ["", undefined, "127.0.0.1", false],
    ["192.168.0.1:7373", undefined, "127.0.0.1", false],
    ["192.168.0.1:7373", undefined, "0.0.0.0", true],
    ["localhost:7373", "http://localhost:7373", "127.0.0.1", true],
    ["LocalHost:7373", "http://localhost:7373", "127.0.0.1", true],
    ["localhost", "http://localhost:80", "127.0.0.1", true],
    ["[::1]:7373", "http://[::1]:7373", "::1", true],
    ["localhost:7373", "null", "127.0.0.1", false],
    ["localhost:7373", "", "127.0.0.1", false],
    ["localhost:7373", "http://localhost:8080", "127.0.0.1", false],
    ["localhost:7373", "http://localhost", "127.0.0.1", false],
    ["localhost:7373", "http://evil.example", "127.0.0.1", false],
    ["localhost:7373", "http://localhost.:7373", "127.0.0.1", false],
    ["localhost:7373", "file://", "127.0.0.1", false],
    ["evil.example:7373", "http://evil.example:7373", "127.0.0.1", false],
    [undefined, "http://localhost", "127.0.0.1", false],
    ["192.168.0.1:7373", "http://evil.example", "0.0.0.0", false],
  ])("%s, page of %s, at %s: %s", (host, origin, listen, trusted) => {
    const headers = { ...(host === undefined ? {} : { host }), ...(origin === undefined ? {} : { origin }) };
    expect(isTrustedOrigin({ headers }, listen)).toBe(trusted);
  });

  test("nobody else, on any path", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")]);
    for (const path of [chatPath, "/v1/workflows", "/v1/models", "/", "/metrics", "/fate/status"]) {
      const body = path === chatPath ? chat("a") : undefined;
      const answer = await send(bench.url, path, body, { origin: "https://evil.example" });
      expect([answer.status, errorOf(answer).code], path).toEqual([403, "untrusted_origin"]);
    }
    expect(one.stats().calls).toBe(0);
  });
});

describe("with keys", () => {
  const right = generateKey();
  const other = generateKey();
  const settings = `keys: [{ id: a, sha256: ${hashKey(right)}, tenant: ann }, { id: b, sha256: ${hashKey(other)}, tenant: bob }]
tenants: [{ id: ann, maxOpen: 1 }, { id: bob, requestsPerMinute: 2 }]`;

  test("what all tenants do is for operators", async () => {
    await using one = await engine();
    const third = generateKey();
    const keys = settings.replace(
      "tenant: bob }]",
      `tenant: bob }, { id: c, sha256: ${hashKey(third)}, operator: true }]`,
    );
    await using bench = await openBench([entryOf(one, "one")], keys);
    const ask = async (method: string, path: string, key: string): Promise<readonly [number, string | undefined]> => {
      const response = await fetch(bench.url + path, { method, headers: { authorization: `Bearer ${key}` } });
      const text = method === "HEAD" ? "" : await response.text();
      return [response.status, response.ok || text === "" ? undefined : JSON.parse(text).error.code];
    };
    expect(await ask("GET", "/fate/status", right)).toEqual([403, "not_an_operator"]);
    expect(await ask("GET", "/fate/journal", right)).toEqual([403, "not_an_operator"]);
    expect(await ask("GET", "/v1/models", right)).toEqual([200, undefined]);
    expect(await ask("GET", "/fate/status", third)).toEqual([200, undefined]);
    expect(await ask("HEAD", "/fate/journal", third)).toEqual([200, undefined]);
  });

  test("a call needs one that is known, in either of the usual headers", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], settings);
    const cases: readonly (readonly [Record<string, string>, number, string | undefined])[] = [
      [{}, 401, "missing_api_key"],
      [{ authorization: `Bearer ${right}` }, 200, undefined],
      [{ authorization: `bearer  ${right} ` }, 200, undefined],
      [{ "x-api-key": right }, 200, undefined],
      [{ authorization: right }, 401, "invalid_api_key"],
      [{ authorization: `Basic ${right}` }, 401, "invalid_api_key"],
      [{ authorization: `Bearer ${right}x` }, 401, "invalid_api_key"],
      [{ authorization: `Bearer ${right.slice(0, -1)}` }, 401, "invalid_api_key"],
      [{ authorization: "Bearer " }, 401, "invalid_api_key"],
      [{ authorization: "Bearer wrong", "x-api-key": right }, 401, "invalid_api_key"],
      [{ authorization: `Bearer ${hashKey(right)}` }, 401, "invalid_api_key"],
      [{ "x-api-key": "a".repeat(5000) }, 401, "invalid_api_key"],
    ];
    for (const [headers, status, code] of cases) {
      const answer = await send(bench.url, chatPath, chat("a"), headers);
      expect([answer.status, status === 200 ? undefined : errorOf(answer).code], JSON.stringify(headers)).toEqual([
        status,
        code,
      ]);
      if (status === 401) expect(answer.headers["www-authenticate"]).toBe("Bearer");
      expect(answer.text + bench.log.join("")).not.toContain(right);
    }
    await bench.idle();
  });

  test("so does everything but what tells nothing", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], settings);
    for (const path of ["/v1/models", "/v1/workflows", "/fate/status"]) {
      expect((await send(bench.url, path)).status, path).toBe(401);
      const known = path === "/fate/status" ? 403 : 200;
      expect((await send(bench.url, path, undefined, { "x-api-key": right })).status, path).toBe(known);
    }
    for (const path of ["/healthz", "/readyz", "/", "/metrics"])
      expect((await send(bench.url, path)).status, path).toBe(200);
    expect((await send(bench.url, "/")).text).not.toContain(one.url);
    const anthropic = await send(bench.url, "/v1/messages", {});
    expect(JSON.parse(anthropic.text)).toMatchObject({ type: "error", error: { type: "authentication_error" } });
  });

  test("it may come through a proxy of any name, from any site", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], settings);
    const headers = { host: "llm.example", origin: "https://app.example", "x-api-key": right };
    expect((await send(bench.url, chatPath, chat("a"), headers)).status).toBe(200);
    expect((await send(bench.url, "/metrics", undefined, { host: "llm.example" })).status).toBe(403);
  });

  test("one tenant's limits are not the other's, and end with their calls", async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    await using one = await scriptEngine((response) => {
      ask();
      void held.then(() => response.end("{}"));
    });
    await using bench = await openBench([openEntryOf(one, "one")], settings);
    const call = (key: string) => send(bench.url, chatPath, chat("a"), { "x-api-key": key });
    const first = call(right);
    await asked;
    const second = await call(right);
    expect([second.status, errorOf(second).code, second.headers["retry-after"]]).toEqual([
      429,
      "rate_limit_exceeded",
      "1",
    ]);
    await bench.gateway.reload(bench.config([openEntryOf(one, "one")], `${settings}\nlog: { level: warn }`));
    release();
    const bobs = await Promise.all([call(other), call(other), call(other)]);
    expect(bobs.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 429]);
    expect((await first).status).toBe(200);
    await bench.idle();
    expect((await call(right)).status).toBe(200);
    expect((await call(right)).status).toBe(200);
  });

  test("a workflow's name means another workflow to each tenant", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], settings.replace("requestsPerMinute: 2", "maxOpen: 9"));
    for (const key of [right, other, right, other])
      await send(bench.url, chatPath, chat("a"), { "x-api-key": key, "x-workflow-id": "ann/w" });
    await bench.idle();
    await setImmediate();
    const workflows = (await bench.end()).filter((event) => event.kind === "workflow-arrive");
    expect(workflows.map(({ tenant }) => tenant)).toEqual(["ann", "bob"]);
    expect(new Set(workflows.map(({ workflow }) => workflow)).size).toBe(2);
  });
});

describe("a gateway that drains", () => {
  test("ends what is open, takes nothing new, and says why", async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    await using one = await scriptEngine((response) => {
      ask();
      void held.then(() => response.end("{}"));
    });
    await using bench = await openBench([openEntryOf(one, "one")]);
    const first = send(bench.url, chatPath, chat("a"));
    await asked;
    const drained = bench.gateway.drain(new AbortController().signal);
    await expect(send(bench.url, "/healthz")).rejects.toThrow(/ECONNREFUSED|other side closed|socket/i);
    release();
    expect((await first).status).toBe(200);
    await drained;
    await bench.end();
  });

  test("says so on connections that are still open, and closes them", async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    await using one = await scriptEngine((response) => {
      ask();
      void held.then(() => response.end("{}"));
    });
    await using bench = await openBench([openEntryOf(one, "one")]);
    using wire = await openWire(bench.port);
    wire.write(post(chatPath, chat("a")));
    await asked;
    const drained = bench.gateway.drain(new AbortController().signal);
    wire.write(post(chatPath, chat("b")));
    release();
    const said = await wire.closed();
    expect(statusesIn(said)).toEqual([200, 503]);
    expect(said.slice(said.lastIndexOf("HTTP/1.1"))).toMatch(/connection: close[^]*"code":"draining"/);
    await drained;
    expect(one.received).toHaveLength(1);
    await bench.end();
  });

  test("breaks off what takes too long", async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: gone, resolve: leave } = Promise.withResolvers<void>();
    await using one = await scriptEngine((response) => {
      response.on("close", leave);
      ask();
    });
    await using bench = await openBench([openEntryOf(one, "one")]);
    const first = send(bench.url, chatPath, chat("a")).then(
      ({ status }) => status,
      () => "broken",
    );
    await asked;
    await bench.gateway.drain(AbortSignal.abort());
    await bench.end();
    await gone;
    expect(["broken", 503]).toContain(await first);
  });
});
