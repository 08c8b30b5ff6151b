/** What becomes of a stage: from ready to its end, through failures, pairs and shards. */

import { describe, expect, test } from "vitest";
import { cut, embedder, engines, inRoles, Live, llama, phi, promptOf, rejected, stageOf, Owner } from "./world.ts";

describe("a call", () => {
  test("runs where there is room, and its stage ends with it", async () => {
    await using live = new Live();
    const call = live.call();
    expect(call.engine).toBe("engine-0");
    expect(call.turn).toMatchObject({ phase: "whole", attempt: 0, share: 0, shares: 1, waitedUs: 0 });
    live.finish(call, 42);
    expect(live.of("stage-end")).toMatchObject([{ stage: call.key, attempt: 0, outputTokens: 42 }]);
    expect(live.driver.world.state.workflows.open.size).toBe(0);
  });

  test("streams: its prompt is in when its first token comes, told once", async () => {
    await using live = new Live();
    const call = live.call();
    live.pass(50_000);
    call.turn.firstToken();
    call.turn.firstToken();
    live.finish(call);
    expect(live.of("prefill-end").map(({ atUs }) => atUs)).toEqual([50_000]);
    expect(live.of("decode-end").map(({ atUs }) => atUs)).toEqual([1_050_000]);
  });

  test("that is answered in one piece teaches nothing of its prompt, however finely time passes", async () => {
    await using live = new Live({ cluster: engines("h100") });
    let us = 0;
    Object.defineProperty(live, "atUs", { get: () => (us += 1) });
    for (let index = 0; index < 3; index++) {
      const call = live.call();
      us += 20_000_000;
      call.turn.end({ outputTokens: 100 });
      live.endWorkflow(call);
    }
    const { prefill, decode, samples } = live.driver.learned("engine-0", llama);
    expect([prefill, samples]).toEqual([1, { load: 0, prefill: 0, decode: 3 }]);
    expect(decode).toBeGreaterThan(1);
    const [began, ended] = [live.of("prefill-end"), live.of("decode-end")].map((told) => told.map(({ atUs }) => atUs));
    expect(began).toEqual(ended);
  });

  test("of a pair, answered in one piece, teaches what its decode engine took", async () => {
    const learnt = async (streams: boolean) => {
      await using live = new Live({ cluster: inRoles(engines("h100 h100"), "prefill", "decode") });
      for (let index = 0; index < 3; index++) {
        const call = live.call();
        live.pass(500_000);
        call.turn.handedOver();
        if (streams) call.turn.firstToken();
        live.pass(2_000_000);
        call.turn.end({ outputTokens: 100 });
        live.endWorkflow(call);
      }
      return ["engine-0", "engine-1"].map((id) => live.driver.learned(id, llama));
    };
    const [prefills, decodes] = await learnt(false);
    expect([prefills?.samples, decodes?.samples]).toMatchObject([
      { prefill: 3, decode: 0 },
      { prefill: 0, decode: 3 },
    ]);
    expect([prefills, decodes]).toEqual(await learnt(true));
  });

  test("whose first token comes at the very beginning is told once too", async () => {
    await using live = new Live();
    const call = live.call();
    call.turn.firstToken();
    call.turn.end({ outputTokens: 1 });
    expect(live.of("prefill-end")).toHaveLength(1);
  });

  test("that is over as soon as it begins leaves room for the next", async () => {
    await using live = new Live();
    for (let index = 0; index < 5; index++) {
      live.driver.arrive({ workflow: `w${index}`, reveal: "online" });
      live.driver.reveal(stageOf(`w${index}`));
      const owner = new Owner();
      owner.onTurn = (turn) => turn.end({ outputTokens: 1 });
      live.driver.ready(`w${index}/s`, owner);
      expect(live.driver.open()).toBe(0);
    }
  });

  test("finds the prompt that an earlier one left behind", async () => {
    await using live = new Live({ cluster: engines("h100") });
    const chain = promptOf("same");
    const first = live.call({ chain });
    expect(first.turn.cachedTokens).toBe(0);
    live.finish(first);
    // The last token of a prompt is always computed.
    expect(live.call({ chain }).turn.cachedTokens).toBe(999);
    live.driver.prefixGone("engine-0", llama);
    expect(live.call({ chain }).turn.cachedTokens).toBe(0);
  });

  test("that embeds ends with its prompt", async () => {
    await using live = new Live({ cluster: engines("h100", { resident: [embedder] }) });
    const call = live.call({ model: embedder, kind: "embed" });
    live.finish(call, 0);
    expect(live.of("decode-start")).toEqual([]);
    expect(live.of("stage-end")).toHaveLength(1);
  });

  test("that cannot even be begun is turned away, and the others go on", async () => {
    await using live = new Live();
    live.driver.arrive({ workflow: "bad", reveal: "online" });
    live.driver.reveal(stageOf("bad"));
    const owner = new Owner();
    owner.onTurn = () => {
      throw new Error("no body");
    };
    live.driver.ready("bad/s", owner);
    expect(owner.heard).toEqual(["refused: engine-failed"]);
    expect(live.faults).toEqual(["call: no body"]);
    live.finish(live.call());
  });
});

