/** Looks after the shares that have their turn: from their start on an engine until they end, fail, or are handed over. */

import { strict as assert } from "node:assert";
import type { EngineId } from "../../model/cluster.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { EngineState, QueuedShare } from "../../state/engine-state.ts";
import type { ShareFault, ShareResult } from "./driver.ts";
import type { Learning } from "./learning.ts";
import type { Moments } from "./moments.ts";
import type { StageDesk } from "./stage-desk.ts";
import { ShareTurn, type TurnKeeper } from "./turn.ts";
import type { World } from "./world.ts";

export type TurnDeskHost = {
  readonly world: World;
  readonly moments: Moments;
  readonly stages: StageDesk;
  readonly learning: Learning;
  readonly serve: (engine: EngineId) => void;
  readonly onOutcome: (engine: EngineId, fault: ShareFault | undefined, call?: StageKey) => void;
  /** An owner did not even begin: a mistake of ours. */
  readonly onFault: (error: unknown) => void;
};

export class TurnDesk implements TurnKeeper {
  readonly #host: TurnDeskHost;

  constructor(host: TurnDeskHost) {
    this.#host = host;
  }

  begin = (queued: QueuedShare, engine: EngineState, beside: number): void => {
    const turn = this.open(queued, engine, beside);
    try {
      this.#host.stages.find(turn.stage.key)?.work.start(turn);
    } catch (error) {
      this.#host.onFault(error);
      const open = this.#host.stages.find(turn.stage.key);
      if (!turn.open || open === undefined) return;
      const message = "the gateway could not make the call";
      const refusal = { kind: "engine-failed", message, retryAfterS: 1 } as const;
      this.#host.moments.live(() => this.#host.stages.refuse(open, refusal, "failed"));
    }
  };

  open(queued: QueuedShare, engine: EngineState, beside: number, adopted?: "adopted"): ShareTurn {
    const { world, stages } = this.#host;
    const { stage, share, attempt, items, phase } = queued;
    const open = stages.find(stage.key);
    assert(open !== undefined, `${stage.key} runs, but nobody waits for it`);
    const { nowUs } = world;
    const turn = new ShareTurn(
      {
        stage,
        share,
        shares: world.state.workflows.node(stage.key).shares.length,
        items,
        attempt,
        engine: engine.id,
        phase,
        decodeEngine: queued.decodeEngine,
        promptTokens: stage.promptTokens,
        cachedTokens: Math.min(engine.cachedTokens(stage), Math.max(0, stage.promptTokens - 1)),
        beside,
        startUs: nowUs,
        reason: open.reason,
        planAgeUs: nowUs - open.viewUs,
        waitedUs: nowUs - open.readyUs,
        adopted: adopted !== undefined,
      },
      this,
    );
    stages.begin(open, turn);
    return turn;
  }

  onFirstToken = (turn: ShareTurn): void => {
    const { world, moments } = this.#host;
    moments.begin();
    turn.firstTokenUs = world.nowUs;
    if (turn.phase !== "whole") return;
    const name = nameOf(turn);
    world.emit({ kind: "prefill-end", ...name });
    if (turn.stage.kind === "embed") return;
    const { items: sequences, promptTokens: contextTokens } = turn;
    world.emit({ kind: "decode-start", ...name, sequences, waves: 1, contextTokens });
  };

  onHandedOver = (turn: ShareTurn): void => {
    const to = turn.decodeEngine;
    assert(to !== undefined, `${turn.stage.key} has no decode engine`);
    this.#host.moments.live(() => {
      const { world, stages, learning, onOutcome, serve } = this.#host;
      const open = stages.find(turn.stage.key);
      assert(open !== undefined, `${turn.stage.key} is handed over, but nobody waits for it`);
      const name = nameOf(turn);
      const bytes = turn.promptTokens * (world.costs.models.get(turn.model)?.kvBytesPerToken ?? 0);
      world.emit({ kind: "prefill-end", ...name });
      world.emit({ kind: "kv-transfer-start", ...name, to, bytes, waitUs: 0, durationUs: 0 });
      world.emit({ kind: "kv-transfer-end", ...name, to });
      world.emit({ kind: "share-end", ...name, phase: "prefill" });
      stages.release(open, turn);
      learning.onPrefill(turn, world.nowUs - turn.startUs);
      onOutcome(turn.engine, undefined);
      // It went down meanwhile: nobody there will ask for these keys and values.
      if (!world.state.cluster.engine(to).up) stages.lose(open);
      serve(turn.engine);
      serve(to);
    });
  };

  onEnd = (turn: ShareTurn, result: ShareResult): void => {
    this.#host.moments.live(() => {
      const { world, stages, learning, onOutcome, serve } = this.#host;
      const open = stages.find(turn.stage.key);
      assert(open !== undefined, `${turn.stage.key} ends, but nobody waits for it`);
      // Of an answer in one piece nobody knows when it began: it did at this instant, which tells it from one that was streamed.
      if (turn.firstTokenUs < 0) this.onFirstToken(turn);
      const name = nameOf(turn);
      if (turn.stage.kind === "llm") world.emit({ kind: "decode-end", ...name, outputTokens: result.outputTokens });
      world.emit({ kind: "share-end", ...name, phase: turn.phase });
      open.outputTokens += result.outputTokens;
      learning.onEnd(turn, result);
      if (world.state.workflows.node(open.key).sharesLeft === 0) stages.end(open, turn.attempt);
      else stages.release(open, turn);
      onOutcome(turn.engine, undefined);
      serve(turn.engine);
    });
  };

  onFail = (turn: ShareTurn, fault: ShareFault): void => {
    this.#host.moments.live(() => {
      const { stages, onOutcome } = this.#host;
      // First of all, since it may be the last straw: then the engine takes nothing more.
      onOutcome(turn.engine, fault, turn.stage.key);
      const open = stages.find(turn.stage.key);
      if (open === undefined || !open.turns.includes(turn)) return;
      if (fault.retry) stages.fail(open, turn.engine, fault);
      else stages.drop(open.key, fault.kind === "rejected" ? "refused" : "failed");
    });
  };
}

function nameOf({ stage, share, attempt, engine }: ShareTurn) {
  return { stage: stage.key, share, attempt, engine };
}
