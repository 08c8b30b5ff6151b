/**
 * What is known of open workflows, by their ids. In buckets, so that a change copies one of these, however many workflows are open.
 *
 * Plain data: part of a policy's memory.
 */

import type { ModelId } from "../../../model/model.ts";
import type { WorkflowId } from "../../../model/workflow.ts";
import { ownOf } from "../../../model/own.ts";
import { seedOf } from "../luck.ts";

export type OpenTrail = {
  readonly class: string;
  /** How many stages were revealed when last looked at, as far as the world knew them, and which the last of them was. */
  readonly stages: number;
  readonly ordinal: number;
  readonly model?: ModelId;
  /** Of its calls, those that had not ended when last looked at. A world that began later does not know all that have. */
  readonly going: readonly string[];
  /** When its last call was over. */
  readonly endUs: number;
};

type Bucket = Readonly<Record<WorkflowId, OpenTrail>>;

export type OpenTrails = Readonly<Record<number, Bucket>>;

type Open = { readonly has: (id: WorkflowId) => boolean };

const buckets = 256;
const few = 64;

export function trailOf(trails: OpenTrails, id: WorkflowId): OpenTrail | undefined {
  return ownOf(trails[bucketOf(id)], id);
}

function bucketOf(id: WorkflowId): number {
  return (seedOf(id) >>> 0) % buckets;
}

/** Changes copies of what it was given, and only of what changes. */
export class TrailsDraft {
  readonly #before: OpenTrails;
  #trails: Record<number, Bucket> | undefined;

  constructor(before: OpenTrails) {
    this.#before = before;
  }

  set(id: WorkflowId, trail: OpenTrail): void {
    const bucket = bucketOf(id);
    this.#replace(bucket, { ...this.#now[bucket], [id]: trail });
  }

  /** Lets go of those that are over, and says what they were. */
  sweep(open: Open): readonly OpenTrail[] {
    return this.#sweepFrom(0, Infinity, open);
  }

  /** The same, but looks at a few alone, others with every id: enough for what is over not to pile up. */
  sweepSome(id: WorkflowId, open: Open): readonly OpenTrail[] {
    return this.#sweepFrom(bucketOf(id), few, open);
  }

  /** Goes round, and stops once so many were looked at. */
  #sweepFrom(start: number, most: number, open: Open): readonly OpenTrail[] {
    const over: OpenTrail[] = [];
    let looked = 0;
    for (let step = 0; step < buckets && looked < most; step++) {
      const bucket = (start + step) % buckets;
      const trails = Object.entries(this.#now[bucket] ?? {});
      const left = trails.filter(([id]) => open.has(id));
      looked += trails.length;
      if (left.length === trails.length) continue;
      over.push(...trails.filter(([id]) => !open.has(id)).map(([, trail]) => trail));
      this.#replace(bucket, Object.fromEntries(left));
    }
    return over;
  }

  get #now(): OpenTrails {
    return this.#trails ?? this.#before;
  }

  #replace(bucket: number, trails: Bucket): void {
    this.#trails ??= { ...this.#before };
    this.#trails[bucket] = trails;
  }

  finish(): OpenTrails {
    return this.#now;
  }
}
