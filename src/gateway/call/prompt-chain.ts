/**
 * A prompt taken in piece by piece, as a chain of hashes with estimated tokens.
 *
 * A link closes at the end of a message, and after every KiB inside one, so that long shared documents match up to where they
 * part. A link's state begins with the hash of the link before it and nothing else: equal hashes mean equal beginnings, and a
 * chain can be gone on with from its last hash. The hash is for finding things again, not for keeping anybody out: who sets out
 * to make two prompts collide spoils the estimate of what is cached for himself.
 *
 * Tokens are estimated as a quarter of the UTF-8 bytes of all keys and values, JSON's own signs left out: the keys of a message
 * stand for the few tokens that a chat template puts around it. A token id counts as one token exactly. An image, a sound or a
 * file counts `mediaTokens`, whatever its size.
 */

import type { ChainLink } from "../../model/prefix.ts";

export const mediaTokens = 1024;

const blockBytes = 1024;
const bytesPerToken = 4;
/** Beyond so many links the rest of a prompt is one. */
const mostLinks = 4096;
/** Values nested deeper than this are not told apart. */
const mostDepth = 32;
/** Shorter texts are hashed as they are; longer ones are encoded first and hashed four bytes at a time. */
const shortText = 48;
/** Longer texts are encoded in pieces of so many UTF-16 units, each at most three bytes long. */
const pieceUnits = 16 * blockBytes;

/** Where texts are encoded. Nothing in it is read again after the call that wrote it. */
const scratch = Buffer.allocUnsafeSlow(3 * (pieceUnits + 1) + 4);
const words = new Int32Array(scratch.buffer, scratch.byteOffset, scratch.length >> 2);

const mediaTypes = new Set([
  "image_url",
  "input_image",
  "image",
  "input_audio",
  "audio",
  "audio_url",
  "video_url",
  "input_video",
  "file",
  "input_file",
  "document",
]);

/** Marks between values, so that what is nested differently hashes differently. */
const mark = { text: 1, list: 2, object: 3, end: 4, yes: 5, no: 6, nothing: 7, deep: 8, number: 9 };

export class PromptChain {
  readonly links: ChainLink[] = [];
  #high = 0x2fa7_e501;
  #low = 0x3c6e_f372;
  #bytes = 0;
  /** Bytes and tokens of the links that are closed. */
  #closedBytes = 0;
  #closedTokens = 0;
  /** Tokens before the last message that is closed, and up to its end. */
  #lastFrom = 0;
  #lastTo = 0;
  /** Inside an image or the like: hashed, but neither counted nor split. */
  #muted = false;

  /** Of the closed links. */
  get tokens(): number {
    return this.#closedTokens;
  }

  /** Of the last message, whose links may be several. */
  get lastTokens(): number {
    return this.#closedTokens - (this.#lastTo === this.#closedTokens ? this.#lastFrom : this.#lastTo);
  }

