import { expect, test } from "vitest";
import { encodeBatch } from "../../../src/gateway/kv-events/encode.ts";
import { encodeSequence, endSequence, parseSequence, type KvEvent } from "../../../src/gateway/kv-events/event.ts";
import { follow } from "../../../src/gateway/kv-events/follow.ts";
import type { FollowOptions, FollowState } from "../../../src/gateway/kv-events/follow-options.ts";
import {
  createKvPublisher,
  type KvPublisher,
  type KvPublisherOptions,
} from "../../../src/gateway/kv-events/publish.ts";
import { createPublisher } from "../../../src/wire/zmtp-publish.ts";
import { createRouter } from "../../../src/wire/zmtp-router.ts";
import { createInbox } from "../../wire/inbox.ts";

const host = "127.0.0.1";
const topic = "kv@pod@llama";
const cleared: KvEvent = { kind: "all-blocks-cleared" };
/** An event that is told from others by a number. */
const stored = (mark: number): KvEvent => ({
  kind: "block-stored",
  blocks: [mark.toString(16).padStart(16, "0")],
  tokens: [mark],
  blockTokens: 1,
});
const payloadOf = (...events: readonly KvEvent[]): Uint8Array => encodeBatch({ atS: 0, events }, "maps");
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Follows and notes: numbers of stored events, and words for the rest. */
function watch(options: Omit<FollowOptions, "topic" | "onEvent" | "onRestart" | "onForget">) {
  const heard: (number | string)[] = [];
  const states = createInbox<FollowState>();
  const arrivals = createInbox<void>();
  const note = (what: number | string): void => {
    heard.push(what);
    arrivals.put();
  };
  const follower = follow({
    wait: soon,
    ...options,
    topic,
    onEvent: (event) => note(event.kind === "block-stored" ? (event.tokens[0] ?? -1) : "cleared"),
    onRestart: () => note("restart"),
    onForget: () => note("forget"),
    onState: (state) => states.put(state),
  });
  const until = async (kind: FollowState["kind"], reason = ""): Promise<FollowState> => {
    for (;;) {
      const state = await states.take();
      if (state.kind === kind && (state.kind === "current" || state.reason.includes(reason))) return state;
    }
  };
  const hear = async (count: number): Promise<void> => {
    while (heard.length < count) await arrivals.take();
  };
  return { follower, heard, until, hear };
}

async function publish(options: Partial<KvPublisherOptions> = {}) {
  const subscribed = createInbox<void>();
  const onSubscribe = (): void => subscribed.put();
  const publisher = await createKvPublisher({ port: 0, topic, encoding: "maps", onSubscribe, ...options });
  return { publisher, subscribed };
}

function addressesOf({ port, replayPort }: KvPublisher) {
  return { address: { host, port }, ...(replayPort === undefined ? {} : { replay: { host, port: replayPort } }) };
}

/** A test whose publishers and followers are disposed of at its end. */
function withStack(
  name: string,
  body: (use: <Opened extends AsyncDisposable>(opened: Opened) => Opened) => Promise<void>,
) {
  test(name, async () => {
    await using stack = new AsyncDisposableStack();
    await body((opened) => stack.use(opened));
  });
}

for (const [encoding, replaysTopic] of [
  ["arrays", false],
  ["maps", true],
] as const)
  withStack(`what was published before comes by replay, then what is live: ${encoding}`, async (use) => {
    const publisher = use((await publish({ replayPort: 0, encoding, replaysTopic })).publisher);
    publisher.publish([stored(1), stored(2)], 1);
    publisher.publish([stored(3)], 2);
    const { follower, heard, until, hear } = watch(addressesOf(publisher));
    use(follower);
    await until("current");
    expect(heard).toEqual([1, 2, 3]);
    publisher.publish([stored(4)], 3);
    await hear(4);
    expect(heard).toEqual([1, 2, 3, 4]);
    expect(follower.counters).toMatchObject({ batches: 3, events: 4, gaps: 0, replays: 1, replayed: 2, restarts: 0 });
  });

