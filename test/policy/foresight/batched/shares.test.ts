/** Shares close up when others leave, each with all that is noted of it. */

import { expect, test } from "vitest";
import { Shares } from "../../../../src/policy/foresight/batched/shares.ts";
import type { Shape } from "../../../../src/policy/foresight/batched/shapes.ts";
import type { Fleet } from "../../../../src/policy/foresight/fleet.ts";

const shape: Shape = {
  items: 1,
  sequences: 1,
  waves: 1,
  promptTokens: 100,
  sharedTokens: 0,
  ownTokens: 100,
  contextTokens: 100,
  decodeSteps: 10,
  joinTokens: 100,
  fullTokens: 110,
};

test("who waits for inputs and moves up has had nothing taken in, whatever was of who stood there", () => {
  const shares = new Shares({ engines: [{}], models: 1, wholeOf: [0] } as unknown as Fleet, [], 4);
  shares.reset();
  const left = { readyUs: 0, promptTokens: 0, steps: 5, contextTokens: 100, fullTokens: 110 };
  shares.goOn(0, 0, 7, shape, left);
  shares.goOn(0, 0, 8, shape, left);
  shares.goOn(0, 0, 9, shape, { ...left, readyUs: 50, promptTokens: 60, steps: 0, contextTokens: 0 });
  // The last iteration took in what was left of the first two prompts.
  shares.taken[0] = 30;
  shares.taken[1] = 20;
  shares.leave(0, 0);
  shares.closeUp(0);
  const placed = [0, 1].map((at) => [shares.numbers[at], shares.taken[at], shares.promptLeft[at], shares.readyUs[at]]);
  expect(placed).toEqual([
    [8, 20, 0, 0],
    [9, 0, 60, 50],
  ]);
});
