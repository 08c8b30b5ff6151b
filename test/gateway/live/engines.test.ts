/** Engines that load, show what they hold, go, come back, and change. */

import { describe, expect, test } from "vitest";
import { EngineFault } from "../../../src/gateway/adapter/engine-fault.ts";
import { embedder, engines, inRoles, Live, llama, Owner, phi, promptOf, settle, stageOf, cut } from "./world.ts";

const never = new AbortController().signal;

describe("a load", () => {
  const loading = (change = {}) => new Live({ cluster: engines("h100"), loads: true, ...change });

  test("makes room, and the share begins when it is over", async () => {
    await using live = loading();
    const call = live.call({ model: phi });
    expect(call.turns).toEqual([]);
    const unload = live.engine("engine-0").take();
    expect([unload.kind, unload.model]).toEqual(["unload", llama]);
    unload.end();
    await settle();
    const load = live.engine("engine-0").take();
    expect([load.kind, load.model]).toEqual(["load", phi]);
    live.pass(3_000_000);
    load.end();
    await settle();
    expect(call.turn).toMatchObject({ engine: "engine-0", waitedUs: 3_000_000 });
    live.finish(call);
  });

  test("that is expected to take long is waited for", async () => {
    const cluster = engines("h100");
    const slow = { ...cluster, hosts: cluster.hosts.map((host) => ({ ...host, loadBytesPerSecond: 3.3e8 })) };
    await using live = loading({ cluster: slow });
    const call = live.call({ model: phi });
    live.engine("engine-0").take().end();
    await settle();
    live.engine("engine-0").take().end();
    await settle();
    live.finish(call);
  });

  test("that fails is tried again, elsewhere if that can be, and given up in the end", async () => {
    await using live = loading({ cluster: engines("h100 h100", { resident: [] }) });
    const call = live.call();
    const tried: string[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      const id = live.engine("engine-0").asked.length > 0 ? "engine-0" : "engine-1";
      tried.push(id);
      live.engine(id).take().fail("no such file");
      await settle();
    }
    expect(tried).toEqual(["engine-0", "engine-1", "engine-1"]);
    expect(call.heard).toEqual(["refused: engine-failed"]);
    expect(call.refusal?.message).toBe("engine-1 could not load llama-3.1-8b: no such file");
    expect(live.of("model-evict").map(({ cause }) => cause)).toEqual(["failed", "failed", "failed"]);
  });

  describe("that has failed twice in a row", () => {
    /** One engine that holds llama, on which phi could not be loaded. */
    const failTwice = async (live: Live, id = "engine-0"): Promise<void> => {
      const call = live.call({ model: phi });
      for (let attempt = 0; attempt < 2; attempt++) {
        const engine = live.engine(id);
        if (engine.asked[0]?.kind === "unload") engine.take().end();
        await settle();
        engine.take().fail("out of memory");
        await settle();
      }
      expect(call.heard).toEqual(["refused: engine-failed"]);
    };

    test("is not tried again for a while: who waits for it is told why, and others have the engine", async () => {
      await using live = loading();
      await failTwice(live);
      live.pass(10_000_000);
      expect(live.call({ model: phi }).refusal).toEqual({
        kind: "engine-failed",
        message: `engine-0 could not load ${phi}: out of memory`,
        retryAfterS: 20,
      });
      const other = live.call();
      expect(live.engine("engine-0").take()).toMatchObject({ kind: "load", model: llama });
      expect([other.heard, live.engine("engine-0").asked]).toEqual([[], []]);
    });

    test("is tried again after that, once", async () => {
      await using live = loading();
      await failTwice(live);
      live.pass(30_000_000);
      const call = live.call({ model: phi });
      live.engine("engine-0").take().fail("out of memory");
      await settle();
      expect([call.heard, live.of("model-load-start").length]).toEqual([["refused: engine-failed"], 3]);
    });

    test("is tried elsewhere", async () => {
      await using live = loading({ cluster: engines("h100 h100") });
      live.driver.engineDown("engine-1");
      await failTwice(live);
      live.driver.engineUp("engine-1");
      const call = live.call({ model: phi });
      await settle();
      expect(live.engine("engine-0").asked).toEqual([]);
      for (const kind of ["unload", "load"]) {
        expect(live.engine("engine-1").asked).toMatchObject([{ kind }]);
        live.engine("engine-1").take().end();
        await settle();
      }
      expect(call.engine).toBe("engine-1");
      live.finish(call);
    });

    test.each(["least-loaded", "greedy-finish", "foresight"])(
      "is not planned there meanwhile, where another engine may take who waits: %s",
      async (policy) => {
        await using live = loading({ cluster: engines("h100 h100"), policy });
        live.driver.engineDown("engine-1");
        await failTwice(live);
        live.driver.engineUp("engine-1");
        const before = live.of("stage-place").length;
        const lost = live.of("stage-lost").length;
        // Behind others it would have waited there until it came up.
        const others = [live.call(), live.call(), live.call()];
        live.pass(1000);
        const calls = [live.call({ model: phi }), live.call({ model: phi })];
        const placed = live.of("stage-place").slice(before);
        const isOf = (key: string): boolean => calls.some((call) => call.key === key);
        const engineOf = ({ shares }: (typeof placed)[number]) => shares[0]?.engine;
        expect(placed.filter(({ stage }) => isOf(stage)).map(engineOf)).not.toContain("engine-0");
        expect(live.of("stage-lost")).toHaveLength(lost);
        for (const { key } of [...others, ...calls]) live.driver.drop(key, "client-gone");
      },
    );

    test("nor anywhere else: who waits for it is told at once", async () => {
      await using live = loading({ cluster: engines("h100 h100") });
      live.driver.engineDown("engine-1");
      await failTwice(live, "engine-0");
      live.driver.engineUp("engine-1");
      live.driver.engineDown("engine-0");
      await failTwice(live, "engine-1");
      live.driver.engineUp("engine-0");
      const call = live.call({ model: phi });
      await settle();
      expect(call.heard).toEqual(["refused: engine-failed"]);
    });

    test("is planned there again once it is there all the same", async () => {
      await using live = loading({ cluster: engines("h100 h100") });
      live.driver.engineDown("engine-1");
      await failTwice(live);
      live.driver.engineUp("engine-1");
      // A first look may show what was so before the load.
      for (const resident of [[], [phi]]) live.driver.sight("engine-0", { resident });
      const call = live.call({ model: phi });
      expect(call.engine).toBe("engine-0");
      live.finish(call);
    });

    test("does not count against the engine, unless nobody was there", async () => {
      await using live = loading();
      await failTwice(live);
      expect(live.outcomes).toEqual([]);
      const call = live.call();
      const fault = {
        kind: "unreachable",
        engine: "engine-0",
        request: "POST /load",
        found: "?",
        expected: "?",
      } as const;
      live.engine("engine-0").take().fail(new EngineFault(fault));
      await settle();
      expect([live.outcomes, call.heard]).toEqual([["engine-0: unreachable"], []]);
    });
  });

  test("that fails voids the shards that run elsewhere", async () => {
    const cluster = engines("h100 h100", { host: "one", resident: [] });
    await using live = loading({ cluster, policy: "greedy-finish-sharded" });
    const call = live.call({ items: 4, outputTokens: 8000 });
    live.engine("engine-0").take().end();
    await settle();
    expect(call.turns.map(({ engine, shares }) => [engine, shares])).toEqual([["engine-0", 2]]);
    const load = live.engine("engine-1").take();
    load.fail("out of memory");
    await settle();
    expect(call.turns[0]?.signal.aborted).toBe(true);
    call.turns[0]?.end({ outputTokens: 200 });
    expect(call.turn).toMatchObject({ engine: "engine-0", attempt: 1, shares: 1 });
    call.turn.end({ outputTokens: 400 });
    expect(live.driver.open()).toBe(0);
  });

  test("that hangs does not keep the driver from closing", async () => {
    const live = loading();
    const call = live.call({ model: phi });
    const { signal } = live.engine("engine-0").take();
    await live[Symbol.asyncDispose]();
    expect(signal.aborted).toBe(true);
    expect(call.heard).toEqual(["refused: draining"]);
    expect(live.engine("engine-0").closed).toBe(true);
  });

  test("ahead of need that fails is not tried again at once", async () => {
    await using live = loading({ cluster: engines("h100 h100"), policy: "fate" });
    live.driver.arrive({ workflow: "flow", reveal: "static" });
    live.driver.reveal(stageOf("flow", { id: "a", outputTokens: 2000 }));
    live.driver.reveal(stageOf("flow", { id: "b", parents: ["a"], model: phi }));
    const owner = new Owner();
    live.driver.ready("flow/a", owner);
    const idle = owner.engine === "engine-0" ? "engine-1" : "engine-0";
    expect(live.of("model-load-start")).toMatchObject([{ engine: idle, model: phi, cause: "prefetch" }]);
    live.engine(idle).take().end();
    await settle();
    live.engine(idle).take().fail("no");
    await settle();
    await settle();
    expect(live.of("model-load-start")).toHaveLength(1);
    live.pass(30_000_000);
    live.driver.engineDown("nobody");
    live.call();
    expect(live.of("model-load-start").length).toBeGreaterThan(1);
    live.driver.cancel("flow");
  });

  test("for a declared workflow comes ahead of need under fate", async () => {
    await using live = loading({ cluster: engines("h100 h100"), policy: "fate" });
    live.driver.arrive({ workflow: "flow", reveal: "static" });
    live.driver.reveal(stageOf("flow", { id: "a", outputTokens: 2000 }));
    live.driver.reveal(stageOf("flow", { id: "b", parents: ["a"], model: phi }));
    const owner = new Owner();
    live.driver.ready("flow/a", owner);
    expect(live.of("model-load-start")).toMatchObject([{ model: phi, cause: "prefetch" }]);
    const { engine } = live.of("model-load-start")[0] as { engine: string };
    expect(owner.engine).not.toBe(engine);
    live.engine(engine).take().end();
    await settle();
    live.engine(engine).take().end();
    await settle();
    owner.turn.end({ outputTokens: 100 });
    const next = new Owner();
    live.driver.ready("flow/b", next);
    expect(next.engine).toBe(engine);
    next.turn.end({ outputTokens: 100 });
    live.driver.end("flow");
  });
});

