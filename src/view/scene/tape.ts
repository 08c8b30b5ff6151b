/** The records that are kept, and the world at any of them: copies of it at intervals, and from the one before by replaying. */

import type { JournalHeader } from "../../journal/journal.ts";
import type { JournalEvent } from "../../model/event.ts";
import { advance, copyMoment, createMoment, weigh, type Moment } from "./moment.ts";

/** Records between two copies at the least, and for each thing that a copy has to go through. */
const leastBetween = 4096;
const betweenPerWeight = 1;
/** Replayed in one frame of a page: more would be felt. */
const mostAtOnce = 6000;

/**
 * Invariant: `#copies` are in order, and the first is of the moment before the first record that is kept. Taking in a record costs
 * what `apply` costs, since copies are the rarer the more they cost; going back costs replaying from one copy to the next at most.
 */
export class Tape {
  readonly header: JournalHeader;
  /** So many records are kept; beyond that the older half goes. */
  readonly #most: number;
  /** After the last record. */
  readonly head: Moment;
  #records: JournalEvent[] = [];
  #copies: Moment[];
  #sinceCopy = 0;
  #between: number;
  /** Where somebody looked last: forward from here costs only what lies between. */
  #cursor: Moment | undefined;

  constructor(header: JournalHeader, most: number) {
    this.header = header;
    this.#most = most;
    this.#between = Math.min(leastBetween, most >> 3);
    this.head = createMoment(header);
    this.#copies = [copyMoment(this.head)];
  }

  get records(): readonly JournalEvent[] {
    return this.#records;
  }

  get firstSequence(): number {
    return (this.#copies[0] as Moment).sequence + 1;
  }

  get lastSequence(): number {
    return this.head.sequence;
  }

  see(event: JournalEvent): void {
    advance(this.head, event);
    this.#records.push(event);
    this.#sinceCopy += 1;
    if (this.#sinceCopy >= this.#between) this.#copy();
    if (this.#records.length > this.#most) this.#cut();
  }

  /** The record at a position, if it is kept. */
  record(sequence: number): JournalEvent | undefined {
    return this.#records[sequence - this.firstSequence];
  }

  /** Position of the last record at or before a time; one before the first if there is none. */
  sequenceAt(atUs: number): number {
    let [low, high] = [0, this.#records.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#records[middle] as JournalEvent).atUs <= atUs) low = middle + 1;
      else high = middle;
    }
    return this.firstSequence + low - 1;
  }

  /** The world after the record at `sequence`. To be read only, and until the next call. */
  momentAt(sequence: number): Moment {
    const wanted = Math.min(Math.max(sequence, this.firstSequence - 1), this.lastSequence);
    if (wanted === this.lastSequence) return this.head;
    const copy = this.#copies.findLast((candidate) => candidate.sequence <= wanted) as Moment;
    const near =
      this.#cursor !== undefined && this.#cursor.sequence <= wanted && this.#cursor.sequence >= copy.sequence;
    const moment = near ? (this.#cursor as Moment) : copyMoment(copy);
    while (moment.sequence < wanted) advance(moment, this.record(moment.sequence + 1) as JournalEvent);
    this.#cursor = moment;
    return moment;
  }

  /** Goes towards the world after the record at `sequence`, not too far at once; true when `momentAt` of it costs next to nothing. */
  approach(sequence: number): boolean {
    const wanted = Math.min(Math.max(sequence, this.firstSequence - 1), this.lastSequence);
    if (wanted === this.lastSequence) return true;
    const cursor = this.#cursor;
    const copy = this.#copies.findLast((candidate) => candidate.sequence <= wanted) as Moment;
    const near = cursor !== undefined && cursor.sequence <= wanted && cursor.sequence >= copy.sequence;
    const from = near ? cursor.sequence : copy.sequence;
    this.momentAt(Math.min(wanted, from + mostAtOnce));
    return wanted - from <= mostAtOnce;
  }

  #copy(): void {
    this.#copies.push(copyMoment(this.head));
    this.#sinceCopy = 0;
    this.#between = Math.min(Math.max(leastBetween, betweenPerWeight * weigh(this.head)), this.#most >> 3);
  }

  #cut(): void {
    const half = this.firstSequence + this.#records.length / 2;
    let first = this.#copies.findLastIndex((copy) => copy.sequence <= half);
    if (first <= 0) {
      // One copy only, and everything after it: begin at the head.
      this.#copy();
      first = this.#copies.length - 1;
    }
    const before = this.firstSequence;
    this.#copies = this.#copies.slice(first);
    this.#records = this.#records.slice(this.firstSequence - before);
    this.#cursor = undefined;
  }
}
