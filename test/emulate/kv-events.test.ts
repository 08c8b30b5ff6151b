import { expect, test } from "vitest";
import { decodeBatch } from "../../src/gateway/kv-events/decode.ts";
import { parseSequence, type BlockHash, type KvEvent } from "../../src/gateway/kv-events/event.ts";
import { subscribe } from "../../src/wire/zmtp-subscribe.ts";
import { ask, chatOf, engineOf, other, small, until } from "./support.ts";

const chat = "/v1/chat/completions";

function collect(): { readonly events: KvEvent[]; readonly heads: unknown[]; publish(...message: Message): void } {
  const events: KvEvent[] = [];
  const heads: unknown[] = [];
  return {
    events,
    heads,
    publish: (topic, sequence, payload) => {
      heads.push([topic, sequence]);
      const decoded = decodeBatch(payload);
      if (decoded.kind === "fault") throw new Error(decoded.reason);
      expect([decoded.batch.unknown, decoded.batch.malformed]).toEqual([0, 0]);
      events.push(...decoded.batch.events);
    },
  };
}

type Message = readonly [topic: string, sequence: number, payload: Uint8Array];

/** What is cached by what was told; a block that comes twice or goes without having come is a fault. */
function replay(events: readonly KvEvent[]): ReadonlySet<BlockHash> {
  const cached = new Set<BlockHash>();
  for (const event of events) {
    if (event.kind === "all-blocks-cleared") cached.clear();
    else if (event.kind === "block-removed") for (const block of event.blocks) expect(cached.delete(block)).toBe(true);
    else {
      if (event.parent !== undefined) expect(cached).toContain(event.parent);
      for (const block of event.blocks) {
        expect(cached).not.toContain(block);
        cached.add(block);
      }
    }
  }
  return cached;
}

test.each(["arrays", "maps"] as const)(
  "stored blocks carry the tokens of the text, written as %s",
  async (encoding) => {
    const publisher = collect();
    await using engine = await engineOf({ kvEvents: { publisher, encoding } });
    const prompt = "The quick brown fox. ".repeat(16);
    const answer = await ask(engine.url, chat, chatOf(prompt, { max_tokens: 32, ignore_eos: true }));
    const { tokens } = await ask(engine.url, "/tokenize", { prompt: prompt + answer.choices[0].message.content });
    const stored = publisher.events.flatMap((event) => (event.kind === "block-stored" ? [event] : []));
    expect(stored.flatMap((event) => event.tokens)).toEqual(tokens.slice(0, Math.floor(tokens.length / 16) * 16));
    expect(stored[0]).toMatchObject({ blockTokens: 16, medium: "GPU" });
    expect(stored[1]!.parent).toBe(stored[0]!.blocks.at(-1));
    expect(publisher.heads).toEqual([
      ["kv@engine", 0],
      ["kv@engine", 1],
    ]);
  },
);

test("what the cache gives up is told, whatever gives it up", async () => {
  const publisher = collect();
  const kvBytes = 1100 * other.kvBytesPerToken;
  await using engine = await engineOf({ kvBytes, models: [small, other], kvEvents: { publisher } });
  for (let call = 0; call < 12; call++)
    await ask(engine.url, chat, chatOf(`${call} `.repeat(1000), { max_tokens: 20 }));
  const cached = replay(publisher.events);
  expect(cached.size * 16 * small.kvBytesPerToken).toBeLessThanOrEqual(kvBytes);
  expect(cached.size).toBeGreaterThan(0);
  expect(publisher.events.some((event) => event.kind === "block-removed")).toBe(true);
  await ask(engine.url, "/fate/load", { model: other.id });
  expect(replay(publisher.events).size).toBe(0);
  await ask(engine.url, chat, chatOf("x".repeat(400), { model: other.id }));
  expect(replay(publisher.events).size).toBeGreaterThan(0);
  await engine.faults.die();
  expect(replay(publisher.events).size).toBe(0);
});

test("over ZeroMQ, to whoever subscribes", async () => {
  await using engine = await engineOf({ kvEvents: { port: 0, replayPort: 0, topic: "kv@me" } });
  const messages: Message[] = [];
  let connected = false;
  await using scope = new AsyncDisposableStack();
  const subscription = subscribe({
    address: { host: "127.0.0.1", port: engine.kvPort! },
    topics: ["kv@"],
    onConnect: () => (connected = true),
    onDisconnect: () => {},
    onMessage: ([topic, sequence, payload]) =>
      messages.push([Buffer.from(topic!).toString(), Number(parseSequence(sequence)), payload!]),
  });
  scope.use(subscription);
  await until(() => connected);
  await ask(engine.url, chat, chatOf("x".repeat(400), { max_tokens: 1 }));
  await until(() => messages.length === 1);
  const [topic, sequence, payload] = messages[0]!;
  expect([topic, sequence, engine.kvReplayPort! > 0]).toEqual(["kv@me", 0, true]);
  expect(decodeBatch(payload)).toMatchObject({ batch: { events: [{ kind: "block-stored", blockTokens: 16 }] } });
});
