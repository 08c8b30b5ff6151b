/** The legs of a prefill/decode pair, as changes to a body. */

import { expect, test } from "vitest";
import { canHandOff, toBootstrapBody, toNixlDecode, toNixlPrefill } from "../../../src/gateway/adapter/hand-off.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (body: Uint8Array): string => new TextDecoder().decode(body);

const body =
  '{"model":"m", "messages":[{"role":"user","content":"hi"}],"seed":9007199254740993,"stream":true,' +
  '"stream_options":{"include_usage":true},"min_tokens":4,"max_tokens":1e2}';

test("NIXL: the first leg writes one token and says that another engine decodes", () => {
  expect(textOf(toNixlPrefill(bytes(body)))).toBe(
    '{"model":"m", "messages":[{"role":"user","content":"hi"}],"seed":9007199254740993,"stream":false,"max_tokens":1,' +
      '"max_completion_tokens":1,"kv_transfer_params":{"do_remote_decode":true,"do_remote_prefill":false,' +
      '"remote_engine_id":null,"remote_block_ids":null,"remote_host":null,"remote_port":null}}',
  );
});

test("NIXL: the second leg is the call as it came, and where the KV lies, digit for digit", () => {
  const params = '{"do_remote_prefill":true, "remote_block_ids":[18446744073709551615],"remote_port":5600}';
  const answer = `{"id":"x","usage":{"prompt_tokens_details":{"cached_tokens":48}},"kv_transfer_params":${params}}`;
  expect(toNixlDecode(bytes(body), bytes(answer))).toEqual({
    body: Buffer.from(`${body.slice(0, -1)},"kv_transfer_params":${params}}`),
    handedOver: true,
    cachedTokens: 48,
  });
});

test.each(['{"kv_transfer_params":null}', "{}", '{"usage":{"prompt_tokens_details":null},"kv_transfer_params":7}'])(
  "NIXL: an answer that hands nothing over, %s",
  (answer) => {
    const original = bytes(body);
    expect(toNixlDecode(original, bytes(answer))).toEqual({ body: original, handedOver: false });
  },
);

test.each([
  ['{"messages":[]}', true, true],
  ['{"messages":[],"n":1,"best_of":1}', true, true],
  ['{"messages":[],"n":2}', false, false],
  ['{"prompt":"a","best_of":2}', false, false],
  ['{"prompt":"a","use_beam_search":true}', false, false],
  ['{"prompt":"a"}', true, true],
  ['{"prompt":[1,2,3]}', true, true],
  ['{"prompt":["a"]}', false, true],
  ['{"prompt":[[1],[2]]}', false, true],
])("%s may be handed over: NIXL %s, bootstrap %s", (text, nixl, bootstrap) => {
  expect(canHandOff(bytes(text), "nixl")).toBe(nixl);
  expect(canHandOff(bytes(text), "bootstrap")).toBe(bootstrap);
});

test("bootstrap: both legs are told one room", () => {
  const leg = toBootstrapBody(bytes('{"prompt":[1,2],"n":1}'), { host: "10.0.0.7", draw: () => 0.5 });
  expect(textOf(leg)).toBe(
    '{"prompt":[1,2],"n":1,"bootstrap_host":"10.0.0.7","bootstrap_port":8998,"bootstrap_room":4503599627370496}',
  );
  const last = toBootstrapBody(bytes("{}"), { host: "h", port: 9, draw: () => 1 - 2 ** -53 });
  expect(JSON.parse(textOf(last))).toEqual({
    bootstrap_host: "h",
    bootstrap_port: 9,
    bootstrap_room: Number.MAX_SAFE_INTEGER,
  });
});

test("bootstrap: each prompt of a list has a room of its own", () => {
  let draws = 0;
  const leg = toBootstrapBody(bytes('{"prompt":["a","b"]}'), { host: "h", draw: () => draws++ / 2 });
  expect(JSON.parse(textOf(leg))).toEqual({
    prompt: ["a", "b"],
    bootstrap_host: ["h", "h"],
    bootstrap_port: [8998, 8998],
    bootstrap_room: [0, 2 ** 52],
  });
});
