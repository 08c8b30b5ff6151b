/** What a prefix cache is to do, done the slow way: a list of prefixes in order of use, copied whole for each fork. */

import type { ChainLink } from "../../src/model/prefix.ts";

type Entry = {
  readonly hash: number;
  readonly tokens: number;
  readonly parent: number;
  readonly untilUs: number;
};

export class PrefixModel {
  /** Oldest first. */
  #entries: readonly Entry[];

  constructor(entries: readonly Entry[] = []) {
    this.#entries = entries;
  }

  get tokens(): number {
    return this.#entries.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  get size(): number {
    return this.#entries.length;
  }

  match(chain: readonly ChainLink[]): number {
    const missing = chain.findIndex(({ hash }) => this.#find(hash) === undefined);
    return chain.slice(0, missing < 0 ? chain.length : missing).reduce((sum, { tokens }) => sum + tokens, 0);
  }

  insert(chain: readonly ChainLink[], links: number, budgetTokens: number, nowUs: number): void {
    const used = chain.slice(0, links).map(({ hash, tokens }, index): Entry => {
      return this.#find(hash) ?? { hash, tokens, parent: chain[index - 1]?.hash ?? -1, untilUs: 0 };
    });
    const rest = this.#entries.filter(({ hash }) => used.every((entry) => entry.hash !== hash));
    this.#entries = [...rest, ...used.toReversed()];
    this.shrink(budgetTokens, nowUs);
  }

  shrink(budgetTokens: number, nowUs: number): void {
    while (this.tokens > budgetTokens) {
      const oldest = this.#entries.find(({ untilUs }) => untilUs <= nowUs);
      if (oldest === undefined) return;
      this.#entries = this.#entries.filter((entry) => entry !== oldest);
    }
  }

  drop(hash: number): void {
    const goes = (entry: Entry | undefined): boolean =>
      entry !== undefined && (entry.hash === hash || goes(this.#find(entry.parent)));
    this.#entries = this.#entries.filter((entry) => !goes(entry));
  }

  retain(hash: number, untilUs: number): void {
    const kept = new Set<number>();
    for (let entry = this.#find(hash); entry !== undefined; entry = this.#find(entry.parent)) kept.add(entry.hash);
    this.#entries = this.#entries.map((entry) =>
      kept.has(entry.hash) ? { ...entry, untilUs: Math.max(entry.untilUs, untilUs) } : entry,
    );
  }

  list(): readonly (readonly [number, number, number])[] {
    return this.#entries.map(({ hash, tokens, parent }) => [hash, tokens, parent]);
  }

  usedSince(): ReadonlyMap<number, number> {
    return new Map(
      this.#entries.map(({ hash }, at) => [hash, this.#entries.slice(at).reduce((sum, { tokens }) => sum + tokens, 0)]),
    );
  }

  restore(nodes: readonly (readonly [number, number, number])[]): void {
    const added = nodes.filter(([hash]) => this.#find(hash) === undefined);
    this.#entries = [
      ...this.#entries,
      ...added.map(([hash, tokens, parent]) => ({ hash, tokens, parent, untilUs: 0 })),
    ];
  }

  fork(): PrefixModel {
    return new PrefixModel(this.#entries);
  }

  #find(hash: number): Entry | undefined {
    return this.#entries.find((entry) => entry.hash === hash);
  }
}
