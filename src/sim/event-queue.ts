/** What is still to happen, as a binary heap. Adding and taking cost the logarithm of what is in it. */

export type Scheduled = {
  readonly atUs: number;
  /** The order in which things were scheduled. */
  readonly sequence: number;
  /** Whether the run must go on for this; a future crash alone keeps nothing alive. */
  readonly essential: boolean;
  readonly run: () => void;
};

/** Earlier first; at one instant, in the order in which they were scheduled. */
function compareScheduled(left: Scheduled, right: Scheduled): number {
  return left.atUs - right.atUs || left.sequence - right.sequence;
}

export class EventQueue {
  readonly #heap: Scheduled[] = [];
  #sequence = 0;
  #essential = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** How many of what is scheduled the run must go on for. */
  get essential(): number {
    return this.#essential;
  }

  get nextAtUs(): number | undefined {
    return this.#heap[0]?.atUs;
  }

  schedule(atUs: number, run: () => void, essential = true): void {
    const added: Scheduled = { atUs, sequence: this.#sequence++, essential, run };
    if (essential) this.#essential += 1;
    const heap = this.#heap;
    let index = heap.length;
    heap.push(added);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as Scheduled;
      if (compareScheduled(parent, added) <= 0) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = added;
  }

  take(): Scheduled | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (first.essential) this.#essential -= 1;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  /** Puts `item` in at the top and lets it sink to its place. */
  #sink(item: Scheduled): void {
    const heap = this.#heap;
    const half = heap.length >> 1;
    let index = 0;
    while (index < half) {
      let childIndex = 2 * index + 1;
      let child = heap[childIndex] as Scheduled;
      const right = heap[childIndex + 1];
      if (right !== undefined && compareScheduled(right, child) < 0) {
        child = right;
        childIndex += 1;
      }
      if (compareScheduled(item, child) <= 0) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = item;
  }
}
