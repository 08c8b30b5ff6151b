/**
 * What an emulated engine answers: words of three letters and a space, so that each is one token of four bytes and the
 * answer, sent back inside a later prompt, has the length it was written with. Text and length follow from the seed, the
 * model and the prompt alone.
 */

import { bytesPerToken } from "./tokens.ts";

export type Finish = "stop" | "length" | "tool";

export type Answer = {
  readonly text: string;
  /** Tokens written, those of a stop sequence included. */
  readonly tokens: number;
  readonly finish: Finish;
  /** The stop sequence that ended it. */
  readonly stopped?: string;
};

export type AnswerWish = {
  /** Hash of seed, model, prompt and choice. */
  readonly key: number;
  readonly maxTokens: number;
  /** A length asked for. */
  readonly tokens?: number;
  /** Write as much as allowed. */
  readonly toTheEnd?: boolean;
  readonly stop?: readonly string[];
};

const leastTokens = 16;

const words =
  "the and for are but not you all any can her was one our out day get has him his how man new now old see two way who " +
  "boy did its let put say she too use air arm art ask bag bed big box bus buy car cat cup cut dog dry ear eat egg end eye far";

const vocabulary = Uint32Array.from(words.split(" "), (word) => Buffer.from(`${word} `).readUInt32LE());

export function writeAnswer({ key, maxTokens, tokens, toTheEnd = false, stop = [] }: AnswerWish): Answer {
  const drawn = toTheEnd ? maxTokens : (tokens ?? drawLength(key, maxTokens));
  const length = Math.min(drawn, maxTokens);
  const text = writeWords(key, length);
  let cut: { at: number; sequence: string } | undefined;
  for (const sequence of stop) {
    const at = sequence === "" ? -1 : text.indexOf(sequence);
    if (at !== -1 && (cut === undefined || at < cut.at)) cut = { at, sequence };
  }
  if (cut === undefined) return { text, tokens: length, finish: length === maxTokens ? "length" : "stop" };
  const written = Math.ceil((cut.at + cut.sequence.length) / bytesPerToken);
  return { text: text.slice(0, cut.at), tokens: written, finish: "stop", stopped: cut.sequence };
}

function drawLength(key: number, maxTokens: number): number {
  if (maxTokens <= leastTokens) return maxTokens;
  return leastTokens + (scramble(key ^ 0x51ed_270b) % (maxTokens - leastTokens + 1));
}

function writeWords(key: number, count: number): string {
  const bytes = Buffer.allocUnsafe(count * bytesPerToken);
  for (let index = 0; index < count; index++) {
    const word = vocabulary[scramble(key + Math.imul(index + 1, 0x9e37_79b9)) % vocabulary.length] ?? 0;
    bytes.writeUInt32LE(word, index * bytesPerToken);
  }
  return bytes.toString("latin1");
}

/** 32 well mixed bits of a number. */
export function scramble(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0_aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a_2d97);
  return (bits ^ (bits >>> 15)) >>> 0;
}
