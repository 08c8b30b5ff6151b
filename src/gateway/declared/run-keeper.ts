/** Writes down what becomes of one run, for as long as that takes, until the run is over or somebody else's. */

import type { Holding, RunEnd, Saved, Store } from "../../store/store.ts";
import type { StageRecord } from "./declared-run.ts";
import type { Patience } from "./patience.ts";
import { toStageRow } from "./stored-run.ts";

export type KeeperHost = {
  readonly store: Pick<Store, "saveStage" | "endRun">;
  readonly patience: Patience;
  /** The run is not this gateway's any more, or cannot be written down at all: `reason` says why in that case. */
  readonly onLost: (reason: string | undefined) => void;
};

export class RunKeeper {
  readonly #run: string;
  readonly #holding: Holding;
  readonly #host: KeeperHost;
  readonly #gone = new AbortController();
  readonly #saving = new Set<Promise<void>>();

  constructor(run: string, holding: Holding, host: KeeperHost) {
    this.#run = run;
    this.#holding = holding;
    this.#host = host;
  }

  /** Nothing more is written down. */
  get isGone(): boolean {
    return this.#gone.signal.aborted;
  }

  drop(): void {
    this.#gone.abort();
  }

  /** `then` is called when the record is saved, and not at all if it is not. */
  saveStage(record: StageRecord, then: () => void): void {
    const row = toStageRow(record);
    const saving = this.#save(() => this.#host.store.saveStage(this.#run, this.#holding, row)).then((isSaved) => {
      this.#saving.delete(saving);
      if (isSaved) then();
    });
    this.#saving.add(saving);
    saving.catch((error: unknown) => this.#host.onLost(String(error)));
  }

  /** What was under way to the store when the end came may be in it, and then counts: the end waits for it. */
  async end(end: RunEnd): Promise<boolean> {
    await Promise.all(this.#saving);
    return this.#save(() => this.#host.store.endRun(this.#run, this.#holding, end));
  }

  /** Whether it is saved now. */
  async #save(write: () => Promise<Saved>): Promise<boolean> {
    let reason: string | undefined;
    try {
      const saved = await this.#host.patience.until(write, this.#gone.signal);
      if (this.isGone) return false;
      if (saved === "saved" || saved === "known") return true;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    this.#host.onLost(reason);
    return false;
  }
}
