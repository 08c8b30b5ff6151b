/**
 * Continuous batching in virtual time. Calls join in the order in which they came, one model at a time; what the batch does
 * is decided anew when a call joins, a prompt is taken in or an answer ends, and in between its iterations are one segment.
 * Durations are the cost model's, rounded once a segment.
 *
 * Invariants: time never goes back; KV tokens kept never exceed the model's capacity; every task gets exactly one of
 * `onEnd` and `onFail`.
 */

import type { EngineCosts, ModelCosts } from "../../cost/cost-model.ts";
import type { ModelId } from "../../model/model.ts";
import { admissibleHead } from "./admission.ts";
import { createAgenda } from "./agenda.ts";
import { countSequences, fillBatch } from "./fill-batch.ts";
import { createKvMemory, type KvMemory } from "./kv-memory.ts";
import type { BlockListener } from "./prefixes.ts";
import { createSegment, cutSegment, durationUs, stepsBy, type Segment } from "./segment.ts";
import {
  admissionTokens,
  createRunning,
  endPrompt,
  filledTokens,
  giveWay,
  growthSteps,
  keptTokens,
  openPrompt,
  startDecode,
  toTimes,
  type Running,
} from "./running.ts";
import type { Task, TaskFailure } from "./task.ts";
import { createWeights, type Weights } from "./weights.ts";

export type LoopOptions = {
  readonly costs: EngineCosts;
  readonly resident: readonly ModelId[];
  readonly prefillTokens: number;
  /** How many times longer than modelled everything takes, asked whenever something begins. */
  readonly slowFactor: () => number;
  /** Hears of cached blocks. */
  readonly listen?: (model: ModelId) => BlockListener;
};

export class BatchLoop {
  readonly weights: Weights;
  readonly kv: KvMemory;
  readonly #options: LoopOptions;
  readonly #agenda = createAgenda();
  #nowUs = 0;
  #queue: Running[] = [];
  #batch: Running[] = [];
  #segment: Segment | undefined;
  #onIdle: (() => void)[] = [];
  readonly #counts = { streams: 0, preemptions: 0, busyUs: 0 };

