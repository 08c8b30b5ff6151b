/**
 * One batch of an engine, iteration by iteration (continuous batching).
 * While only decoding goes on and nothing can join or leave, iterations are skipped ahead as one segment; something new that
 * can join cuts the segment at the end of the iteration under way.
 */

import type { Rates } from "../cost/roofline.ts";
import { shareWork, sideBySide, usableCachedTokens, type ShareWork } from "../cost/share-work.ts";
import type { ModelId } from "../model/model.ts";
import type { EngineState, QueuedShare } from "../state/engine-state.ts";
import { admissionTokens, createGroup, growthSteps, heldTokens, type Group } from "./batch-admission.ts";
import { fillBatch, type Filling, type Intake } from "./batch-filling.ts";
import { batchStepUs, expectPrompt, isByStep, nextIntake, paceOf, takeIn } from "./step-intake.ts";
import {
  endShare,
  fetchInputs,
  handOverKv,
  isAlive,
  modelCosts,
  ofShare,
  trueOutputTokens,
  type Floor,
} from "./share-steps.ts";

/** Iterations under way with one and the same batch. */
type Segment = Filling & {
  readonly startUs: number;
  readonly rates: Rates;
  /** Of the engine, when the segment started. */
  readonly slowFactor: number;
  /** May be cut short. */
  steps: number;
};

export class BatchLoop {
  readonly #floor: Floor;
  readonly #engine: EngineState;
  /** The only one that joins; absent where it is one model at a time, whichever. */
  readonly #model: ModelId | undefined;
  #groups: Group[] = [];
  /** Tokens of each sequence that preempted shares had written; they go on from there. */
  readonly #written = new Map<string, number>();
  #segment: Segment | undefined;
  /** What the next iteration takes in, where admission is by step, and prompts that it has been promised to. */
  #intake: Intake | undefined;
  #promised = 0;

  constructor(floor: Floor, engine: EngineState, model?: ModelId) {
    this.#floor = floor;
    this.#engine = engine;
    this.#model = model;
  }

  get groups(): readonly Group[] {
    return this.#groups;
  }

  /** Whether iterations are under way: nothing joins until one ends. */
  get busy(): boolean {
    return this.#segment !== undefined;
  }

  /** Whether they could be cut short for something that can join. */
  get isLong(): boolean {
    return this.#segment !== undefined && this.#segment.steps > 1;
  }

