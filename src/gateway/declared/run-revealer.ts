/**
 * Shows the stages of one run to the driver, each once: a map when the length of its list is known, and none before its parents that
 * are not over.
 */

import type { Driver } from "../live/driver.ts";
import { toDriverId, type DeclaredRun } from "./declared-run.ts";
import type { Scope } from "./evaluate.ts";
import type { RunBook } from "./run-book.ts";
import type { Node } from "./run-graph.ts";
import { Sight } from "./sight.ts";
import { expectedTokens } from "./stage-result.ts";
import { toVisible, type Known } from "./to-visible.ts";

export type RevealerSurroundings = {
  readonly driver: Pick<Driver, "reveal">;
  /** Expected length of an answer of this model. */
  readonly outputTokens: (model: string) => number;
  /** Of the run's tenant. */
  readonly priority: number;
};

export class RunRevealer {
  readonly #around: RevealerSurroundings;
  readonly #book: RunBook;
  readonly #workflow: string;
  readonly #nodes: ReadonlyMap<string, Node>;
  /** Those that the driver does not know of yet, parents before children. */
  readonly #hidden: Set<Node>;
  readonly #sight = new Sight();

  /** `nodes`: parents before children. */
  constructor(run: DeclaredRun, nodes: ReadonlyMap<string, Node>, book: RunBook, around: RevealerSurroundings) {
    this.#around = around;
    this.#book = book;
    this.#workflow = toDriverId(run);
    this.#nodes = nodes;
    this.#hidden = new Set([...nodes.values()].filter(({ isPast }) => !isPast));
  }

  /** Shows all that can be shown by now. */
  reveal(): void {
    const known = this.#known(this.#book.scope());
    for (const node of this.#hidden) {
      if (node.count === undefined || node.parentsHidden > 0) continue;
      // Were it shown with its open parents alone, it would seem to lead nowhere when they are skipped.
      if (node.isMixed && node.parentsOpen > 0) continue;
      this.#hidden.delete(node);
      node.revealed = true;
      for (const child of node.children) child.parentsHidden -= 1;
      const isShown = (id: string): boolean => this.#isShown(id) && this.#book.hasEnded(id);
      const { stage, lengths } = toVisible(node.stage, node.count, node.isMixed ? { ...known, isShown } : known);
      node.lengths = lengths;
      this.#around.driver.reveal(stage);
    }
  }

  /** A map that does not run has no list, and what waited for parents may not run: it is shown as one that will not. */
  revealAnyway(node: Node): void {
    if (node.revealed) return;
    node.count = 0;
    this.reveal();
  }

  /** Lengths of the prompt's links, now that all parents are over. */
  chainTokens(node: Node, scope: Scope): readonly number[] {
    return node.lengths(this.#known(scope));
  }

  #isShown = (id: string): boolean => this.#nodes.get(id)?.revealed === true;

  #known(scope: Scope): Known {
    const { outputTokens, priority } = this.#around;
    return {
      workflow: this.#workflow,
      scope,
      sight: this.#sight,
      priority,
      isShown: this.#isShown,
      record: (id) => this.#book.record(id),
      expectTokens: (id) => expectedTokens(this.#nodes.get(id)?.stage, outputTokens),
    };
  }
}