describe("a failure", () => {
  test("sends the call elsewhere if somebody else could take it", async () => {
    await using live = new Live();
    const call = live.call();
    const [first] = call.turns;
    call.turn.fail(cut);
    expect(first?.signal.aborted).toBe(true);
    expect(call.turn).toMatchObject({ engine: "engine-1", attempt: 1 });
    expect(live.of("stage-lost")).toMatchObject([{ attempt: 0, reason: "engine-failed", avoid: "engine-0" }]);
    live.finish(call);
    expect(live.outcomes).toEqual(["engine-0: cut", "engine-1: ended"]);
  });

  test("is tried again on the same engine if there is nobody else, four times in all", async () => {
    await using live = new Live({ cluster: engines("h100") });
    const call = live.call();
    for (let attempt = 0; attempt < 4; attempt++) {
      expect(call.turn).toMatchObject({ engine: "engine-0", attempt });
      call.turn.fail(cut);
    }
    expect(call.heard).toEqual(["refused: engine-failed"]);
    expect(live.of("stage-lost").map(({ avoid }) => avoid)).toEqual([undefined, undefined, undefined]);
    expect(live.of("stage-drop")).toMatchObject([{ attempt: 3, reason: "failed" }]);
  });

  test("is forgiven once nobody else who could take the call is up", async () => {
    await using live = new Live();
    const call = live.call();
    call.turn.fail(cut);
    live.driver.engineDown("engine-1");
    expect(live.of("stage-forgive")).toEqual([]);
    call.turn.fail(cut);
    expect(live.of("stage-forgive")).toMatchObject([{ stage: call.key }]);
    expect(call.turn).toMatchObject({ engine: "engine-0", attempt: 2 });
    live.finish(call);
  });

  test("is forgiven too where nobody at all is up, and whoever is back first takes the call", async () => {
    await using live = new Live();
    const call = live.call({ patient: true });
    call.turn.fail(cut);
    live.driver.engineDown("engine-0");
    live.driver.engineDown("engine-1");
    call.turn.fail(cut);
    expect(call.heard).toEqual([]);
    live.driver.engineUp("engine-0");
    expect(call.turn).toMatchObject({ engine: "engine-0" });
    live.finish(call);
    expect(live.of("stage-forgive")).toHaveLength(1);
  });

  test("is forgiven if the others leave for good", async () => {
    await using live = new Live();
    const call = live.call({ patient: true });
    call.turn.fail(cut);
    live.driver.engineDown("engine-1");
    live.driver.engineDown("engine-0");
    await live.reshape(engines("h100"));
    call.turn.fail(cut);
    live.driver.engineUp("engine-0");
    expect(call.turn).toMatchObject({ engine: "engine-0" });
    live.finish(call);
  });

  test("does not avoid an engine if only one that decodes for others is left", async () => {
    const cluster = inRoles(engines("h100 h100"), "both", "decode");
    await using live = new Live({ cluster });
    const call = live.call();
    call.turn.fail(cut);
    expect(call.turn).toMatchObject({ engine: "engine-0", attempt: 1 });
  });

  test("for good drops the stage, of which its owner knows", async () => {
    await using live = new Live();
    const call = live.call();
    call.turn.fail(rejected);
    expect(call.heard).toEqual([]);
    expect(live.of("stage-drop")).toMatchObject([{ reason: "refused" }]);
    expect(live.driver.open()).toBe(0);
  });

  test("that is the last straw takes the engine down before it is given anything else", async () => {
    await using live: Live = new Live({
      cluster: engines("h100 h100"),
      onOutcome: (engine, fault) => {
        if (fault !== undefined) live.driver.engineDown(engine);
      },
    });
    const calls = [0, 1, 2, 3, 4].map(() => live.call());
    const failing = calls.find((call) => call.engine === "engine-0");
    failing?.turn.fail(cut);
    expect(live.state("engine-0").up).toBe(false);
    expect(live.of("share-start").filter(({ engine }) => engine === "engine-0")).toHaveLength(2);
  });

  test("that comes from a turn which was taken back changes nothing, nor does its end", async () => {
    await using live = new Live();
    const call = live.call();
    const [first] = call.turns;
    call.turn.fail(cut);
    const before = live.events.length;
    first?.firstToken();
    first?.end({ outputTokens: 7 });
    first?.fail(cut);
    expect(live.events.length).toBe(before);
    live.finish(call);
    const after = live.events.length;
    call.turn.end({ outputTokens: 9 });
    call.turn.fail(cut);
    live.driver.drop(call.key, "client-gone");
    expect(live.events.length).toBe(after);
  });
});

