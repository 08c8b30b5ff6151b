import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BlockIndex, type BlockIndexLimits } from "../../../src/gateway/kv-events/block-index.ts";
import type { BlockStored, KvEvent } from "../../../src/gateway/kv-events/event.ts";
import { emptyPrompt, hashExtra, hashTokens } from "../../../src/gateway/kv-events/token-hash.ts";
import type { ChainLink } from "../../../src/model/prefix.ts";

const model = "llama";
const cleared: KvEvent = { kind: "all-blocks-cleared" };

/** An index that notes what it tells. */
function createIndex(limits: Partial<BlockIndexLimits> = {}) {
  const told: string[] = [];
  const index = new BlockIndex({
    limits,
    onGone: (engine, of, link) => told.push(`${engine} ${of} ${link}`),
    onCleared: (engine, of) => told.push(`${engine} ${of} cleared`),
  });
  return { index, told, take: () => told.splice(0) };
}

/** Blocks named by letters, of two tokens each: `store("ab", "cd", [...])` stores a and b after c. */
function store(names: string, tokens: readonly number[], more: Partial<BlockStored> = {}): KvEvent {
  return { kind: "block-stored", blocks: names.split(""), tokens, blockTokens: 2, ...more };
}
const remove = (names: string, more: object = {}): KvEvent => ({
  kind: "block-removed",
  blocks: names.split(""),
  ...more,
});
const chain = (...tokens: readonly number[]): readonly ChainLink[] =>
  tokens.map((each, index) => ({ hash: index + 1, tokens: each }));

test("a prompt matches as far as its blocks are there", () => {
  const { index } = createIndex();
  index.apply("e", model, store("abc", [1, 2, 3, 4, 5, 6]));
  index.apply("e", model, store("d", [7, 8], { parent: "c" }));
  expect(index.matchTokens("e", model, [1, 2, 3, 4, 5, 6, 7, 8, 9])).toBe(8);
  expect(index.matchTokens("e", model, [1, 2, 3, 4, 9, 9])).toBe(4);
  expect(index.matchTokens("e", model, [1, 2, 3])).toBe(2);
  expect(index.matchTokens("e", model, [2, 1])).toBe(0);
  expect(index.matchTokens("other", model, [1, 2])).toBe(0);
  expect(index.matchTokens("e", "other", [1, 2])).toBe(0);
  index.apply("e", model, remove("b"));
  expect(index.matchTokens("e", model, [1, 2, 3, 4, 5, 6])).toBe(2);
  index.apply("e", model, store("b", [3, 4], { parent: "a" }));
  expect(index.matchTokens("e", model, [1, 2, 3, 4, 5, 6])).toBe(6);
});

test("two names of one content: it is gone with the last of them", () => {
  const { index, take } = createIndex();
  index.apply("e", model, store("a", [1, 2]));
  index.apply("e", model, store("b", [1, 2]));
  index.apply("e", model, store("b", [1, 2]));
  index.learn(model, chain(2), [1, 2]);
  index.apply("e", model, remove("aa"));
  expect(index.matchTokens("e", model, [1, 2])).toBe(2);
  expect(take()).toEqual([]);
  index.apply("e", model, remove("b"));
  expect(take()).toEqual(["e llama 1"]);
  expect(index.matchTokens("e", model, [1, 2])).toBe(0);
});

test("blocks after an unknown one, or without tokens, are counted and left out", () => {
  const { index } = createIndex();
  index.apply("e", model, store("bc", [3, 4, 5, 6], { parent: "a" }));
  index.apply("e", model, store("d", [], { medium: "GPU" }));
  index.apply("e", model, store("ef", [1, 2, 3]));
  expect(index.counters).toMatchObject({ blocks: 0, unplaced: 5 });
});

test("what lies in slower memory does not count", () => {
  const { index } = createIndex();
  index.apply("e", model, store("a", [1, 2], { medium: "CPU" }));
  expect(index.matchTokens("e", model, [1, 2])).toBe(0);
  index.apply("e", model, store("a", [1, 2], { medium: "GPU" }));
  index.apply("e", model, remove("a", { medium: "CPU" }));
  expect(index.matchTokens("e", model, [1, 2])).toBe(2);
  expect(index.counters.ignored).toBe(2);
  index.apply("e", model, remove("a", { medium: "GPU" }));
  expect(index.matchTokens("e", model, [1, 2])).toBe(0);
});

test("groups without full attention do not count", () => {
  const { index } = createIndex();
  const full = { group: 0, cacheSpec: "full_attention" };
  const sliding = { group: 1, cacheSpec: "sliding_window" };
  index.apply("e", model, store("a", [1, 2], full));
  index.apply("e", model, store("a", [1, 2], sliding));
  index.apply("e", model, remove("a", { group: 1 }));
  expect(index.matchTokens("e", model, [1, 2])).toBe(2);
  index.apply("e", model, remove("a", { group: 0 }));
  expect(index.matchTokens("e", model, [1, 2])).toBe(0);
});

