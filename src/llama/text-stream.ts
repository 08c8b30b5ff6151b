/** Tokens to text as they come: never half a character, and nothing of a stop text. */

import type { LlamaModel, Token } from "./library.ts";

export type TextStream = {
  readonly push: (token: Token) => void;
  /** A stop text was met: what follows it, itself included, is not written. */
  readonly stopped: () => boolean;
  readonly end: () => void;
};

/** Tokens that may pass before a character that never becomes whole is written as it is. */
const longestCharacter = 4;
/** How many tokens before a run of new ones its spelling can depend on. */
const lookBack = 4;

export function createTextStream(
  model: Pick<LlamaModel, "detokenize">,
  stops: readonly string[],
  write: (text: string) => void,
): TextStream {
  const longestStop = Math.max(0, ...stops.map(({ length }) => length));
  const before: Token[] = [];
  let fresh: Token[] = [];
  let held = "";
  let met = false;
  const flush = (everything: boolean): void => {
    const text = model.detokenize(fresh, false, before);
    if (!everything && text.endsWith("\uFFFD") && fresh.length < longestCharacter) return;
    before.push(...fresh);
    before.splice(0, Math.max(0, before.length - lookBack));
    fresh = [];
    held += text;
    const at = findFirst(held, stops);
    met ||= at !== undefined;
    // What could be the beginning of a stop text is kept back.
    const length = at ?? (everything ? held.length : Math.max(0, held.length - Math.max(0, longestStop - 1)));
    if (length > 0) write(held.slice(0, length));
    held = met ? "" : held.slice(length);
  };
  return {
    push: (token) => {
      fresh.push(token);
      flush(false);
    },
    stopped: () => met,
    end: () => {
      if (!met) flush(true);
    },
  };
}

function findFirst(text: string, stops: readonly string[]): number | undefined {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at !== -1);
  return found.length === 0 ? undefined : Math.min(...found);
}
