/** What the stages of a frontier leave cached for each other in a forecast. */

import type { FrontierStage } from "./frontier.ts";

export class Prefixes {
  /** Per stage: the links that others of the frontier have too, and the prompt's tokens up to each. */
  readonly #links: readonly (readonly Link[])[];
  readonly #count: number;
  /** Per engine and link: the forecast in which it was left there. */
  readonly #leftIn: Uint32Array;
  #forecast = 0;

  constructor(stages: readonly FrontierStage[], engines: number) {
    const numbers = numberShared(stages);
    this.#links = stages.map((entry) => linksOf(entry, numbers));
    this.#count = numbers.size;
    this.#leftIn = new Uint32Array(engines * numbers.size);
  }

  isShared(position: number): boolean {
    return (this.#links[position] ?? []).length > 0;
  }

  reset(): void {
    this.#forecast += 1;
  }

  leave(position: number, engine: number): void {
    for (const { number } of this.#links[position] ?? []) this.#leftIn[engine * this.#count + number] = this.#forecast;
  }

  /** Tokens of the stage's prompt that earlier stages of this forecast have left on the engine. */
  tokens(position: number, engine: number): number {
    const links = this.#links[position] ?? [];
    for (let at = links.length - 1; at >= 0; at--) {
      const link = links[at];
      if (link !== undefined && this.#leftIn[engine * this.#count + link.number] === this.#forecast) return link.tokens;
    }
    return 0;
  }
}

type Link = { readonly number: number; readonly tokens: number };

/** A link's hash stands for all before it. The same text is another prefix to another model. */
function keysOf({ stage }: FrontierStage): string[] {
  if (stage.kind === "tool") return [];
  return stage.chain.slice(0, stage.sharedLinks).map(({ hash }) => `${stage.model} ${hash}`);
}

/** Links that two stages have or more, by number. */
function numberShared(stages: readonly FrontierStage[]): ReadonlyMap<string, number> {
  const once = new Set<string>();
  const numbers = new Map<string, number>();
  for (const entry of stages)
    for (const key of keysOf(entry)) {
      if (once.has(key) && !numbers.has(key)) numbers.set(key, numbers.size);
      once.add(key);
    }
  return numbers;
}

function linksOf(entry: FrontierStage, numbers: ReadonlyMap<string, number>): readonly Link[] {
  const { stage } = entry;
  if (stage.kind === "tool" || numbers.size === 0) return [];
  let tokens = 0;
  return keysOf(entry).flatMap((key, at) => {
    tokens += stage.chain[at]?.tokens ?? 0;
    const number = numbers.get(key);
    return number === undefined ? [] : [{ number, tokens }];
  });
}
