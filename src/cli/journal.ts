/** `fate journal list | export | import | verify`: the journal that a gateway keeps in its store. */

import { showCount } from "../experiment/format.ts";
import { openJournal } from "../journal/read.ts";
import { StoreFault, type SegmentRow } from "../store/store.ts";
import { command } from "./arguments.ts";
import { importJournal } from "./import-journal.ts";
import { openNamedStore, storeOptions } from "./named-store.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { readSegment, verifySegment, type Verified } from "./verify-segment.ts";
import { writeByPieces } from "./write-whole.ts";

const json = { name: "json", kind: "flag", summary: "as JSON" } as const;

export const journalList = command({
  name: "journal list",
  summary: "list the segments of the journal in a gateway's store",
  usage: "journal list [--store FILE | --database | --config FILE] [--json]",
  options: [...storeOptions, json],
  positionals: [],
  examples: ["fate journal list", "fate journal list --store .fate/store.db --json"],
  run: async ({ values, terminal }) => {
    await using store = await openNamedStore(values, terminal, "to read");
    const segments = await store.listSegments();
    if (values.json) return terminal.out(`${JSON.stringify(segments, undefined, 2)}\n`);
    if (segments.length === 0) terminal.note("fate: no segments");
    for (const { segment, epoch, createdMs, blocks, bytes } of segments)
      terminal.out(
        `segment ${segment}: epoch ${epoch}, begun ${new Date(createdMs).toISOString()}, ${showCount(blocks)} blocks, ${showCount(bytes)} bytes\n`,
      );
  },
});

export const journalExport = command({
  name: "journal export",
  summary: "write a segment of the journal in a gateway's store as a journal file",
  usage: "journal export [--segment N] [--out FILE] [--store FILE | --database | --config FILE]",
  options: [
    ...storeOptions,
    { name: "segment", kind: "integer", min: 1, max: 1e15, summary: "which; the last that holds anything unless said" },
    { name: "last", kind: "flag", summary: "the last that holds anything" },
    { name: "out", kind: "text", shows: "FILE", summary: "where to; standard output unless said" },
    { name: "json", kind: "flag", summary: "say what was written as JSON; needs --out" },
  ],
  positionals: [],
  examples: ["fate journal export > run.ndjson", "fate journal export --database --segment 12 --out run.ndjson"],
  run: async ({ values, terminal }) => {
    if (values.last && values.segment !== undefined) throw new UsageError("give --segment or --last, not both");
    await using store = await openNamedStore(values, terminal, "to read");
    const row = pickSegment(await store.listSegments(), values.segment);
    if (values.out === undefined) {
      for await (const block of readSegment(store, row)) terminal.out(new TextDecoder().decode(block));
      return;
    }
    await writeByPieces(values.out, async (write) => {
      for await (const block of readSegment(store, row)) write(block);
    });
    if (values.json) terminal.out(`${JSON.stringify({ file: values.out, ...row })}\n`);
    else terminal.note(`wrote segment ${row.segment}, ${showCount(row.bytes)} bytes, to ${values.out}`);
  },
});

export const journalImport = command({
  name: "journal import",
  summary: "put journal files into a gateway's store, each as a segment behind the others",
  usage: "journal import FILE... [--store FILE | --database | --config FILE]",
  options: [...storeOptions, json],
  positionals: [{ name: "FILE...", required: true, many: true, summary: "journals, oldest first; may be gzipped" }],
  examples: ["fate journal import journal.1.ndjson journal.ndjson --store .fate/store.db"],
  run: async ({ values, words, terminal }) => {
    // All are read before any is written.
    const read: number[] = [];
    for (const file of words) read.push(await countRecords(file, terminal));
    await using store = await openNamedStore(values, terminal, "to write");
    const written: unknown[] = [];
    for (const [index, file] of words.entries()) {
      const segment = await importJournal(store, file, terminal.signal);
      written.push({ file, segment, records: read[index] });
      if (!values.json) terminal.note(`${file}: segment ${segment}, ${showCount(read[index] ?? 0)} records`);
    }
    if (values.json) terminal.out(`${JSON.stringify(written, undefined, 2)}\n`);
  },
});

export const journalVerify = command({
  name: "journal verify",
  summary: "see whether a gateway's store and the journal in it are whole, and the journal obeys the laws",
  usage: "journal verify [--segment N] [--store FILE | --database | --config FILE] [--json]",
  options: [
    ...storeOptions,
    { name: "segment", kind: "integer", min: 1, max: 1e15, summary: "only this one; all of them unless said" },
    json,
  ],
  positionals: [],
  examples: ["fate journal verify", "fate journal verify --store copy-of-store.db --json"],
  run: async ({ values, terminal }) => {
    await using store = await openNamedStore(values, terminal, "to read");
    const database = await store.inspect();
    if (!values.json) for (const line of database) terminal.out(`the database: ${line}\n`);
    const all = await store.listSegments();
    const verified: Verified[] = [];
    for (const row of values.segment === undefined ? all : [pickSegment(all, values.segment)]) {
      terminal.signal.throwIfAborted();
      terminal.progress(`segment ${row.segment}`);
      const one = await verifySegment(store, row);
      verified.push(one);
      terminal.endProgress();
      if (!values.json) terminal.out(render(one));
    }
    if (values.json) terminal.out(`${JSON.stringify({ database, segments: verified }, undefined, 2)}\n`);
    else if (all.length === 0) terminal.note("fate: no segments");
    const whole = verified.every(({ damage, violations }) => damage.length + violations.length === 0);
    return whole && database.length === 0 ? 0 : 1;
  },
});

function pickSegment(segments: readonly SegmentRow[], segment: number | undefined): SegmentRow {
  const row =
    segment === undefined
      ? segments.findLast(({ blocks }) => blocks > 0)
      : segments.find((each) => each.segment === segment);
  if (row !== undefined) return row;
  if (segments.length === 0)
    throw new StoreFault("broken", "the store has no journal: found no segments, expected one");
  const known = `${segments[0]?.segment} to ${segments.at(-1)?.segment}`;
  throw new UsageError(`--segment: found ${segment ?? "only empty ones"}, expected one of ${known}`);
}

/** Throws a `JournalError` at the first line that is none of a journal. */
async function countRecords(file: string, terminal: Terminal): Promise<number> {
  const { events } = await openJournal(file);
  let count = 0;
  for await (const _ of events) {
    count++;
    if (count % 10_000 === 0) {
      terminal.signal.throwIfAborted();
      terminal.progress(`${file}: ${showCount(count)} records`);
    }
  }
  terminal.endProgress();
  return count;
}

function render({ segment, epoch, blocks, bytes, records, damage, violations }: Verified): string {
  const what = `segment ${segment}: epoch ${epoch}, ${showCount(blocks)} blocks, ${showCount(bytes)} bytes`;
  if (damage.length > 0) return `${what}: damaged\n${damage.map((line) => `  ${line}\n`).join("")}`;
  if (violations.length === 0) return `${what}: whole, ${showCount(records)} records, all laws hold\n`;
  const lines = violations.map(({ law, sequence, message }) => `  record ${sequence}: ${law}: ${message}\n`);
  return `${what}: whole, ${violations.length} violations of the laws\n${lines.join("")}`;
}
