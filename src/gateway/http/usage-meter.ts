/**
 * Reads from an answer what it cost, as it passes through and without taking it apart: pieces of a stream are counted, and the
 * engine's own figures are looked for near the end, where servers put them.
 */

export type Usage = {
  readonly outputTokens: number;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
};

/** The engine's figures stand in the last so many bytes. */
const tailBytes = 4096;
/** Where an engine does not count, so many bytes of an answer that is not streamed are taken for a token. */
const bytesPerToken = 4;
const lineFeed = 0x0a;
const lastEvents = /^(data: ?\[DONE\]|event: ?(message_stop|response\.(completed|incomplete|failed)))\s*$/m;

export class UsageMeter {
  readonly #streamed: boolean;
  readonly #writes: boolean;
  #pieces = 0;
  #bytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;

  /** `writes`: the answer is text of the model, and no embedding. */
  constructor(streamed: boolean, writes = true) {
    this.#streamed = streamed;
    this.#writes = writes;
  }

  see(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#streamed) this.#count(chunk);
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    while (this.#tail.length > 1 && this.#tailBytes - (this.#tail[0]?.length ?? 0) >= tailBytes)
      this.#tailBytes -= this.#tail.shift()?.length ?? 0;
  }

  /** An event of a stream ends with an empty line. */
  #count(chunk: Buffer): void {
    let at = chunk.indexOf("\n\n");
    while (at >= 0) {
      this.#pieces += 1;
      at = chunk.indexOf("\n\n", at + 2);
    }
    // One that was torn between two chunks.
    if (chunk[0] === lineFeed && chunk[1] !== lineFeed) this.#pieces += 1;
  }

  /** The stream has said that nothing follows, each protocol in its own way. */
  get saidLast(): boolean {
    return this.#streamed && lastEvents.test(this.#lastText());
  }

  #lastText(): string {
    const text = Buffer.concat(this.#tail).toString("latin1");
    return text.length > 2 * tailBytes ? text.slice(-2 * tailBytes) : text;
  }

  read(): Usage {
    const text = this.#lastText();
    const outputTokens = lastNumber(text, "completion_tokens") ?? lastNumber(text, "output_tokens");
    const promptTokens = lastNumber(text, "prompt_tokens") ?? lastNumber(text, "input_tokens");
    const cachedTokens = lastNumber(text, "cached_tokens") ?? lastNumber(text, "cache_read_input_tokens");
    return {
      outputTokens: outputTokens ?? this.#guess(),
      ...(promptTokens === undefined ? {} : { promptTokens }),
      ...(cachedTokens === undefined ? {} : { cachedTokens }),
    };
  }

  /** The last piece of a stream says only that it ends. */
  #guess(): number {
    if (!this.#writes) return 0;
    return this.#streamed ? Math.max(0, this.#pieces - 1) : Math.ceil(this.#bytes / bytesPerToken);
  }
}

/** The last whole number that stands behind this name. */
function lastNumber(text: string, name: string): number | undefined {
  const quoted = `"${name}"`;
  for (let at = text.lastIndexOf(quoted); at >= 0; at = at === 0 ? -1 : text.lastIndexOf(quoted, at - 1)) {
    let from = at + quoted.length;
    while (text[from] === " ") from += 1;
    if (text[from] !== ":") continue;
    from += 1;
    while (text[from] === " ") from += 1;
    let to = from;
    while (to - from < 15 && text.charCodeAt(to) >= 0x30 && text.charCodeAt(to) <= 0x39) to += 1;
    if (to > from) return Number(text.slice(from, to));
  }
  return undefined;
}
