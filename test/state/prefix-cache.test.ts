import fc from "fast-check";
import { expect, test } from "vitest";
import { chainHash, type ChainLink } from "../../src/model/prefix.ts";
import { PrefixCache } from "../../src/state/prefix-cache.ts";
import { PrefixModel } from "./prefix-model.ts";
import { portionOf } from "../support/portion.ts";

/** A chain drawn as letters: each letter is a segment of ten tokens. */
function chain(letters: string): ChainLink[] {
  let hash: number | undefined;
  return [...letters].map((letter) => {
    hash = chainHash(hash, letter);
    return { hash, tokens: 10 };
  });
}

const cached = (cache: PrefixCache, letters: string): number => cache.match(chain(letters));

test("a prompt finds the longest prefix that is cached", () => {
  const cache = new PrefixCache();
  cache.insert(chain("abc"), 3, 100, 0);
  expect(cached(cache, "abcd")).toBe(30);
  expect(cached(cache, "abx")).toBe(20);
  expect(cached(cache, "bc")).toBe(0);
});

test("over budget, the leaf used longest ago goes first", () => {
  const cache = new PrefixCache();
  cache.insert(chain("ab"), 2, 30, 0);
  cache.insert(chain("ac"), 2, 30, 1);
  cache.insert(chain("ad"), 2, 30, 2);
  expect([cached(cache, "ab"), cached(cache, "ac"), cached(cache, "ad")]).toEqual([10, 20, 20]);
});

test("a retained prefix stays until its time", () => {
  const cache = new PrefixCache();
  cache.insert(chain("ab"), 2, 20, 0);
  cache.retain(chain("ab")[1]!.hash, 50);
  cache.insert(chain("cd"), 2, 20, 10);
  expect([cached(cache, "ab"), cached(cache, "cd")]).toEqual([20, 0]);
  cache.insert(chain("cd"), 2, 20, 60);
  expect([cached(cache, "ab"), cached(cache, "cd")]).toEqual([0, 20]);
});

test("only the shared links are cached when asked", () => {
  const cache = new PrefixCache();
  cache.insert(chain("abc"), 1, 100, 0);
  expect(cached(cache, "abc")).toBe(10);
});

test("never over budget, never a child without its parent, and a clone goes its own way", () => {
  const word = fc.stringMatching(/^[a-d]{1,6}$/);
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), fc.integer({ min: 0, max: 12 }), (words, places) => {
      const cache = new PrefixCache();
      for (const [nowUs, letters] of words.entries()) {
        cache.insert(chain(letters), letters.length, places * 10, nowUs);
        expect(cache.tokens).toBeLessThanOrEqual(places * 10);
        // All that is cached can be found from the start of some prompt.
        const found = new Set<number>();
        for (const known of words.slice(0, nowUs + 1)) {
          const links = cached(cache, known) / 10;
          for (const link of chain(known).slice(0, links)) found.add(link.hash);
        }
        expect(found.size).toBe(cache.size);
      }
      const before = words.map((letters) => cached(cache, letters));
      const clone = cache.fork();
      clone.insert(chain("zzzz"), 4, 40, 1000);
      expect(words.map((letters) => cached(cache, letters))).toEqual(before);
    }),
  );
});

/** Few letters, so that prompts begin alike, and links of several lengths. */
const prompt = fc.stringMatching(/^[a-c]{1,5}$/);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("insert"), prompt, fc.integer({ min: 0, max: 120 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("shrink"), prompt, fc.integer({ min: -10, max: 120 })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("drop"), prompt, fc.nat(0)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("retain"), prompt, fc.integer({ min: 0, max: 30 })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("fork"), prompt, fc.nat(0)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("restore"), prompt, fc.nat(0)) },
);

function chainOf(letters: string): ChainLink[] {
  return chain(letters).map(({ hash }, index) => ({ hash, tokens: 5 + 3 * letters.charCodeAt(index) - 3 * 97 }));
}

test("it does what the slow way does, fork upon fork, and no fork changes what it came from", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      let cache = new PrefixCache();
      let model = new PrefixModel();
      const before: (readonly [PrefixCache, PrefixModel])[] = [];
      for (const [nowUs, [kind, letters, amount]] of steps.entries()) {
        const links = chainOf(letters);
        const { hash } = links.at(-1) as ChainLink;
        for (const each of [cache, model]) {
          if (kind === "insert") each.insert(links, links.length - (nowUs % 2), amount, nowUs);
          if (kind === "shrink") each.shrink(amount, nowUs);
          if (kind === "drop") each.drop(hash);
          if (kind === "retain") each.retain(hash, nowUs + amount);
        }
        if (kind === "fork") {
          before.push([cache, model]);
          cache = cache.fork();
          model = model.fork();
        } else if (kind === "restore") {
          const listed = cache.list();
          cache = new PrefixCache();
          cache.restore(listed);
          model = new PrefixModel();
          model.restore(listed);
        }
        expect(cache.list()).toEqual(model.list());
        expect(cache.usedSince()).toEqual(model.usedSince());
        expect([cache.tokens, cache.size, cache.match(links)]).toEqual([model.tokens, model.size, model.match(links)]);
      }
      for (const [base, slow] of before) {
        expect(base.list()).toEqual(slow.list());
        expect([base.tokens, base.size]).toEqual([slow.tokens, slow.size]);
      }
    }),
    { numRuns: portionOf(200) },
  );
});

test("what another cache lists is taken in behind what is there, once", () => {
  const [first, second] = [new PrefixCache(), new PrefixCache()];
  first.insert(chain("ab"), 2, 100, 0);
  second.insert(chain("ac"), 2, 100, 0);
  second.restore(first.list());
  second.restore(first.list());
  expect([second.size, cached(second, "ab"), cached(second, "ac")]).toEqual([3, 20, 20]);
});
