import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { afterEach, expect, test, vi } from "vitest";
import { encodeCommand, encodeGreeting, encodeHead, encodeReady, type SocketType } from "../../src/wire/zmtp.ts";
import { ZmtpConnection } from "../../src/wire/zmtp-connection.ts";
import { ask } from "../../src/wire/zmtp-dealer.ts";
import { createPublisher, type PublisherOptions } from "../../src/wire/zmtp-publish.ts";
import { createRouter } from "../../src/wire/zmtp-router.ts";
import { subscribe } from "../../src/wire/zmtp-subscribe.ts";
import { createInbox } from "./inbox.ts";

const host = "127.0.0.1";
const bytes = (text: string): Uint8Array => Buffer.from(text);
const texts = (frames: readonly Uint8Array[]): readonly string[] =>
  frames.map((frame) => Buffer.from(frame).toString());
const command = (name: string, data: Uint8Array): Uint8Array => {
  const body = encodeCommand(name, data);
  return Buffer.concat([encodeHead(body.length, "command"), body]);
};
const ready = (type: SocketType): Uint8Array => command("READY", encodeReady(type, new Uint8Array()));

const openPeer = { socketType: "SUB", peers: ["PUB"], onReady: () => {}, onClose: () => {} } as const;

afterEach(() => {
  vi.useRealTimers();
});

