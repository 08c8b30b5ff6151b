/**
 * An engine that serves many shares in one batch, iteration by iteration (continuous batching).
 * While only decoding goes on and nothing can join or leave, iterations are skipped ahead as one segment; something new that
 * can join cuts the segment at the end of the iteration under way.
 */

import { decodeStepsUs } from "../cost/decode.ts";
import { iterationUs, type Batch, type Rates } from "../cost/roofline.ts";
import { sharePromptTokens, shareWork, sideBySide, usableCachedTokens } from "../cost/share-work.ts";
import type { EngineState } from "../state/engine-state.ts";
import { admissibleShare, growthSteps, reservedTokens, type Group } from "./batch-admission.ts";
import { fillBatch, type Filling } from "./batch-filling.ts";
import {
  endShare,
  fetchInputs,
  handOverKv,
  isAlive,
  modelCosts,
  ofShare,
  startLoad,
  trueOutputTokens,
  type Floor,
} from "./share-steps.ts";

/** Iterations under way with one and the same batch. */
type Segment = Filling & {
  readonly startUs: number;
  readonly rates: Rates;
  /** May be cut short. */
  steps: number;
};

export class BatchedEngine {
  readonly #floor: Floor;
  readonly #engine: EngineState;
  #groups: Group[] = [];
  #segment: Segment | undefined;

  constructor(floor: Floor, engine: EngineState) {
    this.#floor = floor;
    this.#engine = engine;
  }

