/** What clients do wrong, and too many of them: capacity comes free again, and who is turned away is told why. */

import { describe, expect, test } from "vitest";
import { hashKey } from "../../../src/gateway/config/keys.ts";
import { engine, entryOf, openBench } from "../http/gateway.ts";
import { closeDown, storm, tally, textsOf, trials, trialsOf } from "./storm.ts";

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
  test("costs none of them", async () => {
    const all = trialsOf("reload");
    await using one = await engine({ id: "one", speed: 20 });
    await using two = await engine({ id: "two", speed: 20 });
    await using quick = await engine({ id: "one" });
    const texts = await textsOf(quick, all);
    const key = `keys: [{ id: a, sha256: ${hashKey("a-key-of-twenty-characters")} }]`;
    const more = `{ id: b, sha256: ${hashKey("another-key-of-twenty-characters")} }]`;
    const first = entryOf(one, "one", ", speed: 20");
    const second = entryOf(two, "two", ", speed: 20");
    await using bench = await openBench([first], `${settings}\n${key}`);
    const configs = [
      bench.config([first, second]),
      bench.config([second]),
      bench.config([second, first], `${settings}\n${key.replace("]", `, ${more}`)}`),
      bench.config([first, second.replace("speed: 20", "speed: 20, maxSequences: 8")], `${settings}\n${key}`),
      bench.config([first], `${settings}\n${key}\npolicy: round-robin`),
    ];
    const storming = storm(bench.url, all, 10);
    for (const config of configs) await bench.gateway.reload(config);
    expect(tally(await storming, texts, []).answered).toBe(trials);
    await closeDown(bench, [one, two]);
  });
});
