/** Prompt tokens: taken in, found cached, and taken in although the cluster had computed them before. */

import type { JournalEvent, PrefillStart } from "../model/event.ts";
import type { ModelId } from "../model/model.ts";
import { chainHash } from "../model/prefix.ts";
import type { VisibleModelStage, VisibleStage } from "../model/visible.ts";
import type { StageKey } from "../model/workflow.ts";

export type PromptTokens = {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /**
   * Tokens computed although their KV had been computed before, for this model, on some engine of the cluster: those of the
   * longest leading run of links ever taken in or written, less what was found cached. Lost, evicted or elsewhere: all count.
   */
  readonly recomputedTokens: number;
};

/** Remembers the shared text ever computed; what belongs to one stage is forgotten with its workflow. */
export class TokenCount {
  readonly #stageOf: (key: StageKey) => VisibleStage | undefined;
  readonly #computed = new Map<ModelId, Set<number>>();
  promptTokens = 0;
  cachedTokens = 0;
  recomputedTokens = 0;

  constructor(stageOf: (key: StageKey) => VisibleStage | undefined) {
    this.#stageOf = stageOf;
  }

  see(event: JournalEvent): void {
    switch (event.kind) {
      case "prefill-start":
        return this.#takeIn(event);
      case "prefill-end": {
        const stage = this.#stageOf(event.stage);
        if (stage === undefined || stage.kind === "tool") return;
        const links = stage.items > 1 ? stage.sharedLinks : stage.chain.length;
        for (let index = 0; index < links; index++) this.#setOf(stage).add(stage.chain[index]?.hash ?? 0);
        return;
      }
      case "decode-end": {
        const stage = this.#stageOf(event.stage);
        if (stage !== undefined && stage.kind !== "tool" && stage.items === 1)
          this.#setOf(stage).add(outputHash(stage));
        return;
      }
      default:
        return;
    }
  }

  /** To be called with the stages of a workflow that closes: nothing can share their own text any more. */
  forget(stages: readonly VisibleStage[]): void {
    for (const stage of stages) {
      if (stage.kind === "tool") continue;
      const computed = this.#setOf(stage);
      for (const link of stage.chain.slice(stage.sharedLinks)) computed.delete(link.hash);
      computed.delete(outputHash(stage));
    }
  }

  #takeIn(event: PrefillStart): void {
    this.promptTokens += event.promptTokens;
    this.cachedTokens += event.cachedTokens;
    const stage = this.#stageOf(event.stage);
    if (stage === undefined || stage.kind === "tool") return;
    const computed = this.#setOf(stage);
    let known = 0;
    for (const [index, link] of stage.chain.entries()) {
      if (!computed.has(link.hash) || (stage.items > 1 && index >= stage.sharedLinks)) break;
      known += link.tokens;
    }
    // The last token of a prompt is computed in any case.
    this.recomputedTokens += Math.max(0, Math.min(known, event.promptTokens - 1) - event.cachedTokens);
  }

  #setOf({ model }: VisibleModelStage): Set<number> {
    let known = this.#computed.get(model);
    if (known === undefined) this.#computed.set(model, (known = new Set()));
    return known;
  }
}

function outputHash({ chain, key }: VisibleModelStage): number {
  return chainHash(chain.at(-1)?.hash, `output:${key}`);
}
