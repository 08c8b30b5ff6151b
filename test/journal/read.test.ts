/** Journals written and read back, and everything that can be wrong with a file. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createJournalWriter, encodeRecord } from "../../src/journal/append.ts";
import { JournalError } from "../../src/journal/journal-error.ts";
import { longestLine, parseJournal } from "../../src/journal/parse.ts";
import { openJournal, parseChunks, readJournal } from "../../src/journal/read.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { dag, run } from "../support/build.ts";
import { wildRuns } from "../check/wild.ts";

const journal = run({ workflows: [dag("a -> b, c -> d")] });
const lines = toText(journal).trimEnd().split("\n");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "journal-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("what is written is read back", () => {
  test.each(["run.ndjson", "run.ndjson.gz"])("%s", async (name) => {
    const path = join(folder, name);
    const rich = wildRuns["exclusive"]?.(1) ?? journal;
    {
      using writer = createJournalWriter(path, rich.header);
      for (const event of rich.events) writer.write(event);
    }
    expect(await readJournal(path)).toEqual(rich);
  });

  test("compressed journals are ordinary gzip files", () => {
    const path = join(folder, "members.gz");
    const writer = createJournalWriter(path, journal.header);
    for (let round = 0; round < 30_000; round++) for (const event of journal.events.slice(0, 3)) writer.write(event);
    writer.close();
    writer.close();
    const text = gunzipSync(readFileSync(path)).toString();
    expect(text.split("\n")).toHaveLength(90_002);
  });

  test("every kind of wild run, parsed in pieces of any size", async () => {
    for (const make of Object.values(wildRuns)) {
      const rich = make(1, 5);
      const bytes = Buffer.from(toText(rich));
      const stream = await parseChunks("pieces", pieces(bytes, 777));
      const events = [];
      for await (const event of stream.events) events.push(event);
      expect({ header: stream.header, events }).toEqual(rich);
    }
  });
});

describe("what is wrong is said, with its place", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["nothing", "", "j:1: found nothing, expected the header of a journal"],
    ["no JSON", "hello\n", 'j:1: found "hello", expected the header of a journal as JSON'],
    ["another object", '{"kind":"plan"}\n', 'j:1: found kind "plan", expected a header, whose kind is "journal"'],
    ["another version", edit(0, { version: 9 }), "j:1: found format version 9, expected version 1"],
    ["a header without a seed", edit(0, { seed: undefined }), "j:1: found no field seed, expected number"],
    [
      "an engine on no device",
      edit(0, { cluster: { ...journal.header.cluster, devices: [] } }),
      "j:1: found engine engine-0 on device gpu-0, expected a device of the cluster",
    ],
    [
      "a record of another kind",
      edit(3, { kind: "party" }),
      'j:4: found kind "party", expected a kind of docs/journal.md',
    ],
    [
      "a missing field",
      edit(1, { workflow: undefined }),
      "j:2: found no field workflow, expected text in workflow-arrive",
    ],
    ["a wrong type", edit(1, { workflow: 5 }), "j:2: found workflow 5, expected text in workflow-arrive"],
    [
      "a wrong word",
      edit(1, { reveal: "later" }),
      'j:2: found reveal "later", expected "static" | "online" in workflow-arrive',
    ],
    [
      "a time that is no whole number",
      edit(2, { atUs: 0.5 }),
      "j:3: found atUs 0.5, expected whole number from 0 in stage-reveal",
    ],
    [
      "a time before the last",
      edit(30, { atUs: 0 }),
      `j:31: found atUs 0, expected a time from ${atUs(29)}, that of the line before`,
    ],
    ["a gap", lines.toSpliced(4, 1).join("\n") + "\n", "j:5: found sequence 5, expected sequence 4"],
    ["an empty line", `${lines[0]}\n\n`, "j:2: found an empty line, expected a record as JSON"],
    [
      "a torn line",
      `${lines[0]}\n${lines[1]}\n{"atUs":0,"seq`,
      'j:3: found a torn line "{\\"atUs\\":0,\\"seq", expected a record and the end of its line',
    ],
    ["a last line without its end", lines.join("\n"), `j:${lines.length}: found a torn line`],
  ];
  test.each(cases)("%s", (_what, text, message) => {
    expect(() => parseJournal(text, "j")).toThrow(JournalError);
    expect(() => parseJournal(text, "j")).toThrow(message);
  });

  test("a line that never ends", () => {
    expect(() => parseJournal("x".repeat(longestLine + 1), "j")).toThrow("j:1: found a line without an end");
  });

  test("an unknown field", () => {
    expect(() => parseJournal(edit(1, { colour: "blue" }), "j")).toThrow('j:2: found unknown field "colour"');
  });

  test("a wrong value deep inside", () => {
    const reveal = journal.events[1];
    const stage = { ...(reveal?.kind === "stage-reveal" ? reveal.stage : {}), chain: [{ hash: 1, tokens: -1 }] };
    expect(() => parseJournal(edit(2, { stage }), "j")).toThrow(
      "j:3: found stage.chain[0].tokens -1, expected whole number from 0",
    );
  });
});

describe("files that cannot be read", () => {
  test("no file", async () => {
    await expect(openJournal(join(folder, "none"))).rejects.toThrow("found no such file, expected a journal");
    await expect(openJournal(join(folder, "none.gz"))).rejects.toThrow(JournalError);
  });

  test("compressed data cut off", async () => {
    const path = join(folder, "cut.gz");
    writeFileSync(path, gzipSync(toText(journal)).subarray(0, 1000));
    await expect(readJournal(path)).rejects.toThrow(JournalError);
  });

  test("no compressed data", async () => {
    const path = join(folder, "plain.gz");
    writeFileSync(path, toText(journal));
    await expect(readJournal(path)).rejects.toThrow(
      "found compressed data that break off or are damaged, expected gzip",
    );
  });

  test("no text", async () => {
    const path = join(folder, "bytes.ndjson");
    writeFileSync(path, Buffer.concat([Buffer.from(`${lines[0]}\n`), Buffer.from([0xff, 0xfe, 10])]));
    await expect(readJournal(path)).rejects.toThrow("found bytes that are no UTF-8, expected text");
  });
});

function toText({ header, events }: Journal): string {
  return [header, ...events].map(encodeRecord).join("");
}

/** The journal with other fields in one line; undefined takes a field away. */
function edit(line: number, changed: object): string {
  const record: object = JSON.parse(lines[line] ?? "");
  return `${lines.with(line, JSON.stringify({ ...record, ...changed })).join("\n")}\n`;
}

function atUs(line: number): number {
  return (JSON.parse(lines[line] ?? "") as { atUs: number }).atUs;
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