withStack("an engine that has published nothing is known whole", async (use) => {
  const { publisher } = await publish({ replayPort: 0 });
  use(publisher);
  const { follower, until } = watch(addressesOf(publisher));
  use(follower);
  await until("current");
  expect(follower.counters).toMatchObject({ batches: 0, replays: 1 });
});

withStack("a gap is closed by replay, in order", async (use) => {
  const { publisher } = await publish({ replayPort: 0 });
  use(publisher);
  const { follower, heard, until, hear } = watch(addressesOf(publisher));
  use(follower);
  await until("current");
  publisher.publish([stored(1)], 1);
  await hear(1);
  publisher.publish([stored(2)], 2, "hold-back");
  publisher.publish([stored(3)], 3, "hold-back");
  publisher.publish([stored(4)], 4);
  expect(await until("stale")).toEqual({ kind: "stale", reason: "asks for what it missed" });
  await until("current");
  publisher.publish([stored(5)], 5);
  await hear(5);
  expect(heard).toEqual([1, 2, 3, 4, 5]);
  expect(follower.counters).toMatchObject({ gaps: 1, replays: 2, restarts: 0 });
});

withStack("what the engine no longer has is missing until its cache is cleared", async (use) => {
  const { publisher } = await publish({ replayPort: 0, bufferSteps: 2 });
  use(publisher);
  for (let mark = 0; mark < 5; mark++) publisher.publish([stored(mark)], mark);
  const { follower, heard, until, hear } = watch(addressesOf(publisher));
  use(follower);
  expect(await until("stale", "batches")).toEqual({ kind: "stale", reason: "batches 0 to 2 are missing" });
  expect(heard).toEqual(["forget", 3, 4]);
  publisher.publish([cleared, stored(6)], 6);
  await until("current");
  await hear(5);
  expect(heard).toEqual(["forget", 3, 4, "cleared", 6]);
});

withStack(
  "without a replay socket: whole from the first batch, stale after a gap, whole after clearing",
  async (use) => {
    const { publisher, subscribed } = await publish();
    use(publisher);
    const { follower, heard, until } = watch(addressesOf(publisher));
    use(follower);
    await until("stale", "no batch has come");
    await subscribed.take();
    publisher.publish([stored(1)], 1);
    await until("current");
    publisher.publish([stored(2)], 2, "hold-back");
    publisher.publish([stored(3)], 3);
    expect(await until("stale")).toEqual({ kind: "stale", reason: "batches 1 to 1 are missing" });
    publisher.publish([cleared], 4);
    await until("current");
    expect(heard).toEqual([1, "forget", 3, "cleared"]);
    expect(follower.counters).toMatchObject({ gaps: 1, replays: 0 });
  },
);

withStack("without a replay socket: an engine that begins anew is noticed by its numbers", async (use) => {
  const first = await publish();
  const { follower, heard, until } = watch(addressesOf(first.publisher));
  use(follower);
  await until("stale", "no batch has come");
  first.publisher.publish([stored(1)], 1);
  await until("current");
  await first.publisher[Symbol.asyncDispose]();
  await until("stale", "not connected");
  const second = await publish({ port: first.publisher.port });
  use(second.publisher);
  await until("stale", "no batch has come");
  second.publisher.publish([stored(2)], 1);
  await until("current");
  expect(heard).toEqual([1, "restart", 2]);
});

for (const [name, marks] of [
  ["fewer", []],
  ["as many", [7]],
  ["more", [7, 8, 9]],
] as const)
  withStack(`an engine that begins anew is noticed by replay, with ${name} batches than before`, async (use) => {
    const first = await publish({ replayPort: 0 });
    const { port, replayPort } = first.publisher;
    const { follower, heard, until } = watch(addressesOf(first.publisher));
    use(follower);
    await until("current");
    first.publisher.publish([stored(1)], 1);
    while (heard.length === 0) await soon();
    await first.publisher[Symbol.asyncDispose]();
    await until("stale", "not connected");
    const second = await publish({ port, ...(replayPort === undefined ? {} : { replayPort }) });
    use(second.publisher);
    for (const mark of marks) second.publisher.publish([stored(mark)], mark);
    await until("current");
    expect(heard).toEqual([1, "restart", ...marks]);
    expect(follower.counters.restarts).toBe(1);
  });

