/** Against libzmq itself, both ways. Left out where its prebuilt addon cannot be loaded. */

import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { ask } from "../../src/wire/zmtp-dealer.ts";
import { createPublisher } from "../../src/wire/zmtp-publish.ts";
import { createRouter } from "../../src/wire/zmtp-router.ts";
import { subscribe } from "../../src/wire/zmtp-subscribe.ts";
import { createInbox } from "./inbox.ts";

type Libzmq = typeof import("zeromq");

const libzmq: Libzmq | undefined = await import("zeromq").catch((error: unknown) => {
  process.stderr.write(`libzmq is not tested against: zeromq cannot be loaded (${String(error)})\n`);
  return undefined;
});

const host = "127.0.0.1";
const never = new AbortController().signal;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const texts = (frames: readonly Uint8Array[]): readonly string[] =>
  frames.map((frame) => Buffer.from(frame).toString());
const portOf = (endpoint: string | null): number => Number(endpoint?.slice(endpoint.lastIndexOf(":") + 1));

/** A test with libzmq's module, and sockets that are closed at its end. */
function withLibzmq(
  name: string,
  body: (zmq: Libzmq, open: <S extends { close(): void }>(socket: S) => S) => Promise<void>,
) {
  test.skipIf(libzmq === undefined)(name, async () => {
    const sockets: { close(): void }[] = [];
    try {
      if (libzmq !== undefined)
        await body(libzmq, (socket) => {
          sockets.push(socket);
          return Object.assign(socket, { linger: 0 });
        });
    } finally {
      for (const socket of sockets) socket.close();
    }
  });
}

withLibzmq("our SUB hears their PUB", async (zmq, open) => {
  // An XPUB is a PUB that tells who subscribes.
  const publisher = open(new zmq.XPublisher());
  await publisher.bind("tcp://127.0.0.1:*");
  const inbox = createInbox<readonly string[]>();
  const connected = createInbox<string>();
  await using stack = new AsyncDisposableStack();
  const subscriber = subscribe({
    address: { host, port: portOf(publisher.lastEndpoint) },
    topics: ["kv@"],
    onMessage: (frames) => inbox.put(texts(frames)),
    onConnect: () => connected.put("connected"),
    onDisconnect: (reason) => connected.put(reason),
  });
  stack.use(subscriber);
  expect(texts(await publisher.receive())).toEqual(["\u0001kv@"]);
  expect(await connected.take()).toBe("connected");
  await publisher.send(["other", "0"]);
  await publisher.send(["kv@pod", "1", "x".repeat(300_000)]);
  await publisher.send(["kv@pod", "2", ""]);
  const [topic, number, payload] = await inbox.take();
  expect([topic, number, payload?.length]).toEqual(["kv@pod", "1", 300_000]);
  expect(await inbox.take()).toEqual(["kv@pod", "2", ""]);
});

withLibzmq("nothing that their PUB sends gets lost once our SUB has heard it", async (zmq, open) => {
  const publisher = open(new zmq.Publisher());
  await publisher.bind("tcp://127.0.0.1:*");
  const inbox = createInbox<readonly string[]>();
  const connected = createInbox<string>();
  await using stack = new AsyncDisposableStack();
  const subscriber = subscribe({
    address: { host, port: portOf(publisher.lastEndpoint) },
    topics: [""],
    onMessage: (frames) => inbox.put(texts(frames)),
    onConnect: () => connected.put("connected"),
    onDisconnect: (reason) => connected.put(reason),
  });
  stack.use(subscriber);
  await connected.take();
  // A publisher drops what it sends before it has read the subscription, and nothing says when it has.
  const first = inbox.take();
  let probed: readonly string[] | undefined;
  while (probed === undefined) {
    await publisher.send(["is anybody there?"]);
    probed = await Promise.race([first, setImmediate(undefined)]);
  }
  for (let count = 0; count < 50; count++) await publisher.send([String(count)]);
  const heard: string[] = [];
  while (heard.at(-1) !== "49") heard.push(...(await inbox.take()).filter((text) => text !== "is anybody there?"));
  expect(heard).toEqual(Array.from({ length: 50 }, (_, count) => String(count)));
});

withLibzmq("their SUB hears our PUB", async (zmq, open) => {
  const subscribed = createInbox<string>();
  await using publisher = await createPublisher({
    port: 0,
    onSubscribe: (topic) => subscribed.put(Buffer.from(topic).toString()),
  });
  const subscriber = open(new zmq.Subscriber());
  subscriber.connect(`tcp://127.0.0.1:${publisher.port}`);
  subscriber.subscribe("kv@a");
  subscriber.subscribe("kv@b");
  expect([await subscribed.take(), await subscribed.take()].toSorted()).toEqual(["kv@a", "kv@b"]);
  publisher.send([bytes("kv@c"), bytes("0")]);
  publisher.send([bytes("kv@a"), bytes("1"), new Uint8Array(70_000)]);
  publisher.send([bytes("kv@b"), bytes(""), bytes("2")]);
  const [topic, number, payload] = await subscriber.receive();
  expect([String(topic), String(number), payload?.length]).toEqual(["kv@a", "1", 70_000]);
  expect(texts(await subscriber.receive())).toEqual(["kv@b", "", "2"]);
});

withLibzmq("our DEALER asks their ROUTER as a REQ would, and gets many answers", async (zmq, open) => {
  const router = open(new zmq.Router());
  await router.bind("tcp://127.0.0.1:*");
  const seen: (readonly string[])[] = [];
  const asked = ask({
    address: { host, port: portOf(router.lastEndpoint) },
    request: [bytes(""), bytes("from 3")],
    idleMs: 10_000,
    signal: never,
    onAnswer: (frames) => {
      seen.push(texts(frames));
      return frames.at(-1)?.length === 0 ? "last" : "more";
    },
  });
  const [peer, empty, request] = await router.receive();
  expect([empty?.length, String(request)]).toEqual([0, "from 3"]);
  for (const answer of ["3", "4", ""]) await router.send([peer ?? null, "", answer]);
  expect(await asked).toEqual({ kind: "answered" });
  expect(seen).toEqual([
    ["", "3"],
    ["", "4"],
    ["", ""],
  ]);
});

withLibzmq("their REQ and their DEALER ask our ROUTER", async (zmq, open) => {
  await using router = await createRouter({
    port: 0,
    onMessage: async (frames, peer) => {
      const [empty, ...request] = frames;
      await peer.send([empty ?? new Uint8Array(), ...request, bytes("answered")]);
    },
  });
  const request = open(new zmq.Request());
  request.connect(`tcp://127.0.0.1:${router.port}`);
  await request.send("one");
  expect(texts(await request.receive())).toEqual(["one", "answered"]);
  await request.send("two");
  expect(texts(await request.receive())).toEqual(["two", "answered"]);
  const dealer = open(new zmq.Dealer({ routingId: "me" }));
  dealer.connect(`tcp://127.0.0.1:${router.port}`);
  await dealer.send(["", "three"]);
  expect(texts(await dealer.receive())).toEqual(["", "three", "answered"]);
});
