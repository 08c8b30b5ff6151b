/**
 * Counts the records of a live journal from 1. Those that come are numbered for the gateway's own journal, which has more in it than is
 * told to whoever looks on, and which may begin a new file in between.
 */

/** Takes text in pieces of any size and gives back whole lines; what is left of the last one waits for the next piece. */
export function createRenumber(): (piece: string) => string {
  let next = 1;
  let rest = "";
  return (piece) => {
    const text = rest + piece;
    const end = text.lastIndexOf("\n") + 1;
    rest = text.slice(end);
    // A record begins with its stamp; a header has none.
    return text
      .slice(0, end)
      .replaceAll(/^(\{"atUs":\d+,"sequence":)\d+/gm, (_, before: string) => `${before}${next++}`);
  };
}
