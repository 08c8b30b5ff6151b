import { expect, test } from "vitest";
import { BlockIndex } from "../../../src/gateway/kv-events/block-index.ts";
import { encodeBatch } from "../../../src/gateway/kv-events/encode.ts";
import { encodeSequence, endSequence, parseSequence, type KvEvent } from "../../../src/gateway/kv-events/event.ts";
import { followEngine, type FollowEngineOptions } from "../../../src/gateway/kv-events/follow-engine.ts";
import type { FollowState } from "../../../src/gateway/kv-events/follow-options.ts";
import { createInbox } from "../../wire/inbox.ts";

type Libzmq = typeof import("zeromq");

const libzmq: Libzmq | undefined = await import("zeromq").catch((error: unknown) => {
  process.stderr.write(`libzmq is not tested against: zeromq cannot be loaded (${String(error)})\n`);
  return undefined;
});

const topic = "kv@pod@llama";
const stored: KvEvent = { kind: "block-stored", blocks: ["00", "01"], tokens: [1, 2, 3, 4], blockTokens: 2 };
const removed: KvEvent = { kind: "block-removed", blocks: ["01"] };

/** Follows as the engine `e` into an index that notes what it tells. */
function followInto(config: FollowEngineOptions["config"]) {
  const told = createInbox<string>();
  const states = createInbox<FollowState>();
  const index = new BlockIndex({
    onGone: (engine, model, link) => told.put(`${engine} ${model} ${link}`),
    onCleared: (engine, model) => told.put(`${engine} ${model} cleared`),
  });
  const onState = (state: FollowState): void => states.put(state);
  return { index, told, states, following: followEngine({ engine: "e", model: "llama", config, index, onState }) };
}

test.each(["tcp://*:5557", "http://127.0.0.1:5557", ""])("the endpoint %j cannot be followed", (endpoint) => {
  const reason = `found the endpoint ${JSON.stringify(endpoint)}, expected one such as tcp://127.0.0.1:5557`;
  expect(followInto({ endpoint, topic }).following).toEqual({ kind: "fault", reason });
  const config = { endpoint: "tcp://127.0.0.1:5557", replay: endpoint, topic };
  expect(followInto(config).following).toEqual({ kind: "fault", reason });
});

test.skipIf(libzmq === undefined)("an engine on libzmq is followed from its first batch into the index", async () => {
  if (libzmq === undefined) return;
  const publisher = new libzmq.Publisher({ linger: 0 });
  const router = new libzmq.Router({ linger: 0 });
  await publisher.bind("tcp://127.0.0.1:*");
  await router.bind("tcp://127.0.0.1:*");
  await using stack = new AsyncDisposableStack();
  stack.defer(() => {
    publisher.close();
    router.close();
  });
  const batches: Uint8Array[] = [];
  const publish = async (event: KvEvent): Promise<void> => {
    const payload = encodeBatch({ atS: batches.length, events: [event], rank: 0 }, "maps");
    await publisher.send([topic, encodeSequence(BigInt(batches.length)), payload]);
    batches.push(payload);
  };
  const serveReplay = async (): Promise<void> => {
    const [peer = null, empty = null, start] = await router.receive();
    const from = Number(parseSequence(start));
    for (const [index, payload] of batches.entries())
      if (index >= from) await router.send([peer, empty, topic, encodeSequence(BigInt(index)), payload]);
    await router.send([peer, empty, "", encodeSequence(endSequence), ""]);
  };
  await publish(stored);
  const { index, told, states, following } = followInto({
    endpoint: publisher.lastEndpoint ?? "",
    replay: router.lastEndpoint ?? "",
    topic,
  });
  expect(following.kind).toBe("following");
  if (following.kind === "following") stack.use(following.follower);
  await serveReplay();
  while ((await states.take()).kind !== "current");
  expect(index.matchTokens("e", "llama", [1, 2, 3, 4, 5])).toBe(4);
  index.learn(
    "llama",
    [
      { hash: 7, tokens: 2 },
      { hash: 8, tokens: 2 },
    ],
    [1, 2, 3, 4],
  );
  await publish(removed);
  expect(await told.take()).toBe("e llama 8");
  expect(index.matchTokens("e", "llama", [1, 2, 3, 4, 5])).toBe(2);
  await publish({ kind: "all-blocks-cleared" });
  expect(await told.take()).toBe("e llama cleared");
  expect(index.matchTokens("e", "llama", [1, 2, 3, 4, 5])).toBe(0);
});
