import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSqlite } from "../../src/store/sqlite/open-sqlite.ts";
import { SqliteFolder } from "../store/sqlite-world.ts";
import { fate } from "./support.ts";

const folder = new SqliteFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const file = (name: string): string => join(folder.path, name);
const journal = file("run.ndjson");

beforeAll(async () => {
  const cluster = ["--generate", "rag", "--count", "3", "--cluster", "hetero-8"];
  expect(await fate("simulate", ...cluster, "--policy", "round-robin", "--journal", journal)).toMatchObject({
    code: 0,
  });
});

/** Holds the journal twice; of it each test has a copy. */
const original = folder.file();

beforeAll(async () => {
  writeFileSync(file("run.ndjson.gz"), gzipSync(readFileSync(journal)));
  const { code, notes } = await fate("journal", "import", journal, file("run.ndjson.gz"), "--store", original);
  expect([code, notes]).toEqual([0, expect.stringMatching(/run.ndjson: segment 1, \d+ records\n.*gz: segment 2/)]);
});

function imported(): string {
  const path = folder.file();
  copyFileSync(original, path);
  return path;
}

test("what is imported is listed, found whole, and exported as it was", async () => {
  const path = imported();
  expect((await fate("journal", "list", "--store", path)).out).toMatch(
    /^segment 1: epoch 1, .*\nsegment 2: epoch 1, .*\n$/,
  );
  const verified = await fate("journal", "verify", "--store", path);
  expect(verified).toMatchObject({ code: 0, notes: "" });
  expect(verified.out).toMatch(/^(segment \d: .*: whole, \d+ records, all laws hold\n){2}$/);
  const whole = readFileSync(journal, "utf8");
  expect((await fate("journal", "export", "--store", path)).out).toBe(whole);
  expect((await fate("journal", "export", "--store", path, "--segment", "1", "--out", file("out"))).code).toBe(0);
  expect(readFileSync(file("out"), "utf8")).toBe(whole);
  expect(JSON.parse((await fate("journal", "verify", "--store", path, "--json")).out)).toMatchObject({
    database: [],
    segments: [{ segment: 1, damage: [] }, { violations: [] }],
  });
});

test.each([
  [
    "update fate_blocks set lines = replace(lines, 'workflow-arrive', 'workflow-arrivf') where segment = 1",
    "changed after it was written",
  ],
  ["update fate_blocks set lines = substr(lines, 1, 500) where segment = 1", "its last line has no end"],
  ["delete from fate_blocks where segment = 1", "block 0: found nothing, expected one of 1"],
  ["update fate_segments set seal = 'x' where segment = 1", "its last block is not the one that was written last"],
  ["update fate_segments set bytes = 7 where segment = 1", "expected 7"],
])("%s is seen", async (change, sentence) => {
  const path = imported();
  const beside = new DatabaseSync(path);
  beside.exec(change);
  beside.close();
  const { code, out } = await fate("journal", "verify", "--store", path);
  expect(code).toBe(1);
  expect(out).toContain(sentence);
  expect(out).toMatch(/\nsegment 2: .*: whole, /);
});

test("records that break a law are seen, although every block is as it was written", async () => {
  const path = folder.file();
  const store = await openSqlite({ path, nowMs: () => 0 });
  const lines = readFileSync(journal, "utf8").split("\n").slice(0, -3);
  const segment = (await store.beginSegment(1, 0)) ?? -1;
  await store.appendJournal(1, { segment, index: 0, lines: `${lines.join("\n")}\n` });
  await store[Symbol.asyncDispose]();
  const { code, out } = await fate("journal", "verify", "--store", path);
  expect(code).toBe(1);
  expect(out).toMatch(/whole, \d+ violations of the laws\n {2}record \d+: /);
});

test("a fault is a line that says where", async () => {
  const path = imported();
  writeFileSync(file("bad.ndjson"), "{}\n");
  const faults = [
    [["import", journal, file("bad.ndjson"), "--store", path], 2, "bad.ndjson:1: found kind nothing"],
    [["export", "--store", file("none.db")], 2, "none.db: found no such file, expected the store of a gateway"],
    [["export", "--store", path, "--segment", "7"], 2, "--segment: found 7, expected one of 1 to 2"],
    [["export", "--store", path, "--segment", "1", "--last"], 2, "give --segment or --last, not both"],
    [["list", "--store", path, "--database"], 2, "give one of them"],
    [["import", "--store", path], 2, "FILE"],
  ] as const;
  for (const [words, code, sentence] of faults)
    expect(await fate("journal", ...words)).toMatchObject({ code, out: "", notes: expect.stringContaining(sentence) });
  expect((await fate("journal", "list", "--store", path)).out.split("\n")).toHaveLength(3);
  const empty = folder.file();
  await (await openSqlite({ path: empty, nowMs: () => 0 }))[Symbol.asyncDispose]();
  expect(await fate("journal", "export", "--store", empty)).toMatchObject({
    code: 1,
    notes: expect.stringContaining("found no segments"),
  });
  expect(await fate("journal", "list", "--store", empty)).toMatchObject({
    code: 0,
    out: "",
    notes: "fate: no segments\n",
  });
});
