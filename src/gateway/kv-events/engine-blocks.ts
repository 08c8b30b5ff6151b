/**
 * The blocks that one engine holds for one model, by its own names and by our hash of all tokens up to their ends.
 *
 * A name stays known after its block is removed, since the engine may store it, or blocks after it, again. Invariant: a name
 * is not given up before those of the blocks after it, unless very many in a row have blocks after them. Storing and removing
 * cost a few map operations a block and a pass over its tokens; matching a pass over the prompt.
 */

import type { MsgpackValue } from "../../wire/msgpack.ts";
import type { BlockHash, BlockRemoved, BlockStored } from "./event.ts";
import { emptyPrompt, hashExtra, hashTokens, type TokenHash } from "./token-hash.ts";

type Block = { readonly hash: TokenHash; parent: Block | undefined; children: number; here: boolean };

/** Sizes of blocks that one engine may have at once. */
const mostSizes = 4;
/** Names looked at for one that may go. */
const mostSpared = 64;

export class EngineBlocks {
  readonly #most: number;
  /** Touched longest ago first. */
  readonly #blocks = new Map<BlockHash, Block>();
  /** How many names stand for the same content. */
  readonly #here = new Map<TokenHash, number>();
  readonly #sizes = new Set<number>();
  /** Blocks stored of which we do not know what they hold: after an unknown parent, or without tokens. */
  unplaced = 0;
  /** Blocks given up although the engine holds them, because there were too many. */
  givenUp = 0;

  constructor(mostBlocks: number) {
    this.#most = mostBlocks;
  }

  /** Blocks that the engine holds. */
  get size(): number {
    return this.#here.size;
  }

  get sizes(): ReadonlySet<number> {
    return this.#sizes;
  }

  has(hash: TokenHash): boolean {
    return this.#here.has(hash);
  }

  /** Returns the hashes of what is stored now and was not. */
  store(event: BlockStored): readonly TokenHash[] {
    const { blocks, parent, tokens } = event;
    const size = tokens.length / blocks.length;
    let previous = parent === undefined ? undefined : this.#blocks.get(parent);
    if ((parent !== undefined && previous === undefined) || !Number.isInteger(size) || size === 0) {
      this.unplaced += blocks.length;
      return [];
    }
    if (this.#sizes.size < mostSizes) this.#sizes.add(size);
    const stored: TokenHash[] = [];
    for (const [index, name] of blocks.entries()) {
      const before = hashExtra(previous?.hash ?? emptyPrompt, extraOf(event, index));
      const hash = hashTokens(before, tokens, index * size, (index + 1) * size);
      previous = this.#put(name, hash, previous, stored);
    }
    this.#shrink();
    return stored;
  }

  /** Returns the hashes of what is no longer there. */
  remove({ blocks }: Pick<BlockRemoved, "blocks">): readonly TokenHash[] {
    const removed: TokenHash[] = [];
    for (const name of blocks) {
      const block = this.#blocks.get(name);
      if (block?.here === true && this.#leave(block)) removed.push(block.hash);
    }
    return removed;
  }

  /** Tokens at the beginning of the prompt whose blocks are all there. */
  match(tokens: readonly number[]): number {
    let longest = 0;
    for (const size of this.#sizes) {
      let hash = emptyPrompt;
      let end = 0;
      while (end + size <= tokens.length) {
        hash = hashTokens(hash, tokens, end, end + size);
        if (!this.#here.has(hash)) break;
        end += size;
      }
      longest = Math.max(longest, end);
    }
    return longest;
  }

  #put(name: BlockHash, hash: TokenHash, parent: Block | undefined, stored: TokenHash[]): Block {
    const known = this.#blocks.get(name);
    const same = known !== undefined && known.hash === hash;
    if (known !== undefined && !same) this.#drop(name, known);
    const block = known !== undefined && same ? known : { hash, parent, children: 0, here: false };
    if (!same && parent !== undefined) parent.children += 1;
    if (same) this.#blocks.delete(name);
    this.#blocks.set(name, block);
    if (!block.here) {
      block.here = true;
      const times = this.#here.get(hash) ?? 0;
      this.#here.set(hash, times + 1);
      if (times === 0) stored.push(hash);
    }
    return block;
  }

  /** Whether nothing of that content is left. */
  #leave(block: Block): boolean {
    block.here = false;
    const times = this.#here.get(block.hash) ?? 0;
    if (times > 1) this.#here.set(block.hash, times - 1);
    else this.#here.delete(block.hash);
    return times <= 1;
  }

  #drop(name: BlockHash, block: Block): void {
    this.#blocks.delete(name);
    if (block.here) this.#leave(block);
    if (block.parent !== undefined) block.parent.children -= 1;
    // Else a block would keep all before it in memory, however long ago their names were given up.
    block.parent = undefined;
  }

  #shrink(): void {
    let spared = 0;
    for (const [name, block] of this.#blocks) {
      if (this.#blocks.size <= this.#most) return;
      if (block.children > 0 && spared < mostSpared) {
        this.#blocks.delete(name);
        this.#blocks.set(name, block);
        spared += 1;
        continue;
      }
      spared = 0;
      if (block.here) this.givenUp += 1;
      this.#drop(name, block);
    }
  }
}

/** What the content of a block depends on besides tokens, as text; empty for most. */
function extraOf({ extraKeys, loraId, loraName, cacheSalt, parent }: BlockStored, index: number): string {
  const lora = loraName ?? loraId;
  const keys = extraKeys?.[index] ?? null;
  // Blocks after the first are told apart by what came before them.
  const begins = parent === undefined && index === 0;
  if (keys === null && (!begins || (lora === undefined && cacheSalt === undefined))) return "";
  return JSON.stringify([begins ? (lora ?? null) : null, begins ? (cacheSalt ?? null) : null, toPlain(keys)]);
}

function toPlain(value: MsgpackValue): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map((each: MsgpackValue) => toPlain(each));
  if (value instanceof Map) return [...value].map(([key, each]) => [toPlain(key), toPlain(each)]);
  return value;
}
