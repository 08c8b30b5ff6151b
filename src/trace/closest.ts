/** Which known word somebody may have meant. */

/** The known word within two edits, the nearest and then the first. */
export function closest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 60) return undefined;
  let best: { word: string; edits: number } | undefined;
  for (const candidate of known) {
    const edits = countEdits(word.toLowerCase(), candidate.toLowerCase());
    if (edits <= Math.min(2, candidate.length - 1) && edits < (best?.edits ?? Infinity))
      best = { word: candidate, edits };
  }
  return best?.word;
}

/** `; did you mean x?` or nothing. */
export function meant(word: string, known: Iterable<string>): string {
  const near = closest(word, [...known].slice(0, 1000));
  return near === undefined ? "" : `; did you mean ${near}?`;
}

/** Levenshtein distance. */
function countEdits(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const swap = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