  /** Lets go of shares that a crash or a lost sibling has taken away, and of what was being computed for them alone. */
  dropLost(): void {
    const before = this.#groups.length;
    this.#groups = this.#groups.filter((group) => isAlive(this.#engine, group.running));
    if (this.#groups.length === before) return;
    for (const key of this.#written.keys()) if (!this.#hasShare(key)) this.#written.delete(key);
    const segment = this.#segment;
    if (segment === undefined) return;
    const carried = [...segment.decoders, ...segment.prompts.map(({ group }) => group)];
    if (carried.some((group) => this.#groups.includes(group))) this.cut();
    else this.#segment = undefined;
  }

  #hasShare(key: string): boolean {
    const { queue, running } = this.#engine;
    return queue.some((share) => shareKey(share) === key) || running.some((share) => shareKey(share) === key);
  }

  /** One whose inputs have arrived: it is taken in from the end of the iteration under way. */
  hasPrompt(): boolean {
    return this.#groups.some((group) => group.ready && !group.opened);
  }

  /** To be called before asking who may join. */
  lookAhead(): void {
    const { world } = this.#floor;
    const mayJoin = !this.busy || this.isLong;
    this.#intake = mayJoin ? nextIntake(world, this.#engine, this.#groups, this.#model) : undefined;
    this.#promised = 0;
  }

  /**
   * By steps, a prompt must have room in the next iteration too. What decodes takes room from the prompts of that, but not from
   * those it has been promised to.
   */
  hasRoomInStep(queued: QueuedShare): boolean {
    if (this.#intake === undefined) return true;
    if (queued.phase === "decode") return this.#promised === 0;
    const prompt = expectPrompt(this.#engine, this.#trueWork(queued), queued, this.writtenBefore(queued));
    return prompt.promptLeft === 0 || this.#intake.roomFor(prompt) > 0;
  }

  writtenBefore(queued: QueuedShare): number {
    return this.#written.get(shareKey(queued)) ?? 0;
  }

  /** The share joins. */
  take(queued: QueuedShare): void {
    const { world } = this.#floor;
    const { stage, phase } = queued;
    const costs = modelCosts(world, this.#engine, stage.model);
    const written = this.writtenBefore(queued);
    const kvTokens = admissionTokens(queued, costs, this.#engine.holding.engine.batching.maxSequences, written);
    const share = { stage: stage.key, share: queued.share, attempt: queued.attempt, engine: this.#engine.id };
    world.emit({ kind: "share-start", ...share, phase, kvTokens });
    const running = this.#engine.running.at(-1);
    if (running === undefined) return;
    const group = createGroup(running, this.#trueWork(queued), written);
    this.#groups.push(group);
    if (phase === "decode") {
      group.ready = true;
      this.#startDecode(group);
      this.#intake = nextIntake(world, this.#engine, this.#groups, this.#model);
      return;
    }
    this.#promised += 1;
    fetchInputs(world, this.#engine, running, () => {
      group.ready = true;
      world.rouse(this.#engine.id);
    });
    if (this.#intake === undefined) return;
    // The next share must know what this one has found cached, and its start may cost this one what it has found.
    if (group.ready) this.#openPrompt(group);
    takeIn(this.#engine, this.#intake, group);
  }

  /** What the share really asks for: only the engine knows. */
  #trueWork({ stage, items }: QueuedShare): ShareWork {
    const { world } = this.#floor;
    const costs = modelCosts(world, this.#engine, stage.model);
    const sequences = sideBySide(stage, costs, this.#engine.holding.engine.batching.maxSequences);
    return shareWork(stage, items, sequences, trueOutputTokens(world, stage.key));
  }

  /** Goes on with what it has; nothing happens if there is nothing, or while iterations are under way. */
  go(): void {
    if (this.#segment !== undefined) return;
    const { world } = this.#floor;
    for (const group of this.#groups) if (group.ready && !group.opened) this.#openPrompt(group);
    const model = this.#groups[0]?.running.stage.model;
    const filling = fillBatch(this.#engine.holding.engine.batching, this.#groups, paceOf(world, this.#engine, model));
    if (filling === undefined || model === undefined) return;
    const steps = Math.min(filling.steps, growthSteps(this.#engine, filling.decoders, this.#groups));
    if (steps === 0) return this.#preempt();
    const { rates } = modelCosts(world, this.#engine, model);
    const segment: Segment = { ...filling, steps, startUs: world.nowUs, rates, slowFactor: this.#engine.slowFactor };
    this.#segment = segment;
    this.#scheduleEnd(segment);
  }

  #openPrompt(group: Group): void {
    const { running, work, promptTokens } = group;
    const cachedTokens = usableCachedTokens(work, this.#engine.cachedTokens(running.stage));
    this.#floor.world.emit({ kind: "prefill-start", ...ofShare(running, this.#engine), promptTokens, cachedTokens });
    group.opened = true;
    group.promptDone = cachedTokens;
    group.promptLeft = promptTokens - cachedTokens;
    if (group.promptLeft === 0) this.#endPrompt(group);
  }

  #startDecode(group: Group): void {
    const { running, work, written } = group;
    const { sequences, waves } = work;
    const contextTokens = work.contextTokens + written;
    const share = ofShare(running, this.#engine);
    this.#floor.world.emit({ kind: "decode-start", ...share, sequences, waves, contextTokens });
    group.opened = true;
    group.contextTokens = sequences * contextTokens;
    // The end of a prefill brought a token; what was written before a preemption is not written again.
    group.stepsLeft = work.decodeSteps - written;
    if (group.stepsLeft === 0) this.#finish(group);
  }

  #scheduleEnd(segment: Segment): void {
    const { world } = this.#floor;
    const { steps } = segment;
    const endUs = segment.startUs + this.#durationUs(segment, steps);
    world.after(endUs - world.nowUs, () => {
      if (this.#segment !== segment || segment.steps !== steps) return;
      // Shares may have been lost at this very instant.
      this.dropLost();
      if (this.#segment === segment && segment.steps === steps) this.#endSegment(segment);
    });
  }

  #durationUs({ batch, rates, slowFactor }: Segment, steps: number): number {
    return batchStepUs(rates, batch, steps, slowFactor);
  }

  /** Ends what is under way with the iteration of now. */
  cut(): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    const { nowUs } = this.#floor.world;
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
      if (group.work.waves === 1) group.reservedTokens = Math.max(group.reservedTokens, heldTokens(group));
      if (group.stepsLeft === 0 && isAlive(this.#engine, group.running)) this.#finish(group);
    }
    for (const { group, tokens } of prompts) {
      group.promptLeft -= tokens;
      group.promptDone += tokens;
      if (group.promptLeft === 0 && isAlive(this.#engine, group.running)) this.#endPrompt(group);
    }
    // There is room for prompts again: the policy may want to use it before the queue does.
    if (prompts.length > 0 && isByStep(this.#engine.holding.engine.batching)) world.changed = true;
    world.rouse(this.#engine.id);
  }

  #endPrompt(group: Group): void {
    const { running } = group;
    this.#floor.world.emit({ kind: "prefill-end", ...ofShare(running, this.#engine) });
    if (running.phase === "prefill") {
      this.#groups = this.#groups.filter((other) => other !== group);
      handOverKv(this.#floor, this.#engine, running, group.promptTokens);
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
    this.#written.delete(shareKey(running));
    const outputTokens = work.outputTokens * running.items;
    this.#floor.world.emit({ kind: "decode-end", ...ofShare(running, this.#engine), outputTokens });
    endShare(this.#floor, this.#engine, running, running.phase);
  }

  /** KV memory is full: the share that came last gives way, to go on later from what it has written. The first always gets on. */
  #preempt(): void {
    const group = this.#groups.pop();
    if (group === undefined) return;
    const { running, work } = group;
    const decoding = group.opened && group.promptLeft === 0;
    const taken = running.phase === "decode" ? 0 : 1;
    const written = decoding ? taken + work.decodeSteps - group.stepsLeft : group.written;
    this.#written.set(shareKey(running), written);
    const share = ofShare(running, this.#engine);
    this.#floor.world.emit({
      kind: "share-preempt",
      ...share,
      kvTokens: running.kvTokens,
      outputTokens: written * work.sequences,
    });
    // Another model's batch may want its sequences.
    if (this.#model !== undefined) this.#floor.world.rouse(this.#engine.id);
    this.go();
  }
}

function shareKey({ stage, share, attempt }: QueuedShare): string {
  return `${stage.key}#${share}#${attempt}`;
}
