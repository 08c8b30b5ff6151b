import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { KeptStore } from "../../src/store/ask-by-verbs.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createCarryOut } from "../../src/store/sqlite/carry-out.ts";
import { openFile } from "../../src/store/sqlite/open-file.ts";
import { openSqlite } from "../../src/store/sqlite/open-sqlite.ts";
import { SqliteFolder } from "./sqlite-world.ts";
import { holding, run } from "./store-conformance.ts";

const folder = new SqliteFolder();
afterAll(() => folder[Symbol.asyncDispose]());

const open = (path: string, more: { readonly readOnly?: boolean } = {}): Promise<KeptStore> =>
  openSqlite({ path, nowMs: () => 0, ...more });

const refusalOf = (opening: Promise<AsyncDisposable>): Promise<{ kind: string; message: string }> =>
  opening.then(
    async (store) => {
      await store[Symbol.asyncDispose]();
      return { kind: "none", message: "it opened" };
    },
    (error: Error & { kind: string }) => ({ kind: error.kind, message: error.message }),
  );

test("what was written is there after closing and opening again; all leases are void, epochs go on", async () => {
  const path = folder.file();
  const first = await open(path);
  await first.createRun(run("r", { key: "k" }));
  await first.saveStage("r", holding, { stage: "s", record: "1" });
  const segment = (await first.beginSegment(4, 0)) ?? -1;
  await first.appendJournal(4, { segment, index: 0, lines: "x\n" });
  await first.takeLease("planner", "a", "", 1e9);
  await first.takeLease("owner/a", "a", "", 1e9);
  const late = first.createRun(run("late"));
  await first[Symbol.asyncDispose]();
  expect(await late).toBeUndefined();
  await using again = await open(path);
  expect(await again.readRun("r")).toMatchObject({ key: "k", stages: [{ stage: "s", record: "1" }] });
  expect(await again.readRun("late")).toBeDefined();
  expect(await again.readBlock(segment, 0)).toBe("x\n");
  expect(await again.beginSegment(3, 0)).toBeUndefined();
  expect(await again.listLeases("")).toMatchObject([{ name: "planner", holder: "a", epoch: 1 }]);
  expect(await again.takeLease("planner", "b", "", 1000)).toMatchObject({ holder: "b", epoch: 2 });
  expect((await again.takeUpRuns("b", 10)).map(({ id }) => id).sort()).toEqual(["late", "r"]);
});

test.skipIf(process.platform === "win32")(
  "a new file is its owner's alone, and one that is there is left as it is",
  async () => {
    const modeOf = (path: string): number => statSync(path).mode & 0o777;
    const path = folder.file();
    {
      await using store = await open(path);
      await store.createRun(run("r"));
      expect([modeOf(path), modeOf(`${path}-wal`)]).toEqual([0o600, 0o600]);
    }
    chmodSync(path, 0o640);
    await using again = await open(path);
    expect(await again.readRun("r")).toBeDefined();
    expect(modeOf(path)).toBe(0o640);
  },
);

test("a second process is refused, but may read", async () => {
  const path = folder.file();
  await using store = await open(path);
  await store.createRun(run("r"));
  const script = `
    const { openSqlite } = await import(${JSON.stringify(new URL("../../src/store/sqlite/open-sqlite.ts", import.meta.url))});
    const path = ${JSON.stringify(path)};
    const refusal = await openSqlite({ path, nowMs: () => 0 }).catch((error) => error.kind + ": " + error.message);
    await using reader = await openSqlite({ path, nowMs: () => 0, readOnly: true });
    const write = await reader.createRun({}).catch((error) => error.kind);
    console.log(JSON.stringify([refusal, (await reader.readRun("r"))?.id, write]));`;
  const file = join(folder.path, "second.mjs");
  writeFileSync(file, script);
  const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" });
  expect({ stderr, said: JSON.parse(stdout || "[]") as unknown }).toEqual({
    stderr: "",
    said: [expect.stringMatching(/^unavailable: .*another process has it open; one gateway at a time/), "r", "broken"],
  });
});

test("tables of a newer version, and ones that were changed, are refused", async () => {
  const path = folder.file();
  await (await open(path))[Symbol.asyncDispose]();
  const beside = new DatabaseSync(path);
  beside.exec("insert into fate_migrations values (9, 'x')");
  expect(await refusalOf(open(path))).toEqual({
    kind: "broken",
    message: expect.stringContaining("version 9, this fate knows versions up to 2: use a newer fate"),
  });
  expect((await refusalOf(open(path, { readOnly: true }))).message).toContain("use a newer fate");
  beside.exec("delete from fate_migrations; insert into fate_migrations values (1, 'x')");
  beside.close();
  expect((await refusalOf(open(path))).message).toContain("step 1 of its tables is not the one");
});

