/**
 * The two legs of a prefill/decode pair, as changes to the bytes of one call.
 *
 * NIXL (vLLM), one leg after the other: the prefill engine takes in the prompt and says where its KV lies; the decode engine is
 * told so and fetches it. Bootstrap (SGLang), both at once: the same body goes to both, and names where they meet.
 */

import { sliceJson, spliceJson } from "../../wire/json-splice.ts";

/**
 * Whether a pair can serve the call: one answer to one prompt. KV is handed over once, so several answers would need it several
 * times. Bootstrap takes a list of prompts.
 */
export function canHandOff(body: Uint8Array, handOff: "nixl" | "bootstrap"): boolean {
  if (read(body, "use_beam_search") === true) return false;
  const answers = [read(body, "n"), read(body, "best_of")].filter((value) => typeof value === "number");
  if (answers.some((count) => count > 1)) return false;
  return handOff === "bootstrap" || countPrompts(body) === undefined;
}

/** The first leg: the whole prompt and one token, answered at once. What asks for more than one token would be refused. */
export function toNixlPrefill(body: Uint8Array): Uint8Array {
  return spliceJson(body, {
    stream: false,
    stream_options: undefined,
    max_tokens: 1,
    max_completion_tokens: 1,
    min_tokens: undefined,
    kv_transfer_params: {
      do_remote_decode: true,
      do_remote_prefill: false,
      remote_engine_id: null,
      remote_block_ids: null,
      remote_host: null,
      remote_port: null,
    },
  });
}

export type NixlDecode = {
  readonly body: Uint8Array;
  /** False if the prefill engine handed nothing over, as with a prompt shorter than a block: the second takes the prompt in itself. */
  readonly handedOver: boolean;
  /** Prompt tokens that the prefill engine had in its cache, where it says so; the second leg knows only of the transfer. */
  readonly cachedTokens?: number;
};

/** The second leg: the call as it came, and where the KV lies, in the prefill engine's own words. */
export function toNixlDecode(body: Uint8Array, prefillAnswer: Uint8Array): NixlDecode {
  const params = sliceJson(prefillAnswer, "kv_transfer_params");
  const handedOver = params?.[0] === openBrace;
  const cachedTokens = readCachedTokens(prefillAnswer);
  return {
    body: handedOver ? spliceJson(body, { kv_transfer_params: params }) : body,
    handedOver,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
  };
}

const defaultBootstrapPort = 8998;

/** The body of both legs. `draw` gives a number from 0 up to 1, and each prompt a room of its own to meet in. */
export function toBootstrapBody(
  body: Uint8Array,
  meeting: { readonly host: string; readonly port?: number; readonly draw: () => number },
): Uint8Array {
  const { host, port = defaultBootstrapPort, draw } = meeting;
  // Rooms go up to 2^63, of which a double holds exactly those below 2^53.
  const drawRoom = (): number => Math.floor(draw() * 2 ** 53);
  const prompts = countPrompts(body);
  const each = <T>(value: () => T): T | T[] =>
    prompts === undefined ? value() : Array.from({ length: prompts }, value);
  return spliceJson(body, {
    bootstrap_host: each(() => host),
    bootstrap_port: each(() => port),
    bootstrap_room: each(drawRoom),
  });
}

const openBrace = 0x7b;
const openBracket = 0x5b;

/** How many prompts a list of prompts has; undefined for a single one, be it text, messages or tokens. */
function countPrompts(body: Uint8Array): number | undefined {
  if (sliceJson(body, "prompt")?.[0] !== openBracket) return undefined;
  const prompt = read(body, "prompt");
  return Array.isArray(prompt) && typeof prompt[0] !== "number" ? prompt.length : undefined;
}

function readCachedTokens(answer: Uint8Array): number | undefined {
  const usage = read(answer, "usage");
  const details = step(usage, "prompt_tokens_details");
  const cached = step(details, "cached_tokens");
  return typeof cached === "number" && Number.isSafeInteger(cached) && cached >= 0 ? cached : undefined;
}

function step(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function read(body: Uint8Array, name: string): unknown {
  const slice = sliceJson(body, name);
  return slice === undefined ? undefined : JSON.parse(new TextDecoder().decode(slice));
}
