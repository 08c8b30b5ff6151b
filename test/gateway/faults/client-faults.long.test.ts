/** What clients do wrong, and too many of them: capacity comes free again, and who is turned away is told why. */

import { describe, expect, test } from "vitest";
import { hashKey } from "../../../src/gateway/config/keys.ts";
import { engine, entryOf, model, openBench } from "../http/gateway.ts";
import { closeDown, storm, tally, textsOf, trials, trialsOf, until, type Seen, type Trial } from "./storm.ts";

const settings = "health: { everyMs: 500, timeoutMs: 500, failures: 1000 }";

describe("clients who go away", () => {
  test.each([
    ["at any moment", 25, 64, 40],
    ["while they wait in the queue", 100, 2, 20],
    ["at once", 50, 64, 1],
  ])("%s", async (name, atOnce, maxSequences, longestMs) => {
    const all = trialsOf(`gone ${name}`, (rng) => (rng.next() < 0.6 ? Math.floor(rng.next() * longestMs) : undefined));
    await using one = await engine({ id: "one", speed: 5, maxSequences });
    await using quick = await engine({ id: "one" });
    const texts = await textsOf(quick, all);
    await using bench = await openBench([entryOf(one, "one", `, maxSequences: ${maxSequences}, speed: 5`)], settings);
    const { answered, left, broken } = tally(await storm(bench.url, all, atOnce), texts, []);
    expect(broken).toBe(0);
    expect(left).toBeGreaterThan(0);
    expect(answered + left).toBe(trials);
    await closeDown(bench, [one]);
  });
});

describe("ten times more calls than there is room for", () => {
  test("some are answered, the others are told to come again, and nobody waits longer than is allowed", async () => {
    const all = trialsOf("overload");
    await using one = await engine({ id: "one", speed: 2, maxSequences: 2 });
    await using quick = await engine({ id: "one" });
    const texts = await textsOf(quick, all);
    await using bench = await openBench(
      [entryOf(one, "one", ", maxSequences: 2, speed: 2")],
      `${settings}\nqueue: { maxWaiting: 20, hardestWaitMs: 100, giveUpMs: 300 }`,
    );
    const seen = await storm(bench.url, all, trials);
    const { answered, refused } = tally(seen, texts, [429, 503]);
    expect(answered + refused).toBe(trials);
    expect(answered).toBeGreaterThan(1);
    const codes = new Set(
      [...seen.values()].flatMap((each) =>
        each.kind === "answer" && each.status !== 200 ? [JSON.parse(each.text).error.code] : [],
      ),
    );
    expect([...codes].filter((code) => code !== "queue_full" && code !== "waited_too_long")).toEqual([]);
    expect(codes).toContain("queue_full");
    const readyUs = new Map<string, number>();
    let longestUs = 0;
    for (const event of await closeDown(bench, [one])) {
      if (event.kind === "stage-ready") readyUs.set(event.stage, event.atUs);
      if (event.kind === "share-start" || event.kind === "stage-drop")
        longestUs = Math.max(longestUs, event.atUs - (readyUs.get(event.stage) ?? 0));
    }
    // Without giving up, the last of them would wait for all others.
    expect(longestUs).toBeLessThan(2_000_000);
  });
});

describe("another configuration while calls are under way", () => {
  test("costs none of them, however often it changes", async () => {
    const all = trialsOf("reload");
    const speed = 20;
    await using one = await engine({ id: "one", speed });
    await using two = await engine({ id: "two", speed });
    await using quick = await engine({ id: "one" });
    const texts = await textsOf(quick, all);
    const ours = `{ id: a, sha256: ${hashKey("a-key-of-twenty-characters")} }`;
    const other = `{ id: b, sha256: ${hashKey("another-key-of-twenty-characters")} }`;
    const keyed = `${settings}\nkeys: [${ours}]`;
    const entry = (of: typeof one, id: string, more = ""): string => entryOf(of, id, `, speed: ${speed}${more}`);
    const first = entry(one, "one");
    const second = entry(two, "two");
    await using bench = await openBench([first], keyed);
    const configs = [
      ["an engine comes", bench.config([first, second])],
      ["an engine goes", bench.config([second])],
      [
        "it comes back, in another place, and a key with it",
        bench.config([second, first], `${settings}\nkeys: [${ours}, ${other}]`),
      ],
      ["an engine has another name", bench.config([entry(one, "uno"), second], keyed)],
      ["both have", bench.config([entry(one, "one"), entry(two, "zwei")], keyed)],
      ["they change names", bench.config([entry(one, "zwei"), entry(two, "one")], keyed)],
      ["an engine takes fewer at once", bench.config([first, entry(two, "two", ", maxSequences: 2")], keyed)],
      [
        "the model has another length and another name",
        bench.config([first, second], `${keyed}\nmodels: [{ id: ${model}, contextTokens: 16384, aliases: [small] }]`),
      ],
      [
        "an engine serves another model too",
        bench.config([first.replace("models: [", "models: [qwen2.5-0.5b, "), second], keyed),
      ],
      ["the policy", bench.config([first, second], `${keyed}\npolicy: round-robin`)],
      ["the policy, back", bench.config([first, second], keyed)],
      ["bounds of the queue", bench.config([first, second], `${keyed}\nqueue: { maxWaiting: 50 }`)],
      [
        "health and tenants",
        bench.config(
          [first, second],
          `${keyed.replace("failures: 1000", "failures: 500")}\ntenants: [{ id: default, maxOpen: 100 }]`,
        ),
      ],
      ["nothing", bench.config([first, second], keyed)],
      ["all at once", bench.config([entry(two, "last", ", maxSequences: 4")], `${keyed}\npolicy: fate`)],
    ] as const;
    const seen = new Map<Trial, Seen>();
    const left = [...all];
    const storms: Promise<unknown>[] = [];
    const make = (most: number): void => void storms.push(storm(bench.url, left.splice(0, most), most, seen));
    let under = 0;
    for (const [, config] of configs) {
      const made = trials - left.length;
      make(6);
      // Each of them with calls under way, unless the machine stood still for as long as those take.
      await until(() => bench.gateway.status().openCalls > 0 || seen.size === made + 6);
      if (bench.gateway.status().openCalls > 0) under += 1;
      await bench.gateway.reload(config);
    }
    expect(under).toBeGreaterThan(configs.length / 2);
    // The journal begins anew with each; these are certain to be in the last.
    make(left.length);
    await Promise.all(storms);
    expect(tally(seen, texts, []).answered).toBe(trials);
    expect(bench.gateway.status().engines.map(({ id }) => id)).toEqual(["last"]);
    await closeDown(bench, [one, two]);
  });
});