describe("what an engine shows", () => {
  test("goes before what was thought, but not against what runs there", async () => {
    await using live = new Live({ cluster: engines("h100", { maxResident: 2 }) });
    const call = live.call();
    live.driver.sight("engine-0", { resident: [embedder] });
    expect(live.state("engine-0").residents.map(({ model }) => model)).toEqual([llama, embedder]);
    live.finish(call);
    live.driver.sight("engine-0", { resident: [phi] });
    expect(live.state("engine-0").residents.map(({ model }) => model)).toEqual([phi]);
    live.driver.sight("engine-0", { resident: [] });
    expect(live.state("engine-0").residents).toEqual([]);
    live.driver.sight("engine-0", {});
    live.driver.sight("nobody", { resident: [phi] });
    expect(live.of("model-evict").every(({ cause }) => cause === "observed")).toBe(true);
  });

  test("is not believed where it does not fit beside what it shows too", async () => {
    await using live = new Live({ cluster: engines("h100", { maxResident: 1 }) });
    for (let look = 0; look < 3; look++) live.driver.sight("engine-0", { resident: [llama, phi] });
    expect(live.of("model-load-start")).toEqual([]);
    live.driver.sight("engine-0", { resident: ["unheard-of"] });
    expect(live.state("engine-0").residents).toEqual([]);
  });

  test("may be older than our own load, and does not undo it", async () => {
    await using live = new Live({ cluster: engines("h100", { resident: [] }), loads: true });
    const call = live.call();
    live.driver.sight("engine-0", { resident: [] });
    live.engine("engine-0").take().end();
    await settle();
    live.finish(call);
    live.driver.sight("engine-0", { resident: [] });
    expect(live.state("engine-0").isResident(llama)).toBe(true);
    live.driver.sight("engine-0", { resident: [] });
    expect(live.state("engine-0").isResident(llama)).toBe(false);
  });
});

