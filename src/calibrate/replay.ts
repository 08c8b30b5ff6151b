/**
 * Replays how a serving benchmark loads one engine: `concurrency` clients in a closed loop, continuous batching in the way
 * of vLLM's scheduler. Every iteration has a budget of tokens: decoding sequences take one each, then prompts under way,
 * then waiting prompts in order, as far as budget, sequences and KV memory allow. Iterations that differ in nothing but
 * the length of contexts are run in one go.
 */

import { decodeStepsUs } from "../cost/decode.ts";
import { iterationUs, type Rates } from "../cost/roofline.ts";
import { createRng } from "../random/rng.ts";

export type Protocol = {
  readonly concurrency: number;
  /** Prompts in all. */
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Lengths are uniform between this share of the nominal one and the nominal one. */
  readonly leastLengthShare: number;
  /** Tokens that one iteration may work on. */
  readonly iterationTokens: number;
  readonly kvCapacityTokens: number;
  /** From a client's sending to the engine's queue. */
  readonly requestUs: number;
  readonly seed: number;
};

export type Replay = {
  /** Means over all requests. */
  readonly firstTokenUs: number;
  readonly perTokenUs: number;
  readonly iterations: number;
  readonly preempted: number;
};

type Request = {
  readonly promptTokens: number;
  readonly outputTokens: number;
  sentUs: number;
  firstUs: number;
  /** Tokens still to take in before the next output token: the prompt, and after a preemption its output so far. */
  promptLeft: number;
  contextTokens: number;
  written: number;
};

export function replay(rates: Rates, protocol: Protocol): Replay {
  const { concurrency, requestUs } = protocol;
  const fresh = drawRequests(protocol);
  const arriving = fresh.splice(0, concurrency);
  const waiting: Request[] = [];
  let running: Request[] = [];
  let nowUs = 0;
  let iterations = 0;
  let preempted = 0;
  let firstTokenUs = 0;
  let perTokenUs = 0;

  while (arriving.length > 0 || waiting.length > 0 || running.length > 0) {
    if (running.length === 0 && waiting.length === 0) nowUs = Math.max(nowUs, (arriving[0]?.sentUs ?? 0) + requestUs);
    while (arriving[0] !== undefined && arriving[0].sentUs + requestUs <= nowUs) {
      waiting.push(arriving[0]);
      arriving.shift();
    }
    preempted += makeRoom(running, waiting, protocol.kvCapacityTokens);
    const step = formBatch(running, waiting, protocol);
    const steps = step.prefillTokens > 0 ? 1 : countEqualSteps(rates, running, step, arriving[0], nowUs, protocol);
    nowUs +=
      step.prefillTokens > 0
        ? iterationUs(rates, step)
        : decodeStepsUs(rates, step.sequences, step.contextTokens, steps);
    iterations += steps;

    const left: Request[] = [];
    for (const request of running) {
      const taken = step.taken.get(request);
      if (taken === undefined) {
        if (request.promptLeft === 0) writeTokens(request, steps);
      } else {
        request.promptLeft -= taken;
        request.contextTokens += taken;
        if (request.promptLeft === 0) writeTokens(request, 1);
      }
      if (request.written > 0 && request.firstUs < 0) request.firstUs = nowUs;
      if (request.written < request.outputTokens) {
        left.push(request);
        continue;
      }
      firstTokenUs += request.firstUs - request.sentUs;
      perTokenUs += (nowUs - request.firstUs) / Math.max(1, request.outputTokens - 1);
      const next = fresh.shift();
      if (next !== undefined) {
        next.sentUs = nowUs;
        arriving.push(next);
      }
    }
    running = left;
  }
  const { requests } = protocol;
  return { firstTokenUs: firstTokenUs / requests, perTokenUs: perTokenUs / requests, iterations, preempted };
}

function writeTokens(request: Request, tokens: number): void {
  request.written += tokens;
  request.contextTokens += tokens;
}

function drawRequests(protocol: Protocol): Request[] {
  const rng = createRng(protocol.seed, "replay");
  const draw = (nominal: number): number => {
    const share = protocol.leastLengthShare + (1 - protocol.leastLengthShare) * rng.next();
    return Math.max(1, Math.round(nominal * share));
  };
  return Array.from({ length: protocol.requests }, () => {
    const promptTokens = draw(protocol.promptTokens);
    const outputTokens = draw(protocol.outputTokens);
    return {
      promptTokens,
      outputTokens,
      sentUs: 0,
      firstUs: -1,
      promptLeft: promptTokens,
      contextTokens: 0,
      written: 0,
    };
  });
}

/** Where decoding outgrows KV memory, the sequence admitted last gives its memory back and starts over. */
function makeRoom(running: Request[], waiting: Request[], kvCapacityTokens: number): number {
  let count = 0;
  let used = running.reduce((sum, request) => sum + request.contextTokens + 1, 0);
  while (used > kvCapacityTokens && running.length > 1) {
    const victim = running.pop();
    if (victim === undefined) break;
    used -= victim.contextTokens + 1;
    victim.promptLeft = victim.promptTokens + victim.written;
    victim.contextTokens = 0;
    waiting.unshift(victim);
    count++;
  }
  return count;
}

type Step = {
  readonly sequences: number;
  readonly contextTokens: number;
  readonly prefillTokens: number;
  readonly prefillPairs: number;
  readonly prefillSequences: number;
  /** Prompt tokens by request. */
  readonly taken: ReadonlyMap<Request, number>;
};

/** Admits waiting requests into `running` as a side effect. */
function formBatch(running: Request[], waiting: Request[], protocol: Protocol): Step {
  const taken = new Map<Request, number>();
  let sequences = 0;
  let contextTokens = 0;
  let kvTokens = 0;
  for (const request of running) {
    kvTokens += request.contextTokens + request.promptLeft;
    if (request.promptLeft > 0) continue;
    sequences++;
    contextTokens += request.contextTokens;
  }
  let prefillTokens = 0;
  let prefillPairs = 0;
  const left = (): number => protocol.iterationTokens - sequences - prefillTokens;
  const take = (request: Request): void => {
    const tokens = Math.min(left(), request.promptLeft);
    taken.set(request, tokens);
    prefillTokens += tokens;
    prefillPairs += tokens * (request.contextTokens + (tokens + 1) / 2);
  };
  for (const request of running) if (request.promptLeft > 0 && left() > 0) take(request);
  while (left() > 0 && running.length < protocol.concurrency) {
    const request = waiting[0];
    if (request === undefined) break;
    if (running.length > 0 && kvTokens + request.promptLeft + running.length > protocol.kvCapacityTokens) break;
    waiting.shift();
    running.push(request);
    kvTokens += request.promptLeft;
    take(request);
  }
  return { sequences, contextTokens, prefillTokens, prefillPairs, prefillSequences: taken.size, taken };
}

/** Iterations until a sequence ends, a prompt arrives or KV memory may run out. */
function countEqualSteps(
  rates: Rates,
  running: readonly Request[],
  step: Step,
  arriving: Request | undefined,
  nowUs: number,
  protocol: Protocol,
): number {
  let steps = Infinity;
  for (const request of running) steps = Math.min(steps, request.outputTokens - request.written);
  const freeTokens = protocol.kvCapacityTokens - step.contextTokens - step.sequences;
  steps = Math.min(steps, Math.floor(freeTokens / step.sequences));
  if (arriving !== undefined) {
    const oneUs = decodeStepsUs(rates, step.sequences, step.contextTokens, 1);
    steps = Math.min(steps, Math.ceil((arriving.sentUs + protocol.requestUs - nowUs) / oneUs));
  }
  return Math.max(1, steps);
}
