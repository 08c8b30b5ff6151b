/** Writes the next block of a segment, unless the planner of a later epoch writes now. */

import { gapFault } from "../gap-fault.ts";
import type { JournalBlock, Saved } from "../store.ts";
import { numberOf, textOf } from "./rows.ts";
import { sealOf } from "./seal.ts";
import type { Dialect, Verb } from "./statement.ts";

/** Not within one statement: verbs of the journal are carried out one after another. */
export function* appendJournal(
  { claim }: Dialect,
  epoch: number,
  { segment, index, lines }: JournalBlock,
): Verb<Saved> {
  const [row] = yield {
    text:
      "select epoch, blocks, seal, (select max(epoch) from fate_segments) as newest " +
      `from fate_segments where segment = $1${claim}`,
    values: [segment],
  };
  if (row === undefined || numberOf(row, "epoch") !== epoch || numberOf(row, "newest") > epoch) return "lost";
  const blocks = numberOf(row, "blocks");
  if (index < blocks) return "known";
  if (index > blocks) throw gapFault(segment, index, blocks);
  const seal = sealOf(textOf(row, "seal"), lines);
  yield {
    text: "insert into fate_blocks (segment, position, lines, seal) values ($1, $2, $3, $4)",
    values: [segment, index, lines, seal],
  };
  yield {
    text: "update fate_segments set blocks = blocks + 1, bytes = bytes + $2, seal = $3 where segment = $1",
    values: [segment, Buffer.byteLength(lines), seal],
  };
  return "saved";
}
