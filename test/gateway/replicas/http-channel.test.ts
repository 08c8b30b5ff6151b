/** Lines between gateways over real sockets on loopback. */

import { once } from "node:events";
import { createServer } from "node:http";
import { connect as connectTo, type AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Channel } from "../../../src/gateway/replicas/channel.ts";
import { createConnect, createUpgrade, wantsChannel } from "../../../src/gateway/replicas/http-channel.ts";

const key = "a key that two gateways share";

/** A server that answers each channel's lines with the same lines, turned round. */
async function startServer(accept?: (channel: Channel) => void): Promise<string> {
  const echo = (channel: Channel): void =>
    channel.listen({ onLine: (line) => channel.send([...line].toReversed().join("")), onClose: () => {} });
  const server = createServer({ shouldUpgradeCallback: wantsChannel }, (_request, response) => response.end("plain"));
  server.on("upgrade", createUpgrade(key, accept ?? echo));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const patient = (): AbortSignal => new AbortController().signal;

describe("a channel over HTTP", () => {
  test("carries lines as they are, in order, however long", async () => {
    const address = await startServer();
    const channel = await createConnect(key)(address, patient());
    const lines = ["one", "zwei: ü", `${"long ".repeat(100_000)}end`, "four"];
    const heard: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    channel.listen({
      onLine: (line) => {
        heard.push(line);
        if (heard.length === lines.length) resolve();
      },
      onClose: resolve,
    });
    for (const line of lines) channel.send(line);
    await promise;
    channel.close();
    expect(heard.map((line) => [...line].toReversed().join(""))).toEqual(lines);
  });

  test("tells when the other side is gone", async () => {
    const address = await startServer((channel) => {
      channel.listen({ onLine: () => channel.close(), onClose: () => {} });
    });
    const channel = await createConnect(key)(address, patient());
    const closed = new Promise<string>((resolve) =>
      channel.listen({ onLine: () => {}, onClose: () => resolve("closed") }),
    );
    channel.send("go");
    expect(await closed).toBe("closed");
  });

  test.each(["another key", ""])("is not had with %j as the key", async (wrong) => {
    const address = await startServer();
    await expect(createConnect(wrong)(address, patient())).rejects.toThrow(`${address} answered 403`);
  });

  test("keeps no connection of one without the key, although he keeps his own", async () => {
    const { port } = new URL(await startServer());
    const socket = connectTo({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    socket.write("GET /fate/planner HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: fate-planner\r\n\r\n");
    const [said] = (await once(socket, "data")) as [Buffer];
    expect(said.toString()).toMatch(/^HTTP\/1\.1 403 /);
    // Nobody is there to take what is still sent.
    while (!socket.destroyed) {
      socket.write("x");
      await setTimeout(10);
    }
  });

  test("is not had where nobody listens, nor after its time", async () => {
    const address = await startServer();
    const gone = AbortSignal.abort(new Error("too late"));
    await expect(createConnect(key)(address, gone)).rejects.toThrow(/abort|too late/i);
    await expect(createConnect(key)("http://127.0.0.1:1", patient())).rejects.toThrow(/ECONNREFUSED/);
  });

  test("is offered to no other upgrade, which is answered as a plain request", async () => {
    const address = await startServer();
    const { port } = new URL(address);
    const socket = connectTo(Number(port), "127.0.0.1");
    socket.write("GET /fate/planner HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n");
    let answer = "";
    for await (const bytes of socket) answer += String(bytes);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  test("ends when a line does not end", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const address = await startServer((channel) => channel.listen({ onLine: () => {}, onClose: resolve }));
    const channel = await createConnect(key)(address, patient());
    channel.listen({ onLine: () => {}, onClose: () => {} });
    channel.send("a".repeat(9 * 1024 * 1024));
    await promise;
  });
});
