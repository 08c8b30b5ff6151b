/**
 * The journal in the store: blocks of lines, written behind what happens. What cannot be written waits, up to a bound; beyond it
 * the segment is broken off, and another begins once the store writes again. Nothing ever waits for the journal.
 *
 * Invariant: blocks stand in the queue in the order of their lines, and the store is given one at a time.
 */

import { StoreFault, type JournalVerbs } from "../../store/store.ts";
import { fullBytes, type JournalSink } from "./journal-sink.ts";
import { wait, type Time, type Timer } from "./time.ts";

export type JournalSegmentsOptions = {
  readonly verbs: Pick<JournalVerbs, "beginSegment" | "appendJournal">;
  readonly time: Time;
  /** Of the planner that writes; absent: nothing is written until it is said. */
  readonly epoch: number | undefined;
  /** Of a segment, before the next is begun. */
  readonly maxBytes: number;
  readonly onFault: (error: unknown) => void;
};

/** Of a block, in characters and milliseconds. */
const mostCharacters = 2 ** 20;
const blockMs = 250;
/** What may wait for the store, beside what the segment begins with. */
const mostHeld = 16 * 2 ** 20;
/** Between two tries, at first and at last. */
const pauseMs = { least: 100, most: 5000 };
/** What is left at the end has so long to be written. */
const closeMs = 5000;

type Segment = { readonly epoch: number; number: number | undefined; blocks: number };
type Block = { readonly segment: Segment; readonly index: number; readonly lines: string };

export class JournalSegments implements JournalSink {
  readonly #options: JournalSegmentsOptions;
  readonly #closing = new AbortController();
  #epoch: number | undefined;
  /** That which lines go to. */
  #segment: Segment | undefined;
  #openingCharacters = 0;
  #segmentBytes = 0;
  #fullBytes = Infinity;
  /** Lines that are no block yet. */
  #lines = "";
  #seal: Timer | undefined;
  readonly #queue: Block[] = [];
  #heldCharacters = 0;
  /** Whether a segment is to be begun before anybody gives its lines: so it shows that the store writes again. */
  #probes = false;
  /** Begun and waiting for its lines. */
  #begun: Segment | undefined;
  #writing: Promise<void> | undefined;
  #said = false;
  writtenBytes = 0;

  constructor(options: JournalSegmentsOptions) {
    this.#options = options;
    this.#epoch = options.epoch;
  }

  get takes(): boolean {
    return this.#segment !== undefined;
  }

  get due(): boolean {
    return this.#segment === undefined ? this.#begun !== undefined : this.#segmentBytes >= this.#fullBytes;
  }