describe("an engine that goes down", () => {
  test("gives what waits for it to others, and what runs ends there", async () => {
    await using live = new Live({ policy: "round-robin" });
    const calls = [0, 1, 2, 3, 4, 5].map(() => live.call());
    live.driver.engineDown("engine-0");
    live.driver.engineDown("engine-0");
    expect(live.of("engine-drain")).toHaveLength(1);
    expect(live.state("engine-0").running).toHaveLength(2);
    expect(live.state("engine-0").queue).toEqual([]);
    for (const call of calls) live.finish(call);
    expect(calls.map(({ engine }) => engine)).toEqual([
      "engine-0",
      "engine-1",
      "engine-0",
      "engine-1",
      "engine-1",
      "engine-1",
    ]);
    expect(live.of("stage-lost")).toHaveLength(1);
  });

  test("comes back with what it held, but with nothing cached", async () => {
    await using live = new Live({ cluster: engines("h100") });
    const chain = promptOf("same");
    live.finish(live.call({ chain }));
    live.driver.engineDown("engine-0");
    const refused = live.call({ chain });
    expect(refused.heard).toEqual(["refused: no-engine"]);
    live.driver.engineUp("engine-0");
    live.driver.engineUp("engine-0");
    const call = live.call({ chain });
    expect(call.turn.cachedTokens).toBe(0);
    live.finish(call);
    expect(live.of("model-load-start")).toEqual([]);
  });

  test("turns calls away whose only decode engine it was", async () => {
    await using live = new Live({ cluster: inRoles(engines("h100 h100"), "prefill", "decode") });
    live.driver.engineDown("engine-1");
    expect(live.call().heard).toEqual(["refused: no-engine"]);
    live.driver.engineUp("engine-1");
    live.driver.engineDown("engine-0");
    expect(live.call().heard).toEqual(["refused: no-engine"]);
  });

  test("while it loads ends its load, and begins nothing", async () => {
    await using live = new Live({ cluster: engines("h100", { resident: [] }), loads: true });
    const call = live.call();
    live.driver.engineDown("engine-0");
    live.engine("engine-0").take().end();
    await settle();
    expect(call.turns).toEqual([]);
    live.driver.engineUp("engine-0");
    expect(call.turns).toHaveLength(1);
    live.finish(call);
  });
});

