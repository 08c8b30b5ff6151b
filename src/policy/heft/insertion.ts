/** The insertion rule: a task may go into a gap between tasks that are planned already (Topcuoglu 2002, section 4.1). */

/** A stretch of a processor's time that is taken. */
export type Slot = {
  readonly startUs: number;
  readonly endUs: number;
  /** What the processor holds afterwards. */
  readonly model?: string;
};

/** One processor on which a task could run. */
export type Choice = {
  /** In order of time, without overlaps. */
  readonly timeline: Slot[];
  /** When the task's inputs are there. */
  readonly readyUs: number;
  /** Processor time, after what runs before in the same timeline. */
  readonly durationUs: (previous: Slot | undefined) => number;
  /** Time until the result is there after the processor is free again. */
  readonly tailUs: number;
};

export type Fit<C extends Choice> = {
  readonly choice: C;
  /** Position in the timeline. */
  readonly index: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly finishUs: number;
};

/** The choice, and the gap in it, with which the result is there first; of equal choices the first. Looks at every gap in question. */
export function pickEarliestFinish<C extends Choice>(choices: Iterable<C>): Fit<C> | undefined {
  let best: Fit<C> | undefined;
  for (const choice of choices) {
    for (let index = choice.timeline.length; index >= 0; index--) {
      const previous = choice.timeline[index - 1];
      const startUs = Math.max(choice.readyUs, previous?.endUs ?? 0);
      const endUs = startUs + choice.durationUs(previous);
      const fits = endUs <= (choice.timeline[index]?.startUs ?? Infinity);
      const finishUs = endUs + choice.tailUs;
      if (fits && (best === undefined || finishUs < best.finishUs)) best = { choice, index, startUs, endUs, finishUs };
      // Gaps that end before the inputs are there cannot be used.
      if (previous !== undefined && previous.endUs <= choice.readyUs) break;
    }
  }
  return best;
}

/** Takes the stretch that was found. */
export function occupy({ choice, index, startUs, endUs }: Fit<Choice>, model?: string): void {
  choice.timeline.splice(index, 0, { startUs, endUs, ...(model === undefined ? {} : { model }) });
}
