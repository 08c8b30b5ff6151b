/** How much of their KV memory engines fill with what they decode: the contexts of sequences that decode, as they grow. */

import type { EngineId } from "../model/cluster.ts";
import type { JournalEvent } from "../model/event.ts";
import { createHoldings } from "../model/holding.ts";
import type { JournalHeader } from "../journal/journal.ts";

export type KvUse = {
  /** Over time and all engines that decode, weighted by their memory. */
  readonly meanShare: number;
  /** The most that any engine filled at any time. */
  readonly peakShare: number;
};

type Decoder = {
  readonly capacityTokens: number;
  /** Iterations that decoded so far: each adds a token to every sequence there. */
  steps: number;
  tokens: number;
  sinceUs: number;
  /** Tokens times microseconds. */
  area: number;
  peakTokens: number;
};

type Growing = {
  readonly decoder: Decoder;
  readonly tokens: number;
  readonly sequences: number;
  readonly fromStep: number;
};

/** For engines that hold one model each, as agents' do. */
export class KvUseClock {
  readonly #decoders: ReadonlyMap<EngineId, Decoder>;
  readonly #growing = new Map<string, Growing>();
  #startUs: number | undefined;
  #lastUs = 0;

  constructor({ cluster, models }: JournalHeader) {
    this.#decoders = new Map(
      createHoldings(cluster, models).map(({ engine, models: held }) => {
        const capacityTokens = held.values().next().value?.kvCapacityTokens ?? 0;
        return [engine.id, { ...idle, capacityTokens }];
      }),
    );
  }

  see(event: JournalEvent): void {
    this.#startUs ??= event.atUs;
    this.#lastUs = event.atUs;
    switch (event.kind) {
      case "batch-step": {
        const decoder = this.#decoders.get(event.engine);
        if (decoder === undefined || event.sequences === 0) return;
        settle(decoder, event.atUs);
        const grown = event.steps * event.sequences;
        // While it grew, half of that was there on average.
        decoder.area += (grown * (event.atUs - event.startUs)) / 2;
        decoder.tokens += grown;
        decoder.steps += event.steps;
        decoder.peakTokens = Math.max(decoder.peakTokens, decoder.tokens);
        return;
      }
      case "decode-start": {
        const decoder = this.#decoders.get(event.engine);
        if (decoder === undefined) return;
        settle(decoder, event.atUs);
        const { sequences } = event;
        const tokens = sequences * event.contextTokens;
        this.#growing.set(nameOf(event), { decoder, tokens, sequences, fromStep: decoder.steps });
        decoder.tokens += tokens;
        decoder.peakTokens = Math.max(decoder.peakTokens, decoder.tokens);
        return;
      }
      case "decode-end":
      case "share-preempt":
        return this.#drop(nameOf(event), event.atUs);
      case "stage-lost":
        for (const name of this.#growing.keys()) if (name.startsWith(`${event.stage}#`)) this.#drop(name, event.atUs);
        return;
      default:
        return;
    }
  }

  /** Engines count that decode by their role, `decodes`, or did. */
  end(decodes: (engine: EngineId) => boolean): KvUse {
    const spanUs = this.#lastUs - (this.#startUs ?? 0);
    let area = 0;
    let capacity = 0;
    let peakShare = 0;
    for (const [id, decoder] of this.#decoders) {
      if (decoder.capacityTokens === 0 || (decoder.steps === 0 && !decodes(id))) continue;
      settle(decoder, this.#lastUs);
      area += decoder.area;
      capacity += decoder.capacityTokens;
      peakShare = Math.max(peakShare, decoder.peakTokens / decoder.capacityTokens);
    }
    return { meanShare: capacity * spanUs === 0 ? 0 : area / capacity / spanUs, peakShare };
  }

  #drop(name: string, atUs: number): void {
    const growing = this.#growing.get(name);
    if (growing === undefined) return;
    this.#growing.delete(name);
    const { decoder, tokens, sequences, fromStep } = growing;
    settle(decoder, atUs);
    decoder.tokens -= tokens + sequences * (decoder.steps - fromStep);
  }
}

const idle = { steps: 0, tokens: 0, sinceUs: 0, area: 0, peakTokens: 0 };

function settle(decoder: Decoder, atUs: number): void {
  decoder.area += decoder.tokens * (atUs - decoder.sinceUs);
  decoder.sinceUs = atUs;
}

function nameOf(event: { readonly stage: string; readonly share: number }): string {
  return `${event.stage}#${event.share}`;
}
