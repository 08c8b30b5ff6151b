/** What calls are taken to bring anew. */

import { expect, test } from "vitest";
import type { VisibleModelStage } from "../../../src/model/visible.ts";
import { newTokensOf } from "../../../src/policy/agents/demand.ts";

const call: VisibleModelStage = {
  key: "w/a",
  workflow: "w",
  id: "a",
  ordinal: 0,
  parents: [],
  priority: 0,
  kind: "llm",
  model: "m",
  chain: Array.from({ length: 10 }, (_, index) => ({ hash: index + 1, tokens: 256 })),
  sharedLinks: 10,
  promptTokens: 2560,
  outputTokens: 1,
  limitTokens: 1,
  items: 1,
};

test("the last piece of the prompt: its last link, unless the driver says that it has several", () => {
  expect(newTokensOf(call)).toBe(256);
  expect(newTokensOf({ ...call, lastTokens: 2000 })).toBe(2000);
  expect(newTokensOf({ ...call, lastTokens: 9000 })).toBe(2560);
});
