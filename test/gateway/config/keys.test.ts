import fc from "fast-check";
import { expect, test } from "vitest";
import { createKeyring, generateKey, hashKey } from "../../../src/gateway/config/keys.ts";

const ringOf = (...keys: readonly string[]): ReturnType<typeof createKeyring> =>
  createKeyring({ keys: keys.map((key, index) => ({ id: `k${index}`, sha256: hashKey(key), tenant: `t${index}` })) });

test("a key is 32 random bytes behind its mark, and each is new", () => {
  const keys = Array.from({ length: 20 }, generateKey);
  for (const key of keys) expect(key).toMatch(/^fk-[A-Za-z0-9_-]{43}$/);
  expect(new Set(keys).size).toBe(20);
});

test("the hash is SHA-256 in hexadecimal", () => {
  expect(hashKey("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("each key finds its tenant, by either header", () => {
  const [first, second] = [generateKey(), generateKey()];
  const { find, open } = ringOf(first, second);
  expect(open).toBe(false);
  expect(find({ authorization: `Bearer ${first}` })).toEqual({ tenant: "t0", key: "k0", operator: false });
  expect(find({ authorization: `bearer  ${second} ` })).toEqual({ tenant: "t1", key: "k1", operator: false });
  expect(find({ apiKey: second })).toEqual({ tenant: "t1", key: "k1", operator: false });
  expect(find({ authorization: `Bearer ${first}`, apiKey: second })).toEqual({
    tenant: "t0",
    key: "k0",
    operator: false,
  });
});

test("whose keys are of one tenant are operators, unless they are said not to be; of several those that are said to be", () => {
  const operators = (
    ...keys: readonly { readonly tenant: string; readonly operator?: boolean }[]
  ): readonly unknown[] => {
    const { find } = createKeyring({
      keys: keys.map((key, index) => ({ id: "k", sha256: hashKey(`${index}`), ...key })),
    });
    return keys.map((_, index) => find({ apiKey: `${index}` })?.operator);
  };
  expect(operators({ tenant: "a" }, { tenant: "a", operator: false })).toEqual([true, false]);
  expect(operators({ tenant: "a" }, { tenant: "b" }, { tenant: "b", operator: true })).toEqual([false, false, true]);
});

test.each([
  [{}],
  [{ authorization: "" }],
  [{ authorization: "Bearer " }],
  [{ authorization: "Bearer fk-wrong" }],
  [{ authorization: "Basic fk-right" }],
  [{ authorization: "fk-right" }],
  [{ authorization: "Bearer fk-right more" }],
  [{ authorization: "Bearer wrong", apiKey: "fk-right" }],
  [{ apiKey: "" }],
  [{ apiKey: hashKey("fk-right") }],
  [{ apiKey: `fk-right${"x".repeat(1000)}` }],
])("%j finds nobody", (credentials) => {
  expect(ringOf("fk-right").find(credentials)).toBeUndefined();
});

test("what is longer than any key is not even hashed", () => {
  const long = "x".repeat(600);
  expect(ringOf(long).find({ apiKey: long })).toBeUndefined();
  expect(ringOf(long).find({ authorization: `Bearer ${long}` })).toBeUndefined();
});

test("without keys nobody is asked", () => {
  expect(ringOf().open).toBe(true);
  expect(ringOf().find({ apiKey: "x" })).toBeUndefined();
});

test("only the very key is found", () => {
  const { find } = ringOf("fk-right");
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(find({ apiKey: text }) === undefined).toBe(text !== "fk-right");
      expect(find({ authorization: `Bearer ${text}` }) === undefined).toBe(text.trim() !== "fk-right");
    }),
    { numRuns: 200, examples: [["fk-right"], ["fk-righ"], ["fk-right "]] },
  );
});
