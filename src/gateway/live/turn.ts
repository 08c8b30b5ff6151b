/** A share that has its turn on an engine, and what its owner tells of it as records. */

import { strict as assert } from "node:assert";
import type { EngineId } from "../../model/cluster.ts";
import type { SharePhase } from "../../model/event.ts";
import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { ShareFault, ShareResult, Turn } from "./driver.ts";

/** What a turn tells those who look after its engine and its stage. */
export type TurnKeeper = {
  readonly onFirstToken: (turn: ShareTurn) => void;
  readonly onHandedOver: (turn: ShareTurn) => void;
  readonly onEnd: (turn: ShareTurn, result: ShareResult) => void;
  readonly onFail: (turn: ShareTurn, fault: ShareFault) => void;
};

export type TurnFacts = {
  readonly stage: VisibleModelStage;
  readonly share: number;
  readonly shares: number;
  readonly items: number;
  readonly attempt: number;
  readonly engine: EngineId;
  readonly phase: SharePhase;
  readonly decodeEngine: EngineId | undefined;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Shares that ran beside it when it began. */
  readonly beside: number;
  readonly startUs: number;
  readonly reason: string;
  readonly planAgeUs: number;
  readonly waitedUs: number;
  /** It began with another planner: what it takes from here on is not all that it took. */
  readonly adopted: boolean;
};

/** Whatever is told after its end, or after it was voided, changes nothing: a server's late answer must not confuse the books. */
export class ShareTurn implements Turn {
  readonly stage: VisibleModelStage;
  readonly share: number;
  readonly shares: number;
  readonly items: number;
  readonly attempt: number;
  readonly engine: EngineId;
  readonly phase: SharePhase;
  readonly decodeEngine: EngineId | undefined;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly beside: number;
  readonly startUs: number;
  readonly reason: string;
  readonly planAgeUs: number;
  readonly waitedUs: number;
  readonly adopted: boolean;
  /** When the first token came; -1 before. */
  firstTokenUs = -1;
  #open = true;
  #abort: AbortController | undefined;
  readonly #keeper: TurnKeeper;

  constructor(facts: TurnFacts, keeper: TurnKeeper) {
    this.stage = facts.stage;
    this.share = facts.share;
    this.shares = facts.shares;
    this.items = facts.items;
    this.attempt = facts.attempt;
    this.engine = facts.engine;
    this.phase = facts.phase;
    this.decodeEngine = facts.decodeEngine;
    this.promptTokens = facts.promptTokens;
    this.cachedTokens = facts.cachedTokens;
    this.beside = facts.beside;
    this.startUs = facts.startUs;
    this.reason = facts.reason;
    this.planAgeUs = facts.planAgeUs;
    this.waitedUs = facts.waitedUs;
    this.adopted = facts.adopted;
    this.#keeper = keeper;
  }

  get model(): ModelId {
    return this.stage.model;
  }

  get open(): boolean {
    return this.#open;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (!this.#open && !this.#abort.signal.aborted) this.#abort.abort();
    return this.#abort.signal;
  }

  firstToken(): void {
    if (this.#open && this.firstTokenUs < 0 && this.phase !== "prefill") this.#keeper.onFirstToken(this);
  }

  handedOver(): void {
    if (!this.#open) return;
    assert(this.phase === "prefill", `${this.stage.key} is handed over in phase ${this.phase}`);
    this.#open = false;
    this.#keeper.onHandedOver(this);
  }

  end(result: ShareResult): void {
    if (!this.#open) return;
    assert(this.phase !== "prefill", `${this.stage.key} ends before it is handed over`);
    this.#open = false;
    this.#keeper.onEnd(this, result);
  }

  fail(fault: ShareFault): void {
    if (!this.#open) return;
    this.#open = false;
    this.#keeper.onFail(this, fault);
  }

  /** Takes the turn back: its stage is dropped, or its attempt is void. */
  revoke(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#abort?.abort();
  }
}
