/** The journal of a live driver: where its lines go, what a segment of it begins with, and what it is to remember. */

import type { Continuity } from "./continuity.ts";
import { JournalFeed } from "./journal-feed.ts";
import { JournalFiles } from "./journal-files.ts";
import { JournalSegments } from "./journal-segments.ts";
import { noJournal, type JournalSink } from "./journal-sink.ts";
import type { DriverOptions } from "./live-driver.ts";
import type { World } from "./world.ts";

/** Segments in the store are read again at every start. */
const mostSegmentBytes = 8 * 2 ** 20;
/** Workflows that end before it is written down again what the policy has learnt: so a process that is killed leaves it behind. */
const everyEnds = 16;

export type LiveJournalHost = Pick<DriverOptions, "journal" | "journalStore"> & {
  readonly world: World;
  readonly continuity: Continuity;
  readonly policy: () => string;
  /** What the policy has learnt that outlives its workflows. JSON. */
  readonly lasting: () => string | undefined;
  readonly onFault: (error: unknown) => void;
};

export class LiveJournal {
  readonly feed: JournalFeed;
  readonly #host: LiveJournalHost;
  readonly #sink: JournalSink;
  #ends = 0;
  #remembered: string | undefined;

  constructor(host: LiveJournalHost) {
    const { world, continuity, onFault } = host;
    this.#host = host;
    this.#sink = createSink(host);
    this.feed = new JournalFeed({
      time: world.time,
      sink: this.#sink,
      header: continuity.header,
      prelude: continuity.prelude,
      nextSequence: () => world.sequence,
      onFault,
    });
    world.listen(this.feed.see);
  }

  get writtenBytes(): number {
    return this.#sink.writtenBytes;
  }

  /** A workflow has ended, of which the policy may have learnt. */
  onEnd(): void {
    this.#ends += 1;
    if (this.#ends % everyEnds === 0) this.remember();
  }

  /** Writes down what the policy has learnt, if it is not what was written last. */
  remember(): void {
    const { world, policy, lasting } = this.#host;
    const memory = this.feed.takes ? lasting() : undefined;
    if (memory === undefined || memory === this.#remembered) return;
    this.#remembered = memory;
    world.emit({ kind: "policy-remember", policy: policy(), memory });
  }

  /** Another epoch writes from now on, where there are epochs; undefined: somebody else does. */
  writeAs(epoch: number | undefined): void {
    this.#sink.writeAs?.(epoch);
  }
}

function createSink({ journal, journalStore, world, onFault }: LiveJournalHost): JournalSink {
  const { path, maxBytes, keep } = journal;
  if (journalStore !== undefined) {
    const { epoch, ...verbs } = journalStore;
    const { time } = world;
    return new JournalSegments({ verbs, epoch, time, maxBytes: Math.min(maxBytes, mostSegmentBytes), onFault });
  }
  return path === undefined ? noJournal : new JournalFiles({ path, maxBytes, keep, onFault });
}
