/** Where the lines of the live journal go: to segments, one after another, each of which can be read by itself. */
export type JournalSink = {
  /** Whether what is appended now is kept. */
  readonly takes: boolean;
  /** Whether another segment should begin: this one is full, or was broken off. */
  readonly due: boolean;
  /** All that was taken since the start. */
  readonly writtenBytes: number;
  /** Begins another segment with these lines, of which the first is its header. May throw, and then takes nothing any more. */
  readonly begin: (lines: string) => void;
  readonly append: (lines: string) => void;
  /** Another epoch writes from now on, in a segment of its own; undefined: somebody else does. Absent: there are no epochs. */
  readonly writeAs?: (epoch: number | undefined) => void;
  readonly close: () => Promise<void>;
};

/** When a segment is full that begins with so much: not before most of it is news, or else what is open alone would fill one after another. */
export function fullBytes(maxBytes: number, openingBytes: number): number {
  return Math.max(maxBytes, 4 * openingBytes);
}

/** For a driver that keeps no journal. */
export const noJournal: JournalSink = {
  takes: false,
  due: false,
  writtenBytes: 0,
  begin: () => {},
  append: () => {},
  close: () => Promise.resolve(),
};
