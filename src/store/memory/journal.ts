/** Segments of the journal in memory. */

import { gapFault } from "../gap-fault.ts";
import type { JournalBlock, Saved, SegmentRow } from "../store.ts";

type Segment = { readonly epoch: number; readonly createdMs: number; readonly blocks: string[]; bytes: number };

export function createMemoryJournal() {
  /** By number, oldest first. Epochs never fall from one to the next. */
  const segments = new Map<number, Segment>();
  let newest = 0;
  return {
    begin: (epoch: number, createdMs: number): number | undefined => {
      const last = segments.get(newest);
      if (last !== undefined && last.epoch > epoch) return undefined;
      newest++;
      segments.set(newest, { epoch, createdMs, blocks: [], bytes: 0 });
      return newest;
    },
    append: (epoch: number, { segment, index, lines }: JournalBlock): Saved => {
      const into = segments.get(segment);
      if (into?.epoch !== epoch || (segments.get(newest)?.epoch ?? 0) > epoch) return "lost";
      if (index < into.blocks.length) return "known";
      if (index > into.blocks.length) throw gapFault(segment, index, into.blocks.length);
      into.blocks.push(lines);
      into.bytes += Buffer.byteLength(lines);
      return "saved";
    },
    list: (): readonly SegmentRow[] =>
      [...segments].map(([segment, { epoch, createdMs, blocks, bytes }]) => ({
        segment,
        epoch,
        createdMs,
        blocks: blocks.length,
        bytes,
      })),
    read: (segment: number, index: number): string | undefined => segments.get(segment)?.blocks[index],
    prune: (keepBytes: number): number => {
      let bytes = [...segments.values()].reduce((sum, segment) => sum + segment.bytes, 0);
      let dropped = 0;
      for (const [number, segment] of segments) {
        if (bytes <= keepBytes || number === newest) break;
        segments.delete(number);
        bytes -= segment.bytes;
        dropped++;
      }
      return dropped;
    },
  };
}
