import { expect, test } from "vitest";
import { createLabelCap } from "../../../src/gateway/call/labels.ts";

test("the first so many values are labels, any later one is other", () => {
  const label = createLabelCap(2);
  expect(["a", "b", "c", "a", "d", "b"].map(label)).toEqual(["a", "b", "other", "a", "other", "b"]);
  expect(createLabelCap(0)("a")).toBe("other");
});
