/** Lets so many in at once; the others wait in the order in which they came. */

export type Gate = {
  /** Calls `enter` at once or later. */
  readonly come: (who: object, enter: () => void) => void;
  /** Whether it has entered or not, or has left before. */
  readonly leave: (who: object) => void;
  readonly waiting: () => number;
  /** Lets nobody in until it is opened. */
  readonly close: () => void;
  readonly open: () => void;
};

/** Invariant: nobody waits while it is open and there is room. Coming and leaving cost O(1). */
export function createGate(most: number): Gate {
  const waiting = new Map<object, () => void>();
  const inside = new Set<object>();
  let isOpen = true;
  let isOpening = false;
  /** Whoever enters may leave there and then, which must not nest as deep as the queue is long. */
  const letIn = (): void => {
    if (isOpening || !isOpen) return;
    isOpening = true;
    try {
      for (const [who, enter] of waiting) {
        if (inside.size >= most || !isOpen) return;
        waiting.delete(who);
        inside.add(who);
        enter();
      }
    } finally {
      isOpening = false;
    }
  };
  return {
    waiting: () => waiting.size,
    close: () => void (isOpen = false),
    open: () => {
      isOpen = true;
      letIn();
    },
    come: (who, enter) => {
      waiting.set(who, enter);
      letIn();
    },
    leave: (who) => {
      if (!waiting.delete(who) && inside.delete(who)) letIn();
    },
  };
}