test("blocks that hold more than tokens match no plain prompt", () => {
  const { index } = createIndex();
  index.apply("e", model, store("a", [1, 2], { loraName: "sql" }));
  index.apply("e", model, store("b", [3, 4], { parent: "a" }));
  index.apply("e", model, store("c", [1, 2], { cacheSalt: "tenant" }));
  index.apply("e", model, store("d", [1, 2], { extraKeys: [["image", 7n, Uint8Array.of(1)]] }));
  expect(index.matchTokens("e", model, [1, 2, 3, 4])).toBe(0);
  index.apply("e", model, store("e", [1, 2], { extraKeys: [null] }));
  expect(index.matchTokens("e", model, [1, 2, 3, 4])).toBe(2);
});

test("a link is gone with any of its blocks, and so are those after it, last ones first", () => {
  const { index, take } = createIndex();
  index.apply("e", model, store("abcd", [1, 2, 3, 4, 5, 6, 7, 8]));
  index.learn(model, chain(2, 3, 3), [1, 2, 3, 4, 5, 6, 7, 8], [2, 5, 8]);
  index.apply("e", model, remove("d"));
  expect(take()).toEqual(["e llama 3"]);
  index.apply("e", model, remove("b"));
  expect(take()).toEqual(["e llama 2"]);
  index.apply("e", model, store("b", [3, 4], { parent: "a" }));
  index.apply("e", model, remove("bc"));
  expect(take()).toEqual(["e llama 3", "e llama 2"]);
  index.apply("e", model, remove("a"));
  expect(take()).toEqual(["e llama 1"]);
  index.apply("e", model, cleared);
  expect(take()).toEqual(["e llama cleared"]);
});

test("what one engine drops is gone there and nowhere else", () => {
  const { index, take } = createIndex();
  index.apply("e", model, store("a", [1, 2]));
  index.apply("f", model, store("a", [1, 2]));
  index.learn(model, chain(2), [1, 2]);
  index.apply("f", model, remove("a"));
  expect(take()).toEqual(["f llama 1"]);
  index.apply("g", model, remove("a"));
  index.apply("e", "other", remove("a"));
  expect(take()).toEqual([]);
});

test("links end in proportion where nothing better is known, and at the ends of earlier prompts where that is", () => {
  const prompt = Array.from({ length: 12 }, (_, index) => index);
  const { index, take } = createIndex();
  index.apply("e", model, store("abcdef", prompt));
  // Estimated at twice their length: 6 of 12 tokens are the first link's, so block c is.
  index.learn(model, chain(12, 12), prompt);
  index.apply("e", model, remove("c"));
  expect(take()).toEqual(["e llama 2", "e llama 1"]);
  // As a prompt of its own the first link is 4 tokens long, so block c belongs to the second.
  index.learn(model, chain(12), prompt.slice(0, 4));
  index.learn(model, chain(12, 12), prompt);
  index.apply("e", model, store("c", [4, 5], { parent: "b" }));
  index.apply("e", model, remove("c"));
  expect(take()).toEqual(["e llama 2"]);
  // Unless its tokens are others there.
  const otherwise = [99, ...prompt.slice(1)];
  index.apply("f", model, store("abcdef", otherwise));
  index.learn(model, chain(12, 12), otherwise);
  index.apply("f", model, remove("c"));
  expect(take()).toEqual(["f llama 2", "f llama 1"]);
});

test("after forgetting, nothing matches and nobody was told", () => {
  const { index, told } = createIndex();
  index.apply("e", model, store("ab", [1, 2, 3, 4]));
  index.learn(model, chain(4), [1, 2, 3, 4]);
  index.forget("e", model);
  index.apply("e", model, store("c", [5, 6], { parent: "b" }));
  expect(index.matchTokens("e", model, [1, 2])).toBe(0);
  expect(told).toEqual([]);
});

test("bounds: too many blocks give up the last of a row, old ones first", () => {
  const { index } = createIndex({ blocks: 3 });
  index.apply("e", model, store("ab", [1, 2, 3, 4]));
  index.apply("e", model, store("cd", [5, 6, 7, 8]));
  expect(index.matchTokens("e", model, [1, 2, 3, 4])).toBe(2);
  expect(index.matchTokens("e", model, [5, 6, 7, 8])).toBe(4);
  expect(index.counters).toMatchObject({ blocks: 3, givenUp: 1 });
});

test("bounds: a row of blocks without end leaves nothing of those that are given up", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { index } = createIndex({ blocks: 100 });
  const heapAfter = (first: number): number => {
    for (let name = first; name < first + 100_000; name++) {
      const event = { kind: "block-stored", blocks: [`${name}`], tokens: [1, 2], blockTokens: 2 } as const;
      index.apply("e", model, name === 0 ? event : { ...event, parent: `${name - 1}` });
    }
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heapAfter(0);
  expect(heapAfter(100_000) - before).toBeLessThan(4_000_000);
});