  /** Takes up what can be taken up now. */
  serve(): void {
    const { world } = this.#floor;
    this.#groups = this.#groups.filter((group) => isAlive(this.#engine, group.running));
    if (!this.#engine.up) this.#segment = undefined;
    if (!this.#engine.up || this.#engine.loadEndUs > 0) return;
    if (this.#segment !== undefined) {
      if (admissibleShare(this.#engine, this.#groups) !== undefined) this.#cut(this.#segment, world.nowUs);
      return;
    }
    if (this.#admit()) this.#startSegment();
  }

  /** False if a load must come first. */
  #admit(): boolean {
    const { world } = this.#floor;
    for (;;) {
      const queued = admissibleShare(this.#engine, this.#groups);
      if (queued === undefined) return true;
      const { stage, items, phase } = queued;
      if (!this.#engine.isResident(stage.model)) {
        if (this.#engine.running.length > 0) return true;
        startLoad(world, this.#engine, stage.model, "stage", queued.victims, () => world.rouse(this.#engine.id));
        return false;
      }
      const costs = modelCosts(world, this.#engine, stage.model);
      const sequences = sideBySide(stage, costs, this.#engine.holding.engine.batching.maxSequences);
      const kvTokens = shareWork(stage, items, sequences, stage.outputTokens).kvTokens;
      const work = shareWork(stage, items, sequences, trueOutputTokens(world, stage.key));
      const share = { stage: stage.key, share: queued.share, attempt: queued.attempt, engine: this.#engine.id };
      world.emit({ kind: "share-start", ...share, phase, kvTokens });
      const running = this.#engine.running.at(-1);
      if (running === undefined) return true;
      const decodes = phase === "decode";
      const contextTokens = work.sequences * work.contextTokens;
      const group: Group = {
        running,
        work,
        ready: false,
        promptLeft: decodes ? 0 : Number.NaN,
        promptDone: 0,
        stepsLeft: 0,
        contextTokens,
        reservedTokens: kvTokens,
      };
      this.#groups.push(group);
      if (decodes) {
        group.ready = true;
        this.#startDecode(group);
      } else {
        fetchInputs(world, this.#engine, running, () => {
          group.ready = true;
          world.rouse(this.#engine.id);
        });
      }
    }
  }

  #startSegment(): void {
    const { world } = this.#floor;
    for (const group of this.#groups) if (group.ready && Number.isNaN(group.promptLeft)) this.#openPrompt(group);
    const filling = fillBatch(this.#engine.holding.engine.batching, this.#groups);
    const model = this.#groups[0]?.running.stage.model;
    if (filling === undefined || model === undefined) return;
    let steps = filling.steps;
    if (filling.batch.prefillTokens === 0) {
      steps = Math.min(steps, growthSteps(this.#engine, this.#groups));
      if (steps === 0) return this.#preempt();
    }
    const { rates } = modelCosts(world, this.#engine, model);
    const segment: Segment = { ...filling, steps, startUs: world.nowUs, rates };
    this.#segment = segment;
    this.#scheduleEnd(segment);
  }

  #openPrompt(group: Group): void {
    const { running, work } = group;
    const cachedTokens = usableCachedTokens(work, this.#engine.cachedTokens(running.stage));
    const promptTokens = sharePromptTokens(work, running.items);
    this.#floor.world.emit({ kind: "prefill-start", ...ofShare(running, this.#engine), promptTokens, cachedTokens });
    group.promptDone = cachedTokens;
    group.promptLeft = promptTokens - cachedTokens;
  }

  #startDecode(group: Group): void {
    const { running, work } = group;
    const { sequences, waves, contextTokens } = work;
    this.#floor.world.emit({
      kind: "decode-start",
      ...ofShare(running, this.#engine),
      sequences,
      waves,
      contextTokens,
    });
    group.stepsLeft = work.decodeSteps;
    if (group.stepsLeft === 0) this.#finish(group);
  }

  #scheduleEnd(segment: Segment): void {
    const { world } = this.#floor;
    const { steps } = segment;
    const endUs = segment.startUs + this.#durationUs(segment, steps);
    world.after(endUs - world.nowUs, () => {
      if (this.#segment === segment && segment.steps === steps) this.#endSegment(segment);
    });
  }

  #durationUs({ batch, rates }: Segment, steps: number): number {
    return batchStepUs(rates, batch, steps, this.#engine.slowFactor);
  }

  /** Ends the segment with the iteration under way at `nowUs`. */
  #cut(segment: Segment, nowUs: number): void {
    let least = 1;
    let most = segment.steps;
    while (least < most) {
      const middle = (least + most) >> 1;
      if (segment.startUs + this.#durationUs(segment, middle) >= nowUs) most = middle;
      else least = middle + 1;
    }
    if (least === segment.steps) return;
    segment.steps = least;
    this.#scheduleEnd(segment);
  }

  #endSegment({ startUs, steps, batch, prompts, decoders, rates }: Segment): void {
    const { world } = this.#floor;
    this.#segment = undefined;
    world.emit({ kind: "batch-step", engine: this.#engine.id, model: rates.model.id, startUs, steps, ...batch });
    for (const group of decoders) {
      group.stepsLeft -= steps;
      group.contextTokens += steps * group.work.sequences;
      group.reservedTokens = reservedTokens(group);
      if (group.stepsLeft === 0 && isAlive(this.#engine, group.running)) this.#finish(group);
    }
    for (const { group, tokens } of prompts) {
      group.promptLeft -= tokens;
      group.promptDone += tokens;
      if (group.promptLeft === 0 && isAlive(this.#engine, group.running)) this.#endPrompt(group);
    }
    world.rouse(this.#engine.id);
  }

  #endPrompt(group: Group): void {
    const { running, work } = group;
    this.#floor.world.emit({ kind: "prefill-end", ...ofShare(running, this.#engine) });
    if (running.phase === "prefill") {
      this.#groups = this.#groups.filter((other) => other !== group);
      handOverKv(this.#floor, this.#engine, running, sharePromptTokens(work, running.items));
    } else if (running.stage.kind === "embed") {
      this.#groups = this.#groups.filter((other) => other !== group);
      endShare(this.#floor, this.#engine, running, running.phase);
    } else {
      this.#startDecode(group);
    }
  }

  #finish(group: Group): void {
    const { running, work } = group;
    this.#groups = this.#groups.filter((other) => other !== group);
    const outputTokens = work.outputTokens * running.items;
    this.#floor.world.emit({ kind: "decode-end", ...ofShare(running, this.#engine), outputTokens });
    endShare(this.#floor, this.#engine, running, running.phase);
  }

  /** KV memory is full: the share that came last gives way, so that the first always gets on. */
  #preempt(): void {
    const group = this.#groups.at(-1);
    if (group === undefined) return;
    const { running } = group;
    this.#groups = this.#groups.filter((other) => other !== group);
    const outputTokens = running.items * (1 + group.work.decodeSteps - group.stepsLeft);
    this.#floor.world.emit({
      kind: "share-preempt",
      ...ofShare(running, this.#engine),
      kvTokens: running.kvTokens,
      outputTokens,
    });
    this.#startSegment();
  }
}

/** Duration of `steps` iterations of one batch, as the journal's `batch-step` records them. */
export function batchStepUs(rates: Rates, batch: Batch, steps: number, slowFactor: number): number {
  const us =
    batch.prefillTokens > 0
      ? steps * iterationUs(rates, batch)
      : decodeStepsUs(rates, batch.sequences, batch.contextTokens, steps);
  return Math.max(1, Math.round(us * slowFactor));
}