/** A TCP server of one connection, played by hand. */
async function playServer(): Promise<AsyncDisposable & { port: number; accepted: Promise<Socket> }> {
  const server = createServer();
  server.listen(0, host);
  await once(server, "listening");
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket.on("error", () => {})));
  const accepted = once(server, "connection").then(([socket]) => socket as Socket);
  return {
    port: (server.address() as AddressInfo).port,
    accepted,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

/** Resolves once the socket has sent `what`; drops all up to there. */
async function expectBytes(socket: Socket, what: Uint8Array): Promise<void> {
  let seen = Buffer.alloc(0);
  for await (const [piece] of eventsOf(socket)) {
    seen = Buffer.concat([seen, piece]);
    if (seen.includes(what)) return;
  }
}

async function* eventsOf(socket: Socket): AsyncGenerator<[Buffer]> {
  for (;;) yield (await once(socket, "data")) as [Buffer];
}

async function publishTo(options: Partial<PublisherOptions> = {}) {
  const subscribed = createInbox<string>();
  const publisher = await createPublisher({
    port: 0,
    ...options,
    onSubscribe: (topic) => subscribed.put(Buffer.from(topic).toString()),
  });
  return { publisher, subscribed };
}

test("a subscriber gets what it asked for and nothing else", async () => {
  const { publisher, subscribed } = await publishTo();
  await using stack = new AsyncDisposableStack();
  stack.use(publisher);
  const inbox = createInbox<readonly string[]>();
  const subscriber = subscribe({
    address: { host, port: publisher.port },
    topics: ["kv@a", "kv@b"],
    onMessage: (frames) => inbox.put(texts(frames)),
    onConnect: () => {},
    onDisconnect: () => {},
  });
  stack.use(subscriber);
  expect([await subscribed.take(), await subscribed.take()]).toEqual(["kv@a", "kv@b"]);
  for (const topic of ["kv@c", "kv@b/1", "kv", "kv@a"]) publisher.send([bytes(topic), bytes("1")]);
  expect([await inbox.take(), await inbox.take()]).toEqual([
    ["kv@b/1", "1"],
    ["kv@a", "1"],
  ]);
});

test("a subscriber comes back after its publisher did", async () => {
  const first = await publishTo();
  const { port } = first.publisher;
  const connected = createInbox<string>();
  const inbox = createInbox<readonly string[]>();
  await using stack = new AsyncDisposableStack();
  const subscriber = subscribe({
    address: { host, port },
    topics: [""],
    onMessage: (frames) => inbox.put(texts(frames)),
    onConnect: () => connected.put("connected"),
    onDisconnect: (reason) => connected.put(reason),
    wait: () => new Promise((resolve) => setImmediate(resolve)),
  });
  stack.use(subscriber);
  expect(await connected.take()).toBe("connected");
  await first.publisher[Symbol.asyncDispose]();
  expect(await connected.take()).not.toBe("connected");
  const second = await publishTo({ port });
  stack.use(second.publisher);
  await second.subscribed.take();
  second.publisher.send([bytes("again")]);
  expect(await inbox.take()).toEqual(["again"]);
});

test("the pause between attempts doubles up to its bound, and disposing ends it", async () => {
  const closed = await publishTo();
  const { port } = closed.publisher;
  await closed.publisher[Symbol.asyncDispose]();
  const pauses = createInbox<number>();
  let waits = 0;
  const subscriber = subscribe({
    address: { host, port },
    topics: [""],
    onMessage: () => {},
    onConnect: () => {},
    onDisconnect: () => {},
    backoffMs: { first: 10, most: 35 },
    wait: (ms, signal) => {
      pauses.put(ms);
      waits += 1;
      if (waits < 4) return Promise.resolve();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    },
  });
  const seen = [await pauses.take(), await pauses.take(), await pauses.take(), await pauses.take()];
  expect(seen).toEqual([10, 20, 35, 35]);
  await subscriber[Symbol.asyncDispose]();
  expect(waits).toBe(4);
});

test("a slow subscriber loses what is beyond the high-water mark, and it is counted", async () => {
  const { publisher, subscribed } = await publishTo({ highWaterMark: 2 });
  await using stack = new AsyncDisposableStack();
  stack.use(publisher);
  const socket = connect(publisher.port, host);
  socket.write(Buffer.concat([encodeGreeting(), ready("SUB"), command("SUBSCRIBE", bytes(""))]));
  await subscribed.take();
  socket.pause();
  const large = new Uint8Array(8 * 1024 * 1024);
  for (let count = 0; count < 6; count++) publisher.send([large]);
  // One is with the kernel and the socket, two wait.
  expect(publisher.dropped).toBe(3);
  let received = 0;
  socket.on("data", (piece) => (received += piece.length));
  socket.resume();
  while (received < 3 * large.length) await once(socket, "data");
  publisher.send([bytes("keeps up")]);
  await expectBytes(socket, bytes("keeps up"));
  expect(publisher.dropped).toBe(3);
  socket.destroy();
});

test("subscriptions as messages, of ZMTP 3.0, and their end", async () => {
  const { publisher, subscribed } = await publishTo();
  await using stack = new AsyncDisposableStack();
  stack.use(publisher);
  const socket = connect(publisher.port, host);
  const greeting = encodeGreeting();
  greeting[11] = 0;
  socket.write(Buffer.concat([greeting, ready("SUB"), encodeHead(2, "last"), bytes("\u0001a")]));
  expect(await subscribed.take()).toBe("a");
  socket.write(Buffer.concat([encodeHead(2, "last"), bytes("\u0001b"), encodeHead(2, "last"), bytes("\u0000a")]));
  socket.write(Buffer.concat([encodeHead(2, "last"), bytes("\u0001c")]));
  expect([await subscribed.take(), await subscribed.take()]).toEqual(["b", "c"]);
  publisher.send([bytes("a1")]);
  publisher.send([bytes("b1")]);
  await expectBytes(socket, Buffer.concat([encodeHead(2, "last"), bytes("b1")]));
  socket.destroy();
});

test("a PING is answered with what came with it", async () => {
  const { publisher } = await publishTo();
  await using stack = new AsyncDisposableStack();
  stack.use(publisher);
  const socket = connect(publisher.port, host);
  socket.write(Buffer.concat([encodeGreeting(), ready("SUB"), command("PING", bytes("\u0000\u0001here"))]));
  await expectBytes(socket, command("PONG", bytes("here")));
  socket.destroy();
});

test("one who asks again and again and reads no answer is not answered for ever", async () => {
  const unread = new Duplex({ read: () => {}, write: () => {} });
  const socket = Object.assign(unread, { setNoDelay: () => unread, setKeepAlive: () => unread }) as unknown as Socket;
  const { promise, resolve } = Promise.withResolvers<void>();
  const onMessage = (): void => resolve();
  const connection = new ZmtpConnection(socket, { ...openPeer, onMessage });
  const ping = command("PING", bytes("\u0000\u0001sixteen bytes ..."));
  unread.push(Buffer.concat([encodeGreeting(), ready("PUB"), ...Array.from({ length: 20_000 }, () => ping)]));
  unread.push(Buffer.concat([encodeHead(1, "last"), bytes("a")]));
  await promise;
  expect(unread.writableLength).toBeLessThan(unread.writableHighWaterMark + 100);
  connection.close("enough");
});

test("a silent peer is asked, then given up", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  await using server = await playServer();
  const events = createInbox<string>();
  await using stack = new AsyncDisposableStack();
  const subscriber = subscribe({
    address: { host, port: server.port },
    topics: [],
    heartbeatMs: 1000,
    onMessage: () => {},
    onConnect: () => events.put("connected"),
    onDisconnect: (reason) => events.put(reason),
    wait: (_ms, signal) => new Promise((_resolve, reject) => signal.addEventListener("abort", reject)),
  });
  stack.use(subscriber);
  const socket = await server.accepted;
  const ping = command("PING", new Uint8Array(2));
  const asked = expectBytes(socket, ping);
  socket.write(Buffer.concat([encodeGreeting(), ready("PUB")]));
  await asked;
  socket.write(command("PONG", bytes("")));
  expect(await events.take()).toBe("connected");
  // As long as it answers it is never given up.
  for (let beat = 0; beat < 4; beat++) {
    const askedAgain = expectBytes(socket, ping);
    vi.advanceTimersByTime(1000);
    await askedAgain;
    socket.write(Buffer.concat([command("PONG", bytes("")), command("PING", bytes("\u0000\u0000seen"))]));
    await expectBytes(socket, command("PONG", bytes("seen")));
  }
  vi.advanceTimersByTime(3000);
  expect(await events.take()).toBe("the peer is silent");
});

