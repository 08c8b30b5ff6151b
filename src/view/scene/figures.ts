/** The counters that matter to whoever runs the engines, at any time: each change of them is kept with its time. */

import { MovementCount } from "../../measure/movements.ts";
import { TokenCount } from "../../measure/prompt-tokens.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { VisibleStage } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";

const figureNames = [
  "arrived",
  "ended",
  "abandoned",
  "placed",
  "loads",
  "swaps",
  "evictions",
  /** Shares that found their model on the engine, and all. */
  "warm",
  "started",
  "promptTokens",
  "cachedTokens",
  "recomputedTokens",
  "lostAttempts",
  "rejects",
] as const;

export type FigureName = (typeof figureNames)[number];
export type Figures = Readonly<Record<FigureName, number>>;

/** So many changes are kept; beyond that every other one of them goes. */
const mostSamples = 200_000;

export class FigureSeries {
  readonly #movements: MovementCount;
  readonly #tokens: TokenCount;
  readonly #now: Record<FigureName, number>;
  #atUs: number[] = [];
  #samples: Figures[] = [];
  readonly #loading = new Set<string>();

  constructor({ engines }: Cluster, stageOf: (key: StageKey) => VisibleStage | undefined) {
    this.#movements = new MovementCount(engines);
    this.#tokens = new TokenCount(stageOf);
    this.#now = Object.fromEntries(figureNames.map((name) => [name, 0])) as Record<FigureName, number>;
  }

  see(event: JournalEvent): void {
    this.#movements.see(event);
    this.#tokens.see(event);
    const changed = this.#count(event);
    if (!changed) return;
    const { loads, swaps, evictions, lostAttempts, rejects } = this.#movements.sums;
    const { promptTokens, cachedTokens, recomputedTokens } = this.#tokens;
    Object.assign(this.#now, {
      loads,
      swaps,
      evictions,
      lostAttempts,
      rejects,
      promptTokens,
      cachedTokens,
      recomputedTokens,
    });
    if (this.#atUs.at(-1) === event.atUs) this.#samples[this.#samples.length - 1] = { ...this.#now };
    else {
      this.#atUs.push(event.atUs);
      this.#samples.push({ ...this.#now });
    }
    if (this.#samples.length > mostSamples) this.#thin();
  }

  /** To be called with the stages of a workflow that is over: nothing can share their own text any more. */
  forget(stages: readonly VisibleStage[]): void {
    this.#tokens.forget(stages);
  }

  at(atUs: number): Figures {
    let [low, high] = [0, this.#atUs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#atUs[middle] ?? 0) <= atUs) low = middle + 1;
      else high = middle;
    }
    return this.#samples[low - 1] ?? none;
  }

  #count(event: JournalEvent): boolean {
    const now = this.#now;
    switch (event.kind) {
      case "workflow-arrive":
        now.arrived += 1;
        return true;
      case "workflow-end":
        now.ended += 1;
        return true;
      case "workflow-abandon":
        now.abandoned += 1;
        return true;
      case "stage-place":
        now.placed += 1;
        return true;
      case "share-start":
        now.started += 1;
        return true;
      case "prefill-start":
        // A load that a share waited for is over by now, and nobody else has counted it.
        if (!this.#loading.delete(event.engine)) now.warm += 1;
        return true;
      case "model-load-start":
        if (event.cause === "stage") this.#loading.add(event.engine);
        return true;
      case "model-evict":
      case "stage-lost":
      case "decision-reject":
        return true;
      default:
        return false;
    }
  }

  #thin(): void {
    const last = this.#samples.length - 1;
    const keep = (_: unknown, index: number): boolean => index % 2 === 1 || index === last;
    this.#atUs = this.#atUs.filter(keep);
    this.#samples = this.#samples.filter(keep);
  }
}

const none = Object.fromEntries(figureNames.map((name) => [name, 0])) as Figures;