  constructor(options: LoopOptions) {
    const { costs, resident, slowFactor } = options;
    this.#options = options;
    this.kv = createKvMemory({
      nowUs: () => this.#nowUs,
      keptTokens: () => keptTokens(this.#batch),
      ...(options.listen === undefined ? {} : { listen: options.listen }),
    });
    this.weights = createWeights({
      room: { memoryBytes: costs.memoryBytes, maxResident: costs.engine.maxResident },
      resident: resident.flatMap((id) => costs.models.get(id) ?? []),
      schedule: (delayUs, run) => this.#agenda.add(this.#nowUs + delayUs, run),
      slowFactor,
      onEvict: this.kv.drop,
    });
  }

  get nowUs(): number {
    return this.#nowUs;
  }

  /** When something happens next by itself; Infinity if nothing does. */
  get nextUs(): number {
    return Math.min(this.#agenda.nextUs(), this.#segment?.endUs ?? Infinity);
  }

  /** When the next token falls due that somebody waits for; Infinity if nobody does. */
  get nextTokenUs(): number {
    const segment = this.#segment;
    if (segment === undefined || this.#counts.streams === 0) return Infinity;
    return segment.startUs + durationUs(segment, Math.min(segment.steps, stepsBy(segment, this.#nowUs) + 1));
  }

  /** Tasks that hear of every token, those that had to give way, and how long something was computed. */
  get counts(): { readonly streams: number; readonly preemptions: number; readonly busyUs: number } {
    return this.#counts;
  }

  /** In order of admission. */
  get members(): readonly Running[] {
    return this.#batch;
  }

  get waiting(): readonly Running[] {
    return this.#queue;
  }

  /** Lets happen what happens until `toUs`; with Infinity, until nothing is left to do. */
  advance(toUs: number): void {
    for (;;) {
      const at = this.nextUs;
      if (at > toUs || at === Infinity) break;
      this.#nowUs = Math.max(this.#nowUs, at);
      if (!this.#agenda.runDue(at)) this.#endSegment();
      this.#serve();
    }
    if (toUs !== Infinity) this.#nowUs = Math.max(this.#nowUs, toUs);
  }

  /** Tells those who stream what they have by now. First and last tokens are told without being asked for. */
  tell(): void {
    if (this.#counts.streams === 0) return;
    const segment = this.#segment;
    const steps = segment === undefined || segment.prompts.length > 0 ? 0 : stepsBy(segment, this.#nowUs);
    for (const { task, written, cachedTokens, stepsLeft } of this.#batch)
      if (task.streams && written > 0) task.onTokens(written + (stepsLeft > 0 ? steps : 0), cachedTokens);
  }

  submit(task: Task): void {
    if (task.streams) this.#counts.streams++;
    this.#queue.push(createRunning(task, this.#nowUs));
    this.#serve();
  }

  /** Its client is gone. Nothing is called. */
  cancel(task: Task): void {
    const waiting = this.#queue.length;
    this.#queue = this.#queue.filter((running) => running.task !== task);
    const running = this.#batch.find((each) => each.task === task);
    if (running === undefined && this.#queue.length === waiting) return;
    if (task.streams) this.#counts.streams--;
    if (running !== undefined) {
      if (this.#segment !== undefined) cutSegment(this.#segment, this.#nowUs);
      this.#leave(running);
      if (this.#batch.length === 0) this.#segment = undefined;
    }
    this.#serve();
  }

  /** Runs at a virtual time; for what is on its way from elsewhere. */
  after(delayUs: number, run: () => void): void {
    this.#agenda.add(this.#nowUs + delayUs, run);
  }

  /** Makes a model resident as soon as there is room without what is in use. */
  load(costs: ModelCosts, done: (loaded: boolean) => void): void {
    this.weights.want(costs, done);
    this.#serve();
  }

  /** False if it is in use. */
  unload(model: ModelId): boolean {
    if (this.#batch.some(({ task }) => task.costs.model.id === model)) return false;
    if (this.weights.isResident(model)) this.weights.unload(model);
    this.#serve();
    return true;
  }

  /** Ends everything that waits or runs. */
  abort(reason: TaskFailure): void {
    const lost = [...this.#batch, ...this.#queue];
    this.#batch = [];
    this.#queue = [];
    this.#segment = undefined;
    for (const running of lost) {
      running.inBatch = false;
      this.#fail(running, reason);
    }
    this.weights.forget();
    for (const run of this.#onIdle.splice(0)) run();
  }

  /** Calls `run` as soon as nothing runs and nothing waits. */
  whenIdle(run: () => void): void {
    this.#onIdle.push(run);
    this.#serve();
  }

  #serve(): void {
    const segment = this.#segment;
    // Who comes at the instant at which a segment begins still joins it.
    if (segment?.startUs === this.#nowUs && this.#admissible() !== undefined) this.#segment = undefined;
    if (this.#segment !== undefined) {
      if (this.#admissible() !== undefined) cutSegment(this.#segment, this.#nowUs);
    } else {
      this.#admit();
      this.#startSegment();
    }
    this.weights.startWanted((this.#batch[0] ?? this.#queue[0])?.task.costs.model.id);
    if (this.#batch.length > 0 || this.#queue.length > 0) return;
    for (const run of this.#onIdle.splice(0)) run();
  }

  #admit(): void {
    for (let head = this.#admissible(); head !== undefined; head = this.#admissible()) {
      const { costs, phase } = head.task;
      if (!this.weights.isResident(costs.model.id)) {
        if (this.#batch.length > 0 || !this.#startLoadFor(head)) return;
        continue;
      }
      if (head.loadSinceUs !== -1) head.loadUs = this.#nowUs - head.loadSinceUs;
      this.weights.use(costs.model.id);
      this.#queue.shift();
      this.#batch.push(head);
      head.inBatch = true;
      head.keptTokens = admissionTokens(head);
      if (head.startUs === -1) head.startUs = this.#nowUs;
      if (phase === "decode" && head.promptTokens === head.task.prompt.tokens) startDecode(head);
      this.kv.shrink(costs);
    }
  }

  #admissible(): Running | undefined {
    return admissibleHead(this.#queue, this.#batch, this.kv, this.#options.costs.engine.batching.maxSequences);
  }

  /** True if the head was turned away, so that the next one may be looked at. */
  #startLoadFor(head: Running): boolean {
    if (head.loadSinceUs === -1) head.loadSinceUs = this.#nowUs;
    if (this.weights.startLoad(head.task.costs) !== "too-large") return false;
    this.#queue.shift();
    this.#fail(head, "no-room");
    return true;
  }

  #startSegment(): void {
    const costs = this.#batch[0]?.task.costs;
    if (costs === undefined) return;
    for (const running of this.#batch)
      if (!running.opened) openPrompt(running, this.kv.cachedTokens(costs, running.task.prompt.chain));
    const filling = fillBatch(this.#batch, this.#options.prefillTokens);
    if (filling === undefined) return;
    if (this.#batch.length === 1) this.kv.makeRoom(costs, countSequences(filling.decoders));
    const steps = growthSteps(filling.decoders, filling.steps, this.kv.freeTokens(costs));
    if (steps === 0) return this.#preempt();
    this.#segment = createSegment({ ...filling, steps }, costs, this.#nowUs, this.#options.slowFactor());
  }

  /** KV memory is full: who came last gives way, to go on later from what it has written. The first always gets on. */
  #preempt(): void {
    const running = this.#batch.pop();
    if (running === undefined) return;
    this.#counts.preemptions++;
    giveWay(running);
    this.#queue.unshift(running);
    this.#startSegment();
  }

  #endSegment(): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    this.#segment = undefined;
    this.#counts.busyUs += segment.endUs - segment.startUs;
    for (const running of segment.decoders) {
      if (!running.inBatch) continue;
      const { sequences } = running.task;
      running.stepsLeft -= segment.steps;
      running.contextTokens += segment.steps * sequences;
      this.#write(running, segment.steps);
    }
    for (const { running, tokens } of segment.prompts) {
      if (!running.inBatch) continue;
      running.promptDone += tokens;
      running.promptLeft -= tokens;
      if (running.promptLeft === 0) this.#endPrompt(running);
    }
  }

  #endPrompt(running: Running): void {
    const { costs, prompt, outputTokens } = running.task;
    this.kv.cache(costs, prompt.chain, prompt.bytes);
    if (outputTokens === 0) return this.#finish(running);
    endPrompt(running);
    this.#write(running, 1);
  }

  #write(running: Running, tokens: number): void {
    running.written += tokens;
    if (running.firstTokenUs === -1) running.firstTokenUs = this.#nowUs;
    running.keptTokens = Math.max(running.keptTokens, filledTokens(running));
    const ends = running.stepsLeft === 0;
    if (running.written === tokens || ends) running.task.onTokens(running.written, running.cachedTokens);
    if (ends) this.#finish(running);
  }

  #finish(running: Running): void {
    // Its client may have gone on hearing of the last tokens.
    if (!running.inBatch) return;
    const { task } = running;
    if (task.streams) this.#counts.streams--;
    task.onEnd(toTimes(running, this.#nowUs));
    this.#leave(running);
    const whole = task.wholeChain?.();
    if (whole !== undefined) this.kv.cache(task.costs, whole.chain, whole.bytes);
  }

  #leave(running: Running): void {
    running.inBatch = false;
    this.#batch = this.#batch.filter((each) => each !== running);
  }

  #fail(running: Running, reason: TaskFailure): void {
    if (running.task.streams) this.#counts.streams--;
    running.task.onFail(reason);
  }
}