withStack("after a lost connection the same engine goes on where it was", async (use) => {
  const batches = [payloadOf(stored(1)), payloadOf(stored(2))];
  const asked: (bigint | undefined)[] = [];
  const router = use(
    await createRouter({
      port: 0,
      onMessage: async ([empty = new Uint8Array(), start], peer) => {
        const from = parseSequence(start) ?? 0n;
        asked.push(from);
        for (const [index, payload] of batches.entries())
          if (BigInt(index) >= from) await peer.send([empty, encodeSequence(BigInt(index)), payload]);
        await peer.send([empty, encodeSequence(endSequence), new Uint8Array()]);
      },
    }),
  );
  const first = await createPublisher({ port: 0 });
  const { follower, heard, until } = watch({
    address: { host, port: first.port },
    replay: { host, port: router.port },
  });
  use(follower);
  await until("current");
  await first[Symbol.asyncDispose]();
  await until("stale", "not connected");
  batches.push(payloadOf(stored(3)));
  use(await createPublisher({ port: first.port }));
  await until("current");
  expect(heard).toEqual([1, 2, 3]);
  expect(asked).toEqual([0n, 1n]);
  expect(follower.counters.restarts).toBe(0);
});

/** A publisher and a router played by hand: `answers` are the sequence numbers of each replay, and its payload's mark. */
async function play(
  use: <Opened extends AsyncDisposable>(opened: Opened) => Opened,
  answers: readonly (readonly number[])[],
) {
  const publisher = use(await createPublisher({ port: 0 }));
  let turn = 0;
  const router = use(
    await createRouter({
      port: 0,
      onMessage: async ([empty = new Uint8Array()], peer) => {
        const numbers = answers[Math.min(turn, answers.length - 1)] ?? [];
        turn += 1;
        for (const number of numbers)
          await peer.send([empty, encodeSequence(BigInt(number)), payloadOf(stored(number))]);
        await peer.send([empty, encodeSequence(endSequence), new Uint8Array()]);
      },
    }),
  );
  const send = (number: number, payload = payloadOf(stored(number))): void =>
    publisher.send([Buffer.from(topic), encodeSequence(BigInt(number)), payload]);
  return { send, addresses: { address: { host, port: publisher.port }, replay: { host, port: router.port } } };
}

withStack("a batch that comes live after it came by replay is no restart", async (use) => {
  const { send, addresses } = await play(use, [[0, 1]]);
  const { follower, heard, until, hear } = watch(addresses);
  use(follower);
  await until("current");
  for (const number of [1, 2]) send(number);
  await hear(3);
  expect(heard).toEqual([0, 1, 2]);
  // Below what came live over the same connection: the numbers began anew.
  send(0, payloadOf(stored(100)));
  await hear(5);
  expect(heard).toEqual([0, 1, 2, "restart", 100]);
});

withStack("a replay with gaps is asked for again from where it broke off", async (use) => {
  const { addresses } = await play(use, [
    [0, 2],
    [0, 1, 2],
  ]);
  const { follower, heard, until } = watch(addresses);
  use(follower);
  await until("current");
  expect(heard).toEqual([0, 1, 2]);
  expect(follower.counters).toMatchObject({ replays: 2, batches: 3 });
});