  /** Takes in any JSON value. */
  value(value: unknown, depth = 0): void {
    if (typeof value === "string") this.text(value);
    else if (typeof value === "number") {
      this.#word(mark.number);
      this.text(String(value));
    } else if (typeof value === "boolean") this.#word(value ? mark.yes : mark.no);
    else if (typeof value !== "object" || value === null) this.#word(mark.nothing);
    else if (depth === mostDepth) this.#word(mark.deep);
    else if (Array.isArray(value)) this.#list(value, depth);
    else if (this.#muted || !isMedia(value)) this.#object(value, depth);
    else this.#media(value, depth);
  }

  /** Takes in a text, and closes a link after each whole block of it. */
  text(text: string): void {
    if (text.length < shortText) this.#shortText(text);
    else this.#longText(text);
    this.#word(text.length);
    if (this.#bytes - this.#closedBytes >= blockBytes) this.#closeLink();
  }

  /** Takes in a token by its id. */
  token(id: number): void {
    this.#word(id);
    this.#bytes += bytesPerToken;
    if (this.#bytes - this.#closedBytes >= blockBytes) this.#closeLink();
  }

  /** Sets this prompt apart from all others that do not begin with the same text, without counting it. */
  salt(text: string): void {
    this.#muted = true;
    this.text(text);
    this.#muted = false;
  }

  /** Ends a message: what was taken in since the last link becomes one. */
  close(): void {
    this.#closeLink();
    if (this.#lastTo === this.#closedTokens) return;
    this.#lastFrom = this.#lastTo;
    this.#lastTo = this.#closedTokens;
  }

  #closeLink(): void {
    if (!this.#muted && this.links.length < mostLinks - 1) this.#link();
  }

  /** Ends the prompt. An empty one counts a token: servers begin it with one of their own. */
  finish(): void {
    if (this.links.length === 0 && this.#bytes === 0) this.#bytes = bytesPerToken;
    this.#link();
  }

  #link(): void {
    if (this.#bytes === this.#closedBytes) return;
    let high = Math.imul(this.#high ^ (this.#low >>> 16), 0x27d4_eb2f);
    const low = Math.imul(this.#low ^ (high >>> 15), 0x1656_67b1);
    high = (high ^ (low >>> 13)) & 0x1f_ffff;
    const tokens = Math.ceil(this.#bytes / bytesPerToken);
    this.links.push({ hash: high * 0x1_0000_0000 + (low >>> 0), tokens: tokens - this.#closedTokens });
    this.#high = high;
    this.#low = low;
    this.#closedBytes = this.#bytes;
    this.#closedTokens = tokens;
  }

  #list(list: readonly unknown[], depth: number): void {
    this.#word(mark.list);
    for (const item of list) this.value(item, depth + 1);
    this.#word(mark.end);
  }

  /** `cache_control` moves from message to message as a conversation grows, and is no part of the prompt. */
  #object(object: object, depth: number): void {
    this.#word(mark.object);
    for (const [key, value] of Object.entries(object)) {
      if (value === null || key === "cache_control") continue;
      this.text(key);
      this.value(value, depth + 1);
    }
    this.#word(mark.end);
  }

  #media(part: object, depth: number): void {
    this.#muted = true;
    this.#object(part, depth);
    this.#muted = false;
    this.#bytes += mediaTokens * bytesPerToken;
  }

  #shortText(text: string): void {
    let high = this.#high;
    let low = this.#low;
    let bytes = text.length;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2;
      high = Math.imul(high ^ code, 0x85eb_ca6b);
      high = (high << 13) | (high >>> 19);
      low = Math.imul(low ^ code, 0xc2b2_ae35);
      low ^= low >>> 15;
    }
    this.#high = high;
    this.#low = low;
    if (!this.#muted) this.#bytes += bytes;
  }

  #longText(text: string): void {
    let start = 0;
    while (start < text.length) {
      let end = Math.min(start + pieceUnits, text.length);
      if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end += 1;
      const bytes = scratch.write(start === 0 && end === text.length ? text : text.slice(start, end), 0, "utf8");
      scratch.fill(0, bytes, (bytes + 3) & ~3);
      for (let block = 0; block < bytes; block += blockBytes) {
        const blockEnd = Math.min(block + blockBytes, bytes);
        this.#block(block >> 2, (blockEnd + 3) >> 2);
        if (this.#muted) continue;
        this.#bytes += blockEnd - block;
        if (blockEnd - block === blockBytes) this.#closeLink();
      }
      start = end;
    }
  }

  #block(from: number, to: number): void {
    let high = this.#high;
    let low = this.#low;
    for (let index = from; index < to; index++) {
      const word = words[index] as number;
      high = Math.imul(high ^ word, 0x85eb_ca6b);
      high = (high << 13) | (high >>> 19);
      low = Math.imul(low ^ word, 0xc2b2_ae35);
      low ^= low >>> 15;
    }
    this.#high = high;
    this.#low = low;
  }

  #word(word: number): void {
    const high = Math.imul(this.#high ^ word, 0x85eb_ca6b);
    this.#high = (high << 13) | (high >>> 19);
    const low = Math.imul(this.#low ^ word, 0xc2b2_ae35);
    this.#low = low ^ (low >>> 15);
  }
}

/** A document that comes as text is text. */
function isMedia(part: { readonly type?: unknown; readonly source?: unknown }): boolean {
  if (typeof part.type !== "string" || !mediaTypes.has(part.type)) return false;
  const source = part.source as { readonly type?: unknown } | null | undefined;
  return typeof source !== "object" || source === null || source.type !== "text";
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}
