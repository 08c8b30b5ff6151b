/** Whether a segment of the journal is whole: its blocks, their seals, its records, and the laws that they obey. */

import { createChecker } from "../check/check.ts";
import type { Violation } from "../check/law.ts";
import { JournalError } from "../journal/journal-error.ts";
import { parseChunks } from "../journal/read.ts";
import type { KeptStore } from "../store/ask-by-verbs.ts";
import { sealOf } from "../store/sql/seal.ts";
import type { SegmentRow } from "../store/store.ts";

export type Verified = {
  readonly segment: number;
  readonly epoch: number;
  readonly blocks: number;
  readonly bytes: number;
  readonly records: number;
  /** What is not as it was written. With any of these, records are not looked at. */
  readonly damage: readonly string[];
  readonly violations: readonly Violation[];
};

/** More say nothing that these do not. */
const mostDamage = 20;

export async function verifySegment(store: KeptStore, row: SegmentRow): Promise<Verified> {
  const { segment, epoch, blocks, bytes } = row;
  const intact = { segment, epoch, blocks, bytes, records: 0, damage: [], violations: [] };
  const damage = await findDamage(store, row);
  if (damage.length > 0) return { ...intact, damage };
  if (blocks === 0) return intact;
  try {
    const { header, events } = await parseChunks(`segment ${segment}`, readSegment(store, row));
    const checker = createChecker(header);
    let records = 0;
    for await (const event of events) {
      checker.see(event);
      records++;
    }
    return { ...intact, records, violations: checker.end() };
  } catch (error) {
    if (error instanceof JournalError) return { ...intact, damage: [error.message] };
    throw error;
  }
}

async function findDamage(store: KeptStore, { segment, blocks, bytes }: SegmentRow): Promise<readonly string[]> {
  const seals = await store.readSeals(segment);
  if (seals === undefined) return ["it was dropped just now"];
  const kept = new Map(seals.blocks.map(({ index, seal }) => [index, seal]));
  const damage: string[] = [];
  let found = 0;
  let before = seals.first;
  for (let index = 0; index < blocks && damage.length < mostDamage; index++) {
    const lines = await store.readBlock(segment, index);
    if (lines === undefined) {
      damage.push(`block ${index}: found nothing, expected one of ${blocks}`);
      // Those behind it are held against their neighbours' seals.
      before = kept.get(index) ?? "";
      continue;
    }
    const seal = kept.get(index) ?? "";
    if (sealOf(before, lines) !== seal)
      damage.push(`block ${index}: it or the one before was changed after it was written`);
    if (!lines.endsWith("\n")) damage.push(`block ${index}: its last line has no end`);
    found += Buffer.byteLength(lines);
    before = seal;
  }
  if (damage.length > 0) return damage;
  // The gateway may have gone on writing since the segment was listed.
  if (kept.size === blocks && before !== seals.last) damage.push("its last block is not the one that was written last");
  if (found !== bytes) damage.push(`found ${found} bytes, expected ${bytes}`);
  return damage;
}

/** As bytes, block by block. */
export async function* readSegment(
  { readBlock }: Pick<KeptStore, "readBlock">,
  { segment, blocks }: SegmentRow,
): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < blocks; index++) {
    const lines = await readBlock(segment, index);
    if (lines === undefined) throw new JournalError(`segment ${segment}`, 0, `no block ${index}`, `${blocks} blocks`);
    yield Buffer.from(lines);
  }
}