describe("a pair", () => {
  const pairs = () => inRoles(engines("h100 h100 h100 h100"), "prefill", "prefill", "decode", "decode");

  test("takes the prompt in on one engine and decodes on another", async () => {
    await using live = new Live({ cluster: pairs() });
    const call = live.call();
    expect(call.turn).toMatchObject({ engine: "engine-0", phase: "prefill", decodeEngine: "engine-2" });
    live.pass(100_000);
    call.turn.handedOver();
    expect(call.turn).toMatchObject({ engine: "engine-2", phase: "decode", attempt: 0 });
    live.finish(call);
    expect(live.of("share-end").map(({ engine, phase }) => [engine, phase])).toEqual([
      ["engine-0", "prefill"],
      ["engine-2", "decode"],
    ]);
  });

  test("that fails while the prompt is taken in begins anew on another prefill engine", async () => {
    await using live = new Live({ cluster: pairs() });
    const call = live.call();
    call.turn.fail(cut);
    expect(call.turn).toMatchObject({ engine: "engine-1", phase: "prefill", attempt: 1 });
    call.turn.handedOver();
    live.finish(call);
  });

  test("that fails while it decodes begins anew, to be decoded by another", async () => {
    await using live = new Live({ cluster: pairs() });
    const call = live.call();
    call.turn.handedOver();
    call.turn.fail(cut);
    expect(live.of("stage-lost")).toMatchObject([{ avoid: "engine-2" }]);
    expect(call.turn).toMatchObject({ phase: "prefill", decodeEngine: "engine-3", attempt: 1 });
    call.turn.handedOver();
    live.finish(call);
  });

  test("that fails while it decodes does not avoid the only engine that can", async () => {
    await using live = new Live({ cluster: inRoles(engines("h100 h100 h100"), "prefill", "prefill", "decode") });
    const call = live.call();
    call.turn.handedOver();
    call.turn.fail(cut);
    expect(live.of("stage-lost").map(({ avoid }) => avoid)).toEqual([undefined]);
    expect(call.turn).toMatchObject({ phase: "prefill", decodeEngine: "engine-2" });
  });

  test("whose decode engine went down meanwhile begins anew once its prompt is in", async () => {
    await using live = new Live({ cluster: pairs() });
    const call = live.call();
    live.driver.engineDown("engine-2");
    call.turn.handedOver();
    expect(call.turn).toMatchObject({ phase: "prefill", decodeEngine: "engine-3", attempt: 1 });
    call.turn.handedOver();
    live.finish(call);
  });

  test("is dropped on either engine, and what waits behind it goes on", async () => {
    const one = { kind: "batched", maxSequences: 1, prefillTokens: 2048, chunkedPrefill: true } as const;
    const cluster = inRoles(engines("h100 h100", { batching: one }), "prefill", "decode");
    await using live = new Live({ cluster, policy: "greedy-commit" });
    const [first, second, third] = [live.call(), live.call(), live.call()];
    first.turn.handedOver();
    second.turn.handedOver();
    // The second waits for the decode engine, and is counted as waiting.
    expect(second.turns).toHaveLength(1);
    expect(live.driver.waiting()).toBe(1);
    third.turn.handedOver();
    live.driver.drop(second.key, "client-gone");
    live.driver.drop(first.key, "client-gone");
    expect(third.turn.phase).toBe("decode");
    live.finish(third);
  });
});