  begin = (lines: string): void => {
    this.#sealBlock();
    if (this.#epoch === undefined) return;
    this.#segment = this.#begun ?? { epoch: this.#epoch, number: undefined, blocks: 0 };
    this.#begun = undefined;
    this.#segmentBytes = 0;
    this.#openingCharacters = lines.length;
    this.append(lines);
    this.#fullBytes = fullBytes(this.#options.maxBytes, this.#segmentBytes);
  };

  append = (lines: string): void => {
    if (this.#segment === undefined) return;
    const bytes = Buffer.byteLength(lines);
    this.#segmentBytes += bytes;
    this.writtenBytes += bytes;
    this.#lines += lines;
    while (this.#lines.length >= mostCharacters && this.#segment !== undefined) this.#sealBlock();
    if (this.#lines !== "") this.#seal ??= this.#options.time.after(blockMs, () => this.#sealBlock());
  };

  writeAs = (epoch: number | undefined): void => {
    this.#drop();
    this.#epoch = epoch;
    this.#begun = epoch === undefined ? undefined : { epoch, number: undefined, blocks: 0 };
    this.#probes = false;
  };

  /** Whole lines, as many as a block takes; a longer line makes a block by itself. */
  #sealBlock(): void {
    this.#seal?.stop();
    this.#seal = undefined;
    const segment = this.#segment;
    if (segment === undefined || this.#lines === "") return;
    const cut = this.#lines.length <= mostCharacters ? -1 : this.#lines.lastIndexOf("\n", mostCharacters - 1);
    const end = cut < 0 ? this.#lines.indexOf("\n", mostCharacters - 1) : cut;
    const lines = end < 0 ? this.#lines : this.#lines.slice(0, end + 1);
    this.#lines = this.#lines.slice(lines.length);
    this.#queue.push({ segment, index: segment.blocks++, lines });
    this.#heldCharacters += lines.length;
    if (this.#heldCharacters > mostHeld + this.#openingCharacters) {
      this.#say(
        new Error(
          "the store takes the journal too slowly: what waits is left out, and a new segment begins when it can",
        ),
      );
      this.#drop();
      this.#probes = true;
    }
    this.#write();
  }

  /** Gives the segment up, with all of it that is not written. */
  #drop(): void {
    this.#seal?.stop();
    this.#seal = undefined;
    this.#segment = undefined;
    this.#begun = undefined;
    this.#lines = "";
    this.#queue.length = 0;
    this.#heldCharacters = 0;
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  async #writeAll(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const block = this.#queue[0];
      if (block !== undefined) await this.#writeBlock(block);
      else if (this.#probes && this.#epoch !== undefined) await this.#probe(this.#epoch);
      else return;
    }
  }

  async #writeBlock(block: Block): Promise<void> {
    const { segment, index, lines } = block;
    const wanted = (): boolean => this.#queue[0] === block;
    const { verbs, time } = this.#options;
    if (segment.number === undefined) {
      const begun = await this.#try(() => verbs.beginSegment(segment.epoch, time.epochMs()), wanted);
      if (begun === undefined || !wanted()) return;
      if (begun.value === undefined) return this.#depose(segment.epoch);
      segment.number = begun.value;
    }
    const { number } = segment;
    const saved = await this.#try(() => verbs.appendJournal(segment.epoch, { segment: number, index, lines }), wanted);
    if (saved === undefined || !wanted()) return;
    if (saved.value === "lost") {
      // Somebody plans in a later epoch, or the segment is gone: to begin another tells which.
      this.#drop();
      this.#probes = true;
      return;
    }
    this.#queue.shift();
    this.#heldCharacters -= lines.length;
    this.#said = false;
  }

  async #probe(epoch: number): Promise<void> {
    const { verbs, time } = this.#options;
    const wanted = (): boolean => this.#probes && this.#epoch === epoch;
    const begun = await this.#try(() => verbs.beginSegment(epoch, time.epochMs()), wanted);
    if (begun === undefined || !wanted()) return;
    this.#probes = false;
    if (begun.value === undefined) return this.#depose(epoch);
    this.#begun = { epoch, number: begun.value, blocks: 0 };
  }

  #depose(epoch: number): void {
    this.#say(new Error(`the journal is written by a planner of a later epoch than ${epoch}`));
    this.writeAs(undefined);
  }

  /** Until it succeeds, for as long as it is wanted; a store that is broken is not tried again. Undefined: given up. */
  async #try<T>(verb: () => Promise<T>, wanted: () => boolean): Promise<{ readonly value: T } | undefined> {
    const { signal } = this.#closing;
    for (let ms = pauseMs.least; wanted() && !signal.aborted; ms = Math.min(2 * ms, pauseMs.most)) {
      try {
        return { value: await verb() };
      } catch (error) {
        if (!wanted()) return undefined;
        this.#say(error);
        if (!(error instanceof StoreFault) || error.kind === "broken") {
          this.writeAs(undefined);
          return undefined;
        }
        await wait(this.#options.time, ms, signal);
      }
    }
    return undefined;
  }

  /** Once, until something is written again. */
  #say(error: unknown): void {
    if (!this.#said) this.#options.onFault(error);
    this.#said = true;
  }

  close = async (): Promise<void> => {
    while (this.#lines !== "" && this.#segment !== undefined) this.#sealBlock();
    this.#probes = false;
    await Promise.race([this.#writing, wait(this.#options.time, closeMs, this.#closing.signal)]);
    this.#closing.abort();
    this.#drop();
  };
}
