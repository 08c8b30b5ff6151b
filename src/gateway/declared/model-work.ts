/**
 * What the owner of a declared model stage does with its turns: a share's items are called on its engine, a few at a time.
 * An item that has its result keeps it, whatever becomes of its share: a later attempt calls only what is missing. A workflow that is
 * kept does not fail because engines are away for a while: its stages wait for them, and a call that does not reach one is no try.
 */

import type { EngineId } from "../../model/cluster.ts";
import { isTry, type Refusal, type ShareFault, type Turn, type Work } from "../live/driver.ts";
import { wait, type Time } from "../live/time.ts";
import { addUsage, noUsage } from "./declared-run.ts";
import type { DeclaredModelStage } from "./declared.ts";
import type { Scope } from "./evaluate.ts";
import { readAnswer, surfaceOf, toBody, type Caller, type ItemResult } from "./model-call.ts";
import { RenderFault } from "./room.ts";
import type { Slices } from "./slices.ts";
import type { Usage, WireError } from "./wire.ts";

export type ModelWorkOptions = {
  readonly stage: DeclaredModelStage;
  /** 1 unless it is a map. */
  readonly items: number;
  readonly scopeOf: (item: number) => Scope;
  readonly caller: Caller;
  readonly time: Time;
  readonly slices: Slices;
  /** Calls of one share that this engine takes at once. */
  readonly sideBySide: (engine: EngineId) => number;
  readonly onStart: (turn: Turn) => void;
  readonly onItem: (index: number, result: ItemResult) => void;
  readonly onRetry: (message: string) => void;
  /** All items have their results, in their order. */
  readonly onEnd: (results: readonly ItemResult[]) => void;
  /** It failed for good, or was refused. */
  readonly onFail: (error: WireError) => void;
  /** Of ours: nothing more comes of it. */
  readonly onMistake: (error: unknown) => void;
};

/** Calls that do not reach their engines, with nothing done in between: with the pauses they take two minutes. */
const mostMissed = 30;
const firstPauseMs = 200;
const longestPauseMs = 5000;
const patience = { patient: true } as const;

export function createModelWork(options: ModelWorkOptions): Work {
  const { stage, items } = options;
  const results = Array.from<ItemResult | undefined>({ length: items });
  const handOffs = new Map<number, unknown>();
  let current = createAttempt(0, items);
  let failures = 0;
  /** Calls that have not reached their engine, since an item came to something. */
  let missed = 0;
  let settled = false;

  const onItem: ModelWorkOptions["onItem"] = (index, result) => {
    missed = 0;
    options.onItem(index, result);
  };

  const fail = async (turn: Turn, fault: ShareFault): Promise<void> => {
    if (settled) return turn.fail({ ...fault, retry: false });
    if (isTry(patience, fault)) failures += 1;
    else missed += 1;
    const retry = fault.retry && failures <= stage.retries && missed < mostMissed;
    // The first time it may go elsewhere at once. An engine that is gone is soon known to be, and then it waits in the queue.
    if (retry && missed > 1) await wait(options.time, pauseMs(missed), turn.signal);
    if (turn.signal.aborted) return givenUp(turn);
    if (retry) options.onRetry(fault.message);
    const error = { code: codes[fault.kind], message: fault.message, stage: stage.id };
    // The driver may refuse the stage there and then, and `refuse` tell of it.
    turn.fail({ ...fault, retry });
    if (retry || settled) return;
    settled = true;
    options.onFail(error);
  };

  const run = async (turn: Turn): Promise<void> => {
    if (turn.attempt !== current.attempt) current = createAttempt(turn.attempt, items);
    const attempt = current;
    const indices = attempt.indicesOf(turn);
    options.onStart(turn);
    const outcome = await callItems({ options: { ...options, onItem }, turn, indices, results, handOffs });
    // Taken back by the driver, which has the stage run again: what is done by now is not done twice.
    if (turn.signal.aborted) return givenUp(turn);
    if (outcome.fault !== undefined) return fail(turn, outcome.fault);
    if (turn.phase === "prefill") return turn.handedOver();
    turn.end(outcome.usage);
    attempt.ended.add(turn.share);
    if (settled || attempt.ended.size < turn.shares) return;
    settled = true;
    options.onEnd(results.flatMap((result) => result ?? []));
  };

  return {
    ...patience,
    start: (turn) => void run(turn).catch(options.onMistake),
    refuse: ({ kind, message }: Refusal) => {
      if (settled) return;
      settled = true;
      options.onFail({ code: kind.replaceAll("-", "_"), message, stage: stage.id });
    },
  };
}

