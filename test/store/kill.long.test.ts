/** A process that writes and is killed without warning: what it was told is durable is there. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, test } from "vitest";
import type { KeptStore } from "../../src/store/ask-by-verbs.ts";
import { openPostgres } from "../../src/store/postgres/open-postgres.ts";
import { openSqlite } from "../../src/store/sqlite/open-sqlite.ts";
import { drawInteger } from "../../src/random/distributions.ts";
import { createRng } from "../../src/random/rng.ts";
import { startPostgres } from "../support/postgres.ts";
import { SqliteFolder } from "./sqlite-world.ts";

const folder = new SqliteFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const server = await startPostgres();
afterAll(() => server?.[Symbol.asyncDispose](), 60_000);

const rounds = 12;
const source = (file: string): string => JSON.stringify(new URL(`../../src/store/${file}`, import.meta.url).href);

/** Submits without end, two stages and an end for each run, and a journal beside; says a line once something is durable. */
const writer = (open: string): string => `
  ${open}
  const say = (line) => process.stdout.write(line + "\\n");
  const round = process.argv[2];
  const holding = { owner: round, generation: 0 };
  const submit = async (worker) => {
    for (let n = 0; ; n++) {
      const id = [round, worker, n].join("-");
      await store.createRun({ ...holding, id, tenant: "t", createdMs: n, status: "running", definition: "{}", key: id });
      say("run " + id);
      for (const stage of ["a", "b"]) {
        await store.saveStage(id, holding, { stage, record: JSON.stringify(id) });
        say("stage " + id + " " + stage);
      }
      await store.endRun(id, holding, { status: "succeeded", endedMs: n });
      say("end " + id);
    }
  };
  const write = async () => {
    const segment = await store.beginSegment(1, 0);
    for (let index = 0; ; index++) {
      await store.appendJournal(1, { segment, index, lines: "line " + index + "\\n" });
      say("block " + segment + " " + index);
    }
  };
  await Promise.all([write(), ...Array.from({ length: 8 }, (_, worker) => submit(worker))]);`;

/** The lines that it said before it was killed, after so many. */
async function runAndKill(script: string, round: number, afterLines: number): Promise<readonly string[]> {
  const file = join(folder.path, `writer-${round}.mjs`);
  writeFileSync(file, script);
  const child = spawn(process.execPath, [file, String(round)], { stdio: ["ignore", "pipe", "inherit"] });
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (said.length === afterLines) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  return said;
}

async function findLost(store: KeptStore, said: readonly string[]): Promise<readonly string[]> {
  const lost: string[] = [];
  for (const line of said) {
    const [what, id = "", more] = line.split(" ");
    const kept = what === "block" ? undefined : await store.readRun(id);
    const there =
      what === "run"
        ? kept !== undefined
        : what === "stage"
          ? kept?.stages.some(({ stage }) => stage === more)
          : what === "end"
            ? kept?.status === "succeeded"
            : (await store.readBlock(Number(id), Number(more))) === `line ${more}\n`;
    if (there !== true) lost.push(line);
  }
  return lost;
}

async function killAgainAndAgain(script: string, open: () => Promise<KeptStore>): Promise<void> {
  const rng = createRng(1);
  for (let round = 0; round < rounds; round++) {
    const said = await runAndKill(script, round, drawInteger(rng, 1, 400));
    await using store = await open();
    expect(await store.inspect()).toEqual([]);
    expect(await findLost(store, said)).toEqual([]);
  }
}

test("a process with SQLite that is killed loses nothing that it was told is durable", async () => {
  const path = folder.file();
  const open = `
    const { openSqlite } = await import(${source("sqlite/open-sqlite.ts")});
    const store = await openSqlite({ path: ${JSON.stringify(path)}, nowMs: () => 0 });`;
  await killAgainAndAgain(writer(open), () => openSqlite({ path, nowMs: () => 0 }));
});

describe.skipIf(server === undefined)("with Postgres", () => {
  test("a process that is killed loses nothing that it was told is durable", async () => {
    const url = (await server?.createDatabase()) ?? "";
    const open = `
      const { openPostgres } = await import(${source("postgres/open-postgres.ts")});
      const store = await openPostgres({ url: ${JSON.stringify(url)} });`;
    await killAgainAndAgain(writer(open), () => openPostgres({ url }));
  });
});