test("what cannot be opened says why", async () => {
  const garbage = folder.file();
  writeFileSync(garbage, "this is no database, although it is long enough to be looked at as one ".repeat(100));
  expect(await refusalOf(open(garbage))).toMatchObject({
    kind: "broken",
    message: expect.stringContaining("not a database"),
  });
  const missing = folder.file();
  expect(await refusalOf(open(missing, { readOnly: true }))).toEqual({
    kind: "broken",
    message: `${missing}: no such file`,
  });
  const below = `${garbage}/store.db`;
  expect(await refusalOf(open(below))).toMatchObject({
    kind: "broken",
    message: expect.stringMatching(/EEXIST|ENOTDIR/),
  });
  const surroundings = { env: {}, nowMs: () => 0 };
  const postgres = { kind: "postgres", path: "", urlEnv: "WHERE" } as const;
  expect((await refusalOf(openStore(postgres, surroundings))).message).toContain("the variable WHERE is not set");
  const wrong = { env: { WHERE: "mysql://u:secret@h/d" }, nowMs: () => 0 };
  const { message } = await refusalOf(openStore(postgres, wrong));
  expect(message).toContain("expected postgres://");
  expect(message).not.toContain("secret");
});

test("on a full disk verbs are refused one by one, nothing is half-written, and it goes on when there is room", () => {
  const path = folder.file();
  const { db, close } = openFile(path, () => 0);
  const carryOut = createCarryOut(db, path);
  const pages = Number(db.prepare("pragma page_count").get()?.["page_count"]);
  db.exec(`pragma max_page_count = ${pages + 2}`);
  const big = { verb: "createRun", given: [run("big", { definition: "x".repeat(100_000) })] } as const;
  const little = { verb: "createRun", given: [run("little")] } as const;
  expect(carryOut([big, little])).toEqual([
    { ok: false, kind: "full", message: expect.stringContaining(path) },
    { ok: true, value: undefined },
  ]);
  const read = (id: string): unknown => carryOut([{ verb: "readRun", given: [id] }])[0];
  expect(read("big")).toEqual({ ok: true, value: undefined });
  expect(read("little")).toMatchObject({ ok: true, value: { id: "little" } });
  db.exec(`pragma max_page_count = ${pages + 1000}`);
  expect(carryOut([big])).toEqual([{ ok: true, value: undefined }]);
  expect(read("big")).toMatchObject({ ok: true, value: { id: "big" } });
  close();
});

test("space that was given free is given back", async () => {
  const path = folder.file();
  await using store = await open(path);
  for (const id of ["a", "b"]) {
    await store.createRun(run(id, { definition: "x".repeat(3_000_000) }));
    await store.endRun(id, holding, { status: "succeeded", endedMs: 1 });
  }
  expect(await store.forgetRuns(0, 0, 10)).toBe(2);
  let steps = 1;
  while (await store.shrink()) steps++;
  expect(steps).toBeGreaterThan(1);
  await store[Symbol.asyncDispose]();
  expect(statSync(path).size).toBeLessThan(200_000);
});

const stages = Array.from({ length: 30 }, (_, index) => `s${index}`);

test("a file that was torn off anywhere holds a beginning of what was promised, and all of it if nothing is missing", async () => {
  const [path, torn] = [folder.file(), folder.file()];
  await using store = await open(path);
  await store.createRun(run("r"));
  const segment = (await store.beginSegment(1, 0)) ?? -1;
  for (const [index, stage] of stages.entries()) {
    await store.saveStage("r", holding, { stage, record: `"${stage}"` });
    await store.appendJournal(1, { segment, index, lines: `${stage}\n` });
  }
  // As the disk has it while the process runs: what a kill would leave.
  const log = readFileSync(`${path}-wal`);
  const left = async (bytes: Uint8Array): Promise<number> => {
    copyFileSync(path, torn);
    writeFileSync(`${torn}-wal`, bytes);
    await using found = await open(torn);
    expect(await found.inspect()).toEqual([]);
    const kept = ((await found.readRun("r"))?.stages ?? []).map(({ stage }) => stage);
    expect(kept).toEqual(stages.slice(0, kept.length));
    const blocks = (await found.listSegments())[0]?.blocks ?? 0;
    expect([kept.length, kept.length - 1]).toContain(blocks);
    expect((await found.readSeals(segment))?.blocks ?? []).toHaveLength(blocks);
    return kept.length;
  };
  expect(await left(log)).toBe(stages.length);
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: log.length - 1 }), fc.boolean(), async (at, cut) => {
      const changed = cut ? log.subarray(0, at) : Buffer.from(log);
      if (!cut) changed[at] = (changed[at] ?? 0) ^ 0x10;
      seen.add(await left(changed));
    }),
    { numRuns: 8 },
  );
  expect(seen.size).toBeGreaterThan(3);
});
