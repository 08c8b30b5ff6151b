/**
 * What of a run's texts is read for the driver to see. A small workflow can have a large input in each of its prompts, and all of these are
 * shown at once. So what is equal in them is read once, and of what is not, so many characters in all.
 */

import { readOn, type OpenHash } from "../../model/prefix.ts";
import { evaluate, type Scope } from "./evaluate.ts";
import { RenderFault } from "./room.ts";
import { toText, type Piece } from "./template.ts";
import type { Json } from "./wire.ts";

const maxRead = 16_000_000;
/** What is shorter is read again rather than remembered. */
const shortText = 256;

export class Sight {
  #left = maxRead;
  /** Values that are no texts, as JSON, by their path: they never change. */
  readonly #written = new Map<string, string>();
  /** What a hash becomes by a hole, by what it was before and the path. */
  readonly #hashes = new Map<string, OpenHash>();

  /** What cannot be filled fails the stage when its turn comes, not the view of it: here it is nothing. */
  show(piece: Piece, scope: Scope): string {
    if (piece.kind === "text") return piece.text;
    const path = pathOf(piece);
    const written = path === undefined ? undefined : this.#written.get(path);
    if (written !== undefined) return written;
    try {
      const value = evaluate(piece.expression, scope) ?? null;
      const text = this.textOf(value);
      if (path !== undefined && typeof value === "object" && text !== "") this.#written.set(path, text);
      return text;
    } catch (error) {
      if (error instanceof RenderFault) return "";
      throw error;
    }
  }

  /** Texts are there already; other values must be written down first, and are nothing where that would be too much. */
  textOf(value: Json): string {
    if (typeof value !== "object" || value === null) return toText(value);
    if (this.#left < 0) return "";
    const text = toText(value);
    this.#left -= text.length;
    return text;
  }

  /** The hash when the piece is read, which shows as `text`; undefined where that would be too much. */
  read(hash: OpenHash, piece: Piece, text: string): OpenHash | undefined {
    // What stands in the workflow itself is no longer than that.
    if (piece.kind === "text" || text.length < shortText) return readOn(hash, text);
    const path = pathOf(piece);
    const key = path === undefined ? undefined : `${hash.high} ${hash.low} ${path}`;
    const known = key === undefined ? undefined : this.#hashes.get(key);
    if (known !== undefined) return known;
    this.#left -= text.length;
    if (this.#left < 0) return undefined;
    const after = readOn(hash, text);
    if (key !== undefined) this.#hashes.set(key, after);
    return after;
  }
}

/** Where an input or a result is read; what an item is differs from stage to stage. */
function pathOf({ expression }: Extract<Piece, { kind: "hole" }>): string | undefined {
  if (expression.kind !== "path" || (expression.steps[0] !== "inputs" && expression.steps[0] !== "stages"))
    return undefined;
  return JSON.stringify(expression.steps);
}