describe("shards", () => {
  const sharded = () => new Live({ cluster: engines("h100 h100", { host: "one" }), policy: "round-robin+shards" });

  test("of a map stage run side by side, and the stage ends with the last", async () => {
    await using live = sharded();
    const call = live.call({ items: 4, outputTokens: 400 });
    expect(call.turns.map(({ engine, items, shares }) => [engine, items, shares])).toEqual([
      ["engine-0", 2, 2],
      ["engine-1", 2, 2],
    ]);
    live.pass(1000);
    call.turns[1]?.end({ outputTokens: 200 });
    expect(live.of("stage-end")).toEqual([]);
    call.turns[0]?.end({ outputTokens: 200 });
    expect(live.of("stage-end")).toMatchObject([{ outputTokens: 400 }]);
  });

  test("are all void when one fails", async () => {
    await using live = sharded();
    const call = live.call({ items: 4, outputTokens: 400 });
    const [first, second] = call.turns;
    first?.end({ outputTokens: 200 });
    second?.fail(cut);
    expect(call.turns).toHaveLength(3);
    expect(call.turn).toMatchObject({ attempt: 1, engine: "engine-0", shares: 1, items: 4 });
    call.turn.end({ outputTokens: 300 });
    expect(live.of("stage-end")).toMatchObject([{ outputTokens: 300, attempt: 1 }]);
  });

  test("that run are void when one that waits must go elsewhere", async () => {
    await using live = sharded();
    const [here, there] = [live.call(), live.call()];
    live.driver.drop(here.key, "client-gone");
    const call = live.call({ items: 4, outputTokens: 400 });
    // Two of its items fit on the idle engine at once, not beside what runs on the other.
    expect(call.turns.map(({ engine, shares }) => [engine, shares])).toEqual([[here.engine, 2]]);
    live.driver.engineDown(there.engine);
    expect(call.turns[0]?.signal.aborted).toBe(true);
    expect(call.turn).toMatchObject({ attempt: 1, shares: 1 });
    call.turns[0]?.end({ outputTokens: 200 });
    expect(live.of("stage-end")).toEqual([]);
  });
});

describe("a drop", () => {
  test("while the stage waits for parents, for a plan, for its turn, and while it runs", async () => {
    const one = { kind: "batched", maxSequences: 1, prefillTokens: 2048, chunkedPrefill: true } as const;
    await using live = new Live({ cluster: engines("h100", { batching: one }), policy: "greedy-commit" });
    const running = live.call();
    const queued = live.call();
    live.driver.engineDown("engine-0");
    const ready = live.call();
    live.driver.arrive({ workflow: "flow", reveal: "static" });
    live.driver.reveal(stageOf("flow", { id: "a" }));
    live.driver.reveal(stageOf("flow", { id: "b", parents: ["a"] }));
    live.driver.drop("flow/b", "cancelled");
    for (const call of [queued, ready, running]) live.driver.drop(call.key, "client-gone");
    expect(running.turn.signal.aborted).toBe(true);
    expect(live.of("stage-drop").map(({ stage }) => stage)).toEqual([ready.key, "flow/b", queued.key, running.key]);
    // Nobody could have taken it: that one was turned away at once.
    expect(ready.heard).toEqual(["refused: no-engine"]);
  });

  test("of a whole workflow takes what runs last, so that nothing of it begins", async () => {
    const one = { kind: "batched", maxSequences: 1, prefillTokens: 2048, chunkedPrefill: true } as const;
    await using live = new Live({ cluster: engines("h100", { batching: one }), policy: "greedy-commit" });
    live.driver.arrive({ workflow: "flow", reveal: "static" });
    const owners = ["a", "b", "c"].map((id) => {
      live.driver.reveal(stageOf("flow", { id }));
      const owner = new Owner();
      live.driver.ready(`flow/${id}`, owner);
      return owner;
    });
    live.driver.cancel("flow");
    expect(owners.map(({ turns }) => turns.length)).toEqual([1, 0, 0]);
    expect(live.driver.world.state.workflows.open.size).toBe(0);
    live.driver.cancel("flow");
    live.driver.end("flow");
    live.driver.toolEnd("flow/a");
  });
});

test("a tool runs by itself, and its late end changes nothing", async () => {
  await using live = new Live();
  live.driver.arrive({ workflow: "flow", reveal: "static" });
  const { key, workflow, id, parents, priority } = stageOf("flow", { id: "look" });
  live.driver.reveal({ key, workflow, id, parents, priority, kind: "tool", toolUs: 1000 });
  live.driver.toolStart("flow/look");
  live.pass(10);
  live.driver.toolEnd("flow/look");
  live.driver.toolEnd("flow/look");
  expect(live.of("stage-end")).toHaveLength(1);
  live.driver.end("flow");
});

test("engines of two models keep their calls apart", async () => {
  const cluster = engines("h100 h100", { maxResident: 1, resident: [] });
  await using live = new Live({ cluster });
  const [first, second] = [live.call({ model: llama }), live.call({ model: phi })];
  expect([first.engine, second.engine].sort()).toEqual(["engine-0", "engine-1"]);
  live.finish(first);
  live.finish(second);
});
