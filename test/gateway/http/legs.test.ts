/** What the second leg of a pair is told by the first. */

import { expect, test } from "vitest";
import { toSecondLeg } from "../../../src/gateway/http/legs.ts";

const body = Buffer.from('{"model":"m","seed":9223372036854775807}');
const firstSaid = (answer: object) => ({ kind: "nixl", answer: Buffer.from(JSON.stringify(answer)) }) as const;
const usage = { usage: { prompt_tokens_details: { cached_tokens: 16 } } };

test("where its keys and values lie, and how much of the prompt was cached, if it hands anything over", () => {
  const second = toSecondLeg(body, firstSaid({ ...usage, kv_transfer_params: { remote_block_ids: [1] } }));
  expect(Buffer.from(second.body).toString()).toBe(
    '{"model":"m","seed":9223372036854775807,"kv_transfer_params":{"remote_block_ids":[1]}}',
  );
  expect(second.cachedTokens).toBe(16);
});

test.each([{ ...usage }, { ...usage, kv_transfer_params: null }])("nothing, if it hands nothing over: %j", (answer) => {
  expect(toSecondLeg(body, firstSaid(answer))).toEqual({ body });
});

test("an answer that is no JSON is no answer", () => {
  expect(() => toSecondLeg(body, { kind: "nixl", answer: Buffer.from("<html>") })).toThrow(/expected an object/);
});