test("bounds: links, their blocks, engines and models", () => {
  const { index, take } = createIndex({ links: 2, linkBlocks: 100, caches: 2, models: 1 });
  index.learn(model, chain(2, 2, 2), [1, 2, 3, 4, 5, 6]);
  expect(index.counters.links).toBe(2);
  index.learn("other", chain(2), [1, 2]);
  expect(index.counters.links).toBe(1);
  for (const engine of ["e", "f", "g"]) index.apply(engine, "other", store("a", [1, 2]));
  expect(["e", "f", "g"].map((engine) => index.matchTokens(engine, "other", [1, 2]))).toEqual([0, 2, 2]);
  index.apply("g", "other", remove("a"));
  // Blocks of 16 tokens were assumed when the link was learned: it holds none of them whole.
  expect(take()).toEqual([]);
});

test("our hash over tokens does not depend on borders, and does on everything else", () => {
  const tokens = fc.array(fc.nat({ max: 200_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(tokens, fc.nat(), (list, cut) => {
      const at = cut % list.length;
      const whole = hashTokens(emptyPrompt, list);
      expect(hashTokens(hashTokens(emptyPrompt, list.slice(0, at)), list, at)).toBe(whole);
      expect(Number.isSafeInteger(whole) && whole >= 0).toBe(true);
      const other = list.with(at, (list[at] ?? 0) + 1);
      expect(hashTokens(emptyPrompt, other)).not.toBe(whole);
      expect(hashTokens(hashExtra(emptyPrompt, "x"), list)).not.toBe(whole);
    }),
    { numRuns: 200 },
  );
});

test("a hundred thousand short prompts have as many hashes", () => {
  const hashes = new Set<number>();
  for (let first = 0; first < 317; first++)
    for (let second = 0; second < 317; second++) hashes.add(hashTokens(emptyPrompt, [first, second]));
  expect(hashes.size).toBe(317 * 317);
});

/** The same by brute force, over tokens of one digit: names are the prompts up to the ends of their blocks. */
class NaiveCache {
  readonly here = new Set<string>();
  readonly gone = new Set<number>();

  match(prompt: string): number {
    let end = 0;
    while (end + 2 <= prompt.length && this.here.has(prompt.slice(0, end + 2))) end += 2;
    return end;
  }
}

const digits = fc.stringMatching(/^[01]{1,9}$/);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("store" as const), prompt: digits }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const) }) },
);

test("matches what brute force matches, and tells of exactly the links that lost a block", () => {
  const toTokens = (text: string): readonly number[] => Array.from(text, Number);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.array(digits, { maxLength: 4 }), (steps, prompts) => {
      const { index, take } = createIndex();
      // So that the index knows the size of blocks before it learns links.
      index.apply("e", model, store("x", [9, 9]));
      // One link a token, so that each has its exact end.
      const links = prompts.map((prompt, which) =>
        toTokens(prompt).map((_, at) => ({ hash: which * 10 + at, tokens: 1 })),
      );
      for (const [which, prompt] of prompts.entries())
        index.learn(
          model,
          links[which] ?? [],
          toTokens(prompt),
          toTokens(prompt).map((_, at) => at + 1),
        );
      /** Links whose tokens begin with this block's prefix. */
      const holding = (name: string): readonly number[] =>
        prompts.flatMap((prompt, which) =>
          prompt.startsWith(name)
            ? toTokens(prompt).flatMap((_, at) => (at + 1 >= name.length ? [which * 10 + at] : []))
            : [],
        );
      let naive = new NaiveCache();
      for (const each of steps) {
        if (each.kind === "clear") {
          index.apply("e", model, cleared);
          naive = new NaiveCache();
          expect(take()).toEqual(["e llama cleared"]);
        } else if (each.kind === "remove") {
          const names = [...naive.here];
          const name = names[each.pick % names.length];
          if (name === undefined) continue;
          naive.here.delete(name);
          index.apply("e", model, { kind: "block-removed", blocks: [name] });
          const lost = holding(name).filter((link) => !naive.gone.has(link));
          for (const link of lost) naive.gone.add(link);
          expect(take().toSorted()).toEqual(lost.map((link) => `e llama ${link}`).toSorted());
        } else
          for (let end = 2; end <= each.prompt.length; end += 2) {
            const name = each.prompt.slice(0, end);
            const parent = end === 2 ? {} : { parent: each.prompt.slice(0, end - 2) };
            const tokens = toTokens(each.prompt.slice(end - 2, end));
            index.apply("e", model, { kind: "block-stored", blocks: [name], tokens, blockTokens: 2, ...parent });
            if (naive.here.has(name)) continue;
            naive.here.add(name);
            for (const link of holding(name)) naive.gone.delete(link);
          }
        for (const prompt of prompts) expect(index.matchTokens("e", model, toTokens(prompt))).toBe(naive.match(prompt));
      }
    }),
    { numRuns: 150 },
  );
});