withStack("a gap that no replay closes is given up, and what waits is taken", async (use) => {
  const { send, addresses } = await play(use, [[0]]);
  const { follower, heard, until } = watch({ ...addresses, limits: { replays: 2 } });
  use(follower);
  await until("current");
  send(5);
  const state = await until("stale", "did not help");
  expect(state).toEqual({ kind: "stale", reason: "the replay socket did not help: what it sent has gaps" });
  expect(heard).toEqual([0, "forget", 5]);
  send(6);
  send(7, payloadOf(cleared));
  await until("current");
  expect(heard).toEqual([0, "forget", 5, 6, "cleared"]);
  expect(follower.counters).toMatchObject({ replays: 3, gaps: 1 });
});

withStack("what waits for a replay is bounded; what it drops is one more gap", async (use) => {
  const { send, addresses } = await play(use, [[0], [0], [0, 1, 2, 3, 4, 5]]);
  const { follower, heard, until } = watch({ ...addresses, limits: { waitingBatches: 2 } });
  use(follower);
  await until("current");
  for (const number of [2, 3, 4, 5]) send(number);
  await until("current");
  expect(heard).toEqual([0, 1, 2, 3, 4, 5]);
});

withStack("a batch that cannot be read makes stale, and is skipped", async (use) => {
  const { send, addresses } = await play(use, [[]]);
  const { follower, heard, until } = watch(addresses);
  use(follower);
  await until("current");
  send(0);
  send(1, Uint8Array.of(0xc1));
  expect(await until("stale")).toMatchObject({
    reason: "batch 1 cannot be read: byte 0: found the byte 0xc1, expected the start of a value",
  });
  send(2);
  send(3, payloadOf(cleared));
  await until("current");
  expect(heard).toEqual([0, "forget", 2, "cleared"]);
  expect(follower.counters.malformed).toBe(1);
});

withStack("a replay socket that nobody listens on makes stale; live batches still count", async (use) => {
  const { publisher } = await publish();
  use(publisher);
  const closed = await createRouter({ port: 0, onMessage: () => {} });
  await closed[Symbol.asyncDispose]();
  const { follower, heard, until, hear } = watch({
    ...addressesOf(publisher),
    replay: { host, port: closed.port },
    limits: { replays: 3 },
  });
  use(follower);
  await until("stale", "did not help: ECONNREFUSED");
  expect(follower.counters.replays).toBe(3);
  publisher.publish([stored(0)], 1);
  await hear(2);
  expect(heard).toEqual(["forget", 0]);
  // Number 0 is the first batch of all, so nothing is missing.
  await until("current");
});

withStack("an engine that begins anew without its replay socket is heard from its first batch on", async (use) => {
  const first = await publish({ replayPort: 0 });
  const { follower, heard, until, hear } = watch({ ...addressesOf(first.publisher), limits: { replays: 1 } });
  use(follower);
  await until("current");
  for (const mark of [1, 2, 3]) first.publisher.publish([stored(mark)], mark);
  await hear(3);
  await first.publisher[Symbol.asyncDispose]();
  await until("stale", "not connected");
  const second = await publish({ port: first.publisher.port });
  use(second.publisher);
  await until("stale", "did not help");
  second.publisher.publish([stored(4)], 1);
  await until("current");
  expect(heard).toEqual([1, 2, 3, "forget", 4]);
});

withStack("where nothing connects, it is stale with the reason", async (use) => {
  const { publisher } = await publish();
  await publisher[Symbol.asyncDispose]();
  const { follower, until } = watch(addressesOf(publisher));
  use(follower);
  expect(follower.state).toEqual({ kind: "stale", reason: "not connected yet" });
  expect(await until("stale")).toEqual({ kind: "stale", reason: "not connected: ECONNREFUSED" });
});

withStack("disposing in the middle of a replay ends it", async (use) => {
  const publisher = use(await createPublisher({ port: 0 }));
  const asked = createInbox<void>();
  const router = use(await createRouter({ port: 0, onMessage: () => asked.put() }));
  const { follower } = watch({ address: { host, port: publisher.port }, replay: { host, port: router.port } });
  await asked.take();
  await follower[Symbol.asyncDispose]();
  expect(follower.state).toMatchObject({ kind: "stale" });
});
