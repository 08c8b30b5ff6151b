/** What each engine spent its time on, from the first record to the last. */

import type { Cluster, EngineId } from "../model/cluster.ts";
import type { JournalEvent } from "../model/event.ts";
import type { StageKey } from "../model/workflow.ts";
import { CoveredTime } from "./covered-time.ts";

export type EngineTimes = {
  readonly engine: EngineId;
  readonly loadUs: number;
  /** A share holds its place but waits for inputs, or for its KV to leave, and nothing is computed. */
  readonly transferUs: number;
  /** On a batched engine: iterations that take in prompts, whether they decode beside that or not. */
  readonly prefillUs: number;
  readonly decodeUs: number;
  readonly downUs: number;
  readonly idleUs: number;
  /** Share of the time that went into prefill and decode. */
  readonly utilisation: number;
};

type Activity = "load" | "transfer" | "prefill" | "decode" | "down" | "idle";

type Clock = {
  readonly engine: EngineId;
  readonly spentUs: Record<Activity, number>;
  sinceUs: number;
  up: boolean;
  loading: boolean;
  /** Shares that hold a place, and on an exclusive engine the phase of the one. */
  readonly running: Map<string, Activity>;
  readonly batched: boolean;
  /** Batch steps, and those of them that take in prompts; of several models they overlap. */
  readonly steps: CoveredTime;
  readonly prefills: CoveredTime;
};

type Name = { readonly stage: StageKey; readonly share: number; readonly engine: EngineId };

/**
 * An exclusive engine is in one activity at a time. A batched one computes during its batch steps, which are recorded at their
 * end; the rest of the time in which it has shares counts as transfer.
 */
export class EngineClocks {
  readonly #clocks: ReadonlyMap<EngineId, Clock>;
  readonly #startUs: number;

  constructor(cluster: Cluster, startUs: number) {
    this.#startUs = startUs;
    this.#clocks = new Map(
      cluster.engines.map(({ id, batching }) => [id, createClock(id, batching.kind === "batched", startUs)]),
    );
  }

  see(event: JournalEvent): void {
    switch (event.kind) {
      case "model-load-start":
        return this.#change(event, (clock) => (clock.loading = true));
      case "model-load-end":
        return this.#change(event, (clock) => (clock.loading = false));
      case "share-start":
        return this.#setPhase(event, "transfer");
      case "prefill-start":
        return this.#setPhase(event, "prefill");
      case "prefill-end":
        return this.#setPhase(event, "transfer");
      case "decode-start":
        return this.#setPhase(event, "decode");
      case "share-preempt":
      case "share-end":
        return this.#change(event, (clock) => clock.running.delete(nameOf(event)));
      case "stage-lost":
        for (const clock of this.#clocks.values()) this.#drop(clock, event.stage, event.atUs);
        return;
      case "batch-step": {
        const clock = this.#clocks.get(event.engine);
        clock?.steps.add(event.startUs, event.atUs);
        if (event.prefillTokens > 0) clock?.prefills.add(event.startUs, event.atUs);
        return;
      }
      case "engine-down":
        return this.#change(event, (clock) => {
          clock.up = false;
          clock.loading = false;
        });
      case "engine-up":
        return this.#change(event, (clock) => (clock.up = true));
      default:
        return;
    }
  }

  end(endUs: number): EngineTimes[] {
    const spanUs = endUs - this.#startUs;
    return [...this.#clocks.values()].map((clock) => {
      settle(clock, endUs);
      const { load, transfer, down } = clock.spentUs;
      const prefill = clock.spentUs.prefill + clock.prefills.us;
      const decode = clock.spentUs.decode + clock.steps.us - clock.prefills.us;
      // On a batched engine shares hold their places during the steps too.
      const transferUs = clock.batched ? Math.max(0, transfer - prefill - decode) : transfer;
      return {
        engine: clock.engine,
        loadUs: load,
        transferUs,
        prefillUs: prefill,
        decodeUs: decode,
        downUs: down,
        idleUs: Math.max(0, spanUs - load - transferUs - prefill - decode - down),
        utilisation: spanUs === 0 ? 0 : (prefill + decode) / spanUs,
      };
    });
  }

  #change(event: { readonly engine: EngineId; readonly atUs: number }, change: (clock: Clock) => void): void {
    const clock = this.#clocks.get(event.engine);
    if (clock === undefined) return;
    settle(clock, event.atUs);
    change(clock);
  }

  #setPhase(event: Name & { readonly atUs: number }, activity: Activity): void {
    this.#change(event, (clock) => clock.running.set(nameOf(event), clock.batched ? "transfer" : activity));
  }

  #drop(clock: Clock, stage: StageKey, atUs: number): void {
    const lost = [...clock.running.keys()].filter((name) => name.startsWith(`${stage}#`));
    if (lost.length === 0) return;
    settle(clock, atUs);
    for (const name of lost) clock.running.delete(name);
  }
}

/** Books the time since the last change. */
function settle(clock: Clock, atUs: number): void {
  clock.spentUs[activityOf(clock)] += atUs - clock.sinceUs;
  clock.sinceUs = atUs;
}

function activityOf({ up, loading, running }: Clock): Activity {
  if (!up) return "down";
  if (loading) return "load";
  return running.values().next().value ?? "idle";
}

function createClock(engine: EngineId, batched: boolean, sinceUs: number): Clock {
  const spentUs = { load: 0, transfer: 0, prefill: 0, decode: 0, down: 0, idle: 0 };
  const covered = { steps: new CoveredTime(), prefills: new CoveredTime() };
  return { engine, spentUs, sinceUs, up: true, loading: false, running: new Map(), batched, ...covered };
}

function nameOf({ stage, share }: Name): string {
  return `${stage}#${share}`;
}
