/** How much there is to build of a JSON text, told without building it. */

/**
 * Whether it has more objects, lists and keys than this, whatever it is otherwise. Each costs a parser ten times what a number or a short
 * text does. Stops at the first that is too many; costs a look at every byte, and none where there are too few of them.
 */
export function hasMoreThan(most: number, json: Uint8Array): boolean {
  if (json.length <= most) return false;
  let count = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === quote) at = endOfText(json, at + 1);
    else if ((byte === openBrace || byte === openBracket || byte === colon) && ++count > most) return true;
  }
  return false;
}

/** Where its closing quote is. */
function endOfText(json: Uint8Array, start: number): number {
  const { length } = json;
  let at = start;
  while (at < length && json[at] !== quote) at += json[at] === backslash ? 2 : 1;
  return at;
}

const quote = 0x22;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const openBrace = 0x7b;