test.each([
  [
    "another kind of socket",
    Buffer.concat([encodeGreeting(), ready("ROUTER")]),
    "found a ROUTER socket, expected PUB or XPUB",
  ],
  [
    "a message too early",
    Buffer.concat([encodeGreeting(), Buffer.of(0, 0)]),
    "found a message, expected READY before it",
  ],
  ["two READYs", Buffer.concat([encodeGreeting(), ready("XPUB"), ready("XPUB")]), "found a second READY, expected one"],
  ["an ERROR", Buffer.concat([encodeGreeting(), command("ERROR", bytes("\u0003no!"))]), "the peer says: no!"],
  ["noise", bytes("SSH-2.0"), "found a greeting that begins with 83, expected ZMTP's 255"],
])("%s closes the connection with a reason", async (_, sent, reason) => {
  await using server = await playServer();
  const gone = createInbox<string>();
  await using stack = new AsyncDisposableStack();
  const subscriber = subscribe({
    address: { host, port: server.port },
    topics: [],
    onMessage: () => {},
    onConnect: () => {},
    onDisconnect: (why) => gone.put(why),
    wait: (_ms, signal) => new Promise((_resolve, reject) => signal.addEventListener("abort", reject)),
  });
  stack.use(subscriber);
  const socket = await server.accepted;
  socket.write(sent);
  expect(await gone.take()).toBe(reason);
});

test("answers of a ROUTER go to the one who asked, one after the other", async () => {
  await using router = await createRouter({
    port: 0,
    onMessage: async (frames, peer) => {
      for (let count = 1; count <= 3; count++) await peer.send([...frames, Uint8Array.of(count)]);
    },
  });
  const answers = async (name: string) => {
    const seen: string[] = [];
    const asked = await ask({
      address: { host, port: router.port },
      request: [bytes(""), bytes(name)],
      idleMs: 10_000,
      signal: new AbortController().signal,
      onAnswer: ([empty, who, count]) => {
        seen.push(`${empty?.length} ${Buffer.from(who ?? []).toString()} ${count?.[0]}`);
        return count?.[0] === 3 ? "last" : "more";
      },
    });
    return { asked, seen };
  };
  const [left, right] = await Promise.all([answers("left"), answers("right")]);
  expect(left).toEqual({ asked: { kind: "answered" }, seen: ["0 left 1", "0 left 2", "0 left 3"] });
  expect(right).toEqual({ asked: { kind: "answered" }, seen: ["0 right 1", "0 right 2", "0 right 3"] });
});

test("a question without an answer ends by time or by being given up", async () => {
  await using router = await createRouter({ port: 0, onMessage: () => {} });
  const address = { host, port: router.port };
  const question = { address, request: [bytes("")], onAnswer: () => "last" as const };
  const never = new AbortController().signal;
  const late = await ask({ ...question, idleMs: 1, signal: never });
  expect(late).toEqual({ kind: "failed", reason: "no answer within 1 ms" });
  const given = await ask({ ...question, idleMs: 10_000, signal: AbortSignal.abort() });
  expect(given).toEqual({ kind: "failed", reason: "no longer wanted" });
});

test("a server takes so many connections and no more", async () => {
  const { publisher, subscribed } = await publishTo({ maxConnections: 1 });
  await using stack = new AsyncDisposableStack();
  stack.use(publisher);
  const first = connect(publisher.port, host);
  first.write(Buffer.concat([encodeGreeting(), ready("SUB"), command("SUBSCRIBE", bytes(""))]));
  await subscribed.take();
  const second = connect(publisher.port, host);
  second.on("error", () => {});
  await once(second, "close");
  expect(publisher.subscribers).toBe(1);
  first.destroy();
});
