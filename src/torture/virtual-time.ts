/** Time that passes only when nothing is left to do at the present moment: what is due next is next. */

import { setImmediate as afterAllPromises } from "node:timers";
import type { Timer } from "../gateway/live/time.ts";

type Due = { readonly atUs: number; readonly order: number; what: (() => void) | undefined };

/** Invariant: a heap, earlier first; at one instant, in the order in which it was asked for. Each step costs O(log n). */
export class VirtualTime {
  readonly #heap: Due[] = [];
  #order = 0;
  #nowUs = 0;
  steps = 0;

  get nowUs(): number {
    return this.#nowUs;
  }

  after(us: number, what: () => void): Timer {
    const due: Due = { atUs: this.#nowUs + Math.max(0, Math.round(us)), order: this.#order++, what };
    this.#push(due);
    return {
      stop: () => {
        due.what = undefined;
      },
    };
  }

  /** Until then, until nothing is left, or until `stop` says so. Whatever one step sets off by promises is over before the next. */
  async run(untilUs: number, stop: () => boolean): Promise<void> {
    for (let due = this.#heap[0]; due !== undefined && due.atUs <= untilUs; due = this.#heap[0]) {
      this.#pop();
      if (due.what === undefined) continue;
      this.#nowUs = due.atUs;
      this.steps += 1;
      due.what();
      await new Promise<void>((resolve) => void afterAllPromises(resolve));
      if (stop()) return;
    }
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, due)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const [left, right] = [heap[below], heap[below + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) below += 1;
      const child = heap[below];
      if (child === undefined || isBefore(last, child)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(left: Due, right: Due): boolean {
  return left.atUs < right.atUs || (left.atUs === right.atUs && left.order < right.order);
}
