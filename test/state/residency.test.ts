import { expect, test } from "vitest";
import { pickVictims, useModel } from "../../src/state/residency.ts";

const residents = ["a", "b", "c"].map((model) => ({ model, bytes: 10, loading: false }));
const room = { memoryBytes: 30, maxResident: 3 };

test("nothing goes when there is room", () => {
  expect(pickVictims(residents, { memoryBytes: 50, maxResident: 4 }, 20)).toEqual([]);
});

test("the least recently used goes first, as many as must", () => {
  expect(pickVictims(residents, room, 10)).toEqual(["a"]);
  expect(pickVictims(residents, room, 20)).toEqual(["a", "b"]);
});

test("preferred victims go before", () => {
  expect(pickVictims(residents, room, 20, ["c"])).toEqual(["c", "a"]);
});

test("a limit on their number counts like memory", () => {
  expect(pickVictims(residents, { memoryBytes: 1000, maxResident: 3 }, 1)).toEqual(["a"]);
});

test("what is loading or kept does not go; then there may be no room", () => {
  const loading = residents.map((resident) => ({ ...resident, loading: resident.model !== "b" }));
  expect(pickVictims(loading, room, 10)).toEqual(["b"]);
  expect(pickVictims(loading, room, 20)).toBeUndefined();
  expect(pickVictims(residents, room, 30, [], "a")).toBeUndefined();
});

test("using a model makes it the most recent, loading it if need be", () => {
  const models = (list: readonly { model: string }[]): string => list.map(({ model }) => model).join("");
  expect(models(useModel(residents, room, "a", 10))).toBe("bca");
  expect(models(useModel(residents, room, "d", 10))).toBe("bcd");
});