/** Doubles from the second one on. */
function pauseMs(missed: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** (missed - 2));
}

function givenUp(turn: Turn): void {
  turn.fail(calledOff);
}

const codes: Readonly<Record<ShareFault["kind"], string>> = {
  unreachable: "engine_unreachable",
  stalled: "engine_stalled",
  cut: "engine_cut",
  busy: "engine_busy",
  rejected: "engine_rejected",
};

type Attempt = {
  readonly attempt: number;
  /** A share's items: the next ones nobody has, and for a decode those that it has prefilled. */
  readonly indicesOf: (turn: Turn) => readonly number[];
  readonly ended: Set<number>;
};

function createAttempt(attempt: number, items: number): Attempt {
  const byShare = new Map<number, readonly number[]>();
  let next = 0;
  return {
    attempt,
    ended: new Set(),
    indicesOf: ({ share, items: count }) => {
      const known = byShare.get(share);
      if (known !== undefined) return known;
      const end = Math.min(items, next + count);
      const indices = Array.from({ length: end - next }, (_, at) => next + at);
      next = end;
      byShare.set(share, indices);
      return indices;
    },
  };
}

type Calling = {
  readonly options: ModelWorkOptions;
  readonly turn: Turn;
  readonly indices: readonly number[];
  readonly results: (ItemResult | undefined)[];
  readonly handOffs: Map<number, unknown>;
};

/** Stops at the first fault: the items under way are given up, those that are done stay done. */
async function callItems(calling: Calling): Promise<{ readonly usage: Usage; readonly fault?: ShareFault }> {
  const { options, turn, indices, results } = calling;
  const pending = indices.filter((index) => results[index] === undefined).values();
  const abort = new AbortController();
  const signal = AbortSignal.any([turn.signal, abort.signal]);
  let usage = noUsage;
  let fault: ShareFault | undefined;
  const work = async (): Promise<void> => {
    for (const index of pending) {
      const outcome = await callItem(calling, index, signal);
      if (fault !== undefined) return;
      if (outcome.kind === "done") {
        if (outcome.result === undefined) continue;
        usage = addUsage(usage, outcome.result.usage);
        // Two attempts may have called it at once; the first result counts.
        if (results[index] !== undefined) continue;
        results[index] = outcome.result;
        options.onItem(index, outcome.result);
      } else {
        fault = outcome;
        abort.abort();
        return;
      }
    }
  };
  const workers = Math.min(indices.length, Math.max(1, options.sideBySide(turn.engine)));
  await Promise.all(Array.from({ length: workers }, work));
  return fault === undefined ? { usage } : { usage, fault };
}

const calledOff = { kind: "cut", retry: true, message: "the call was given up" } as const;

type Done = { readonly kind: "done"; readonly result?: ItemResult };

/** Done without a result: its prompt is taken in, and is decoded elsewhere. */
async function callItem(calling: Calling, index: number, signal: AbortSignal): Promise<Done | ShareFault> {
  const { options, turn, handOffs } = calling;
  const { stage, caller, scopeOf, slices } = options;
  const call = (): ReturnType<Caller["call"]> =>
    caller.call({
      turn,
      surface: surfaceOf(stage),
      body: toBody({ ...stage, model: turn.model }, scopeOf(index)),
      signal,
      ...(turn.phase === "decode" ? { handOff: handOffs.get(index) } : {}),
      firstToken: () => turn.firstToken(),
    });
  try {
    const answer = await slices.run(call, signal);
    if (answer === undefined) return calledOff;
    if (answer.kind === "handed-over") {
      handOffs.set(index, answer.handOff);
      return { kind: "done" };
    }
    if (answer.kind !== "answer") return answer;
    const read = readAnswer(stage, answer);
    return "kind" in read ? read : { kind: "done", result: read };
  } catch (error) {
    if (error instanceof RenderFault) return { kind: "rejected", retry: false, message: error.message };
    if (signal.aborted) return calledOff;
    return { kind: "cut", retry: true, message: error instanceof Error ? error.message : "the call failed" };
  }
}