describe("another cluster", () => {
  test("keeps what runs, what is held and what is cached on engines that stay", async () => {
    await using live = new Live({ cluster: engines("h100 h100", { maxResident: 2 }) });
    const chain = promptOf("same");
    live.finish(live.call({ chain }));
    const call = live.call();
    live.driver.sight("engine-0", { resident: [llama, embedder] });
    const running = call.engine;
    await live.reshape(engines("h100 h100 h100", { maxResident: 2 }));
    expect(live.state(running).running).toHaveLength(1);
    expect(live.state("engine-0").residents.map(({ model }) => model)).toEqual([llama, embedder]);
    expect([...live.driver.world.state.cluster].map(({ id }) => id)).toEqual(["engine-0", "engine-1", "engine-2"]);
    expect(call.turn.signal.aborted).toBe(false);
    live.finish(call);
    expect(live.call({ chain }).turn.cachedTokens).toBe(999);
  });

  test("tries anew what ran on an engine that is gone or is another", async () => {
    await using live = new Live({ cluster: engines("h100 h100") });
    const [first, second] = [live.call(), live.call()];
    await live.reshape(engines("h100"), ["engine-0"]);
    expect(first.turns[0]?.signal.aborted).toBe(true);
    expect(first.turn).toMatchObject({ attempt: 1, engine: "engine-0" });
    live.finish(first);
    live.finish(second);
  });

  test("comes without loss after the old engines have left", async () => {
    await using live = new Live({ cluster: engines("h100 h100") });
    const calls = [live.call(), live.call(), live.call()];
    const left = live.driver.leave(["engine-0"], never);
    // Only when what runs there has ended.
    const leaves = calls.filter(({ turns }) => turns[0]?.engine === "engine-0");
    expect(leaves.length).toBeGreaterThan(0);
    live.driver.engineUp("engine-0");
    expect(live.state("engine-0").up).toBe(false);
    for (const call of leaves) live.finish(call);
    await left;
    await live.reshape({ ...engines("h100 h100"), engines: engines("h100 h100").engines.slice(1) });
    expect(live.of("stage-drop")).toEqual([]);
    for (const call of calls) if (!leaves.includes(call)) live.finish(call);
    expect(live.driver.open()).toBe(0);
  });

  test("has a call wait that only an engine can serve which is about to leave", async () => {
    await using live = new Live({ cluster: engines("h100") });
    await live.driver.leave(["engine-0"], never);
    const call = live.call();
    expect([call.heard, call.turns]).toEqual([[], []]);
    await live.reshape(engines("h100"), ["engine-0"]);
    expect(call.turn.engine).toBe("engine-0");
    live.finish(call);
  });

  test("turns away what nobody can serve any more", async () => {
    await using live = new Live({ cluster: engines("h100") });
    await live.driver.leave(["engine-0"], never);
    const call = live.call({ model: phi });
    await live.reshape(engines("h100", { models: [llama] }), ["engine-0"]);
    expect(call.heard).toEqual(["refused: no-engine"]);
  });

  test("does not wait longer than it is told to", async () => {
    await using live = new Live({ cluster: engines("h100") });
    const call = live.call();
    const patience = new AbortController();
    const left = live.driver.leave(["engine-0"], patience.signal);
    patience.abort();
    await left;
    expect(call.heard).toEqual(["refused: engine-failed"]);
    expect(call.turn.signal.aborted).toBe(true);
  });

  test("ends a load on an engine that goes, whatever becomes of it", async () => {
    await using live = new Live({ cluster: engines("h100 h100", { resident: [] }), loads: true });
    const call = live.call();
    const load = live.engine("engine-0").take();
    const rest = { ...engines("h100 h100"), engines: engines("h100 h100", { resident: [] }).engines.slice(1) };
    await live.reshape(rest);
    expect(load.signal.aborted).toBe(true);
    load.end();
    await settle();
    live.engine("engine-1").take().end();
    await settle();
    expect(call.turn.engine).toBe("engine-1");
    live.finish(call);
  });
});

describe("the end", () => {
  test("waits for what is open, and takes nothing new", async () => {
    await using live = new Live();
    const call = live.call();
    const drained = live.driver.drain(never);
    expect(live.call().heard).toEqual(["refused: draining"]);
    let over = false;
    void drained.then(() => (over = true));
    await settle();
    expect(over).toBe(false);
    live.finish(call);
    await drained;
  });

  test("comes at once if nothing is open, and by force when its time is up", async () => {
    await using idle = new Live();
    await idle.driver.drain(never);
    await using live = new Live();
    const [running, waiting] = [live.call(), live.call({ workflow: "session" })];
    const patience = new AbortController();
    const drained = live.driver.drain(patience.signal);
    patience.abort();
    await drained;
    expect([running.heard, waiting.heard]).toEqual([["refused: draining"], ["refused: draining"]]);
    running.turn.end({ outputTokens: 3 });
    running.turn.fail(cut);
    expect(live.driver.world.state.workflows.open.size).toBe(0);
  });
});
