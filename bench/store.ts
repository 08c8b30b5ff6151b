/**
 * How many declared workflows a second the stores take in so that a crash does not lose them, many at once and one by one, and how
 * long it takes to take up what a dead gateway has left open.
 *
 * `--seconds N` sets how long each is measured, `--at-once N` how many submissions are under way, `--database URL` takes a Postgres
 * that is there in place of the embedded one; whatever that database holds of Fate is mixed with what is measured.
 */

import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openPostgres } from "../src/store/postgres/open-postgres.ts";
import { openSqlite } from "../src/store/sqlite/open-sqlite.ts";
import type { RunRow, Store } from "../src/store/store.ts";
import { startPostgres } from "../test/support/postgres.ts";

/** About as large as a workflow of ten stages is. */
const definition = JSON.stringify({
  stages: Array.from({ length: 10 }, (_, index) => ({ id: `s${index}`, prompt: "x".repeat(150) })),
});
const openRuns = 10_000;

export async function benchStore(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      seconds: { type: "string", default: "5" },
      "at-once": { type: "string", default: "64" },
      database: { type: "string" },
    },
  });
  const seconds = Number(values.seconds);
  const atOnce = Number(values["at-once"]);
  const folder = mkdtempSync(join(tmpdir(), "fate-bench-store-"));
  let files = 0;
  const nowMs = (): number => performance.now();
  await compare("sqlite", seconds, atOnce, (maxBatch) =>
    openSqlite({ path: join(folder, `${files++}.db`), nowMs, ...maxBatch }),
  );
  rmSync(folder, { recursive: true });
  await using server = values.database === undefined ? await startPostgres() : undefined;
  if (server !== undefined || values.database !== undefined)
    await compare("postgres", seconds, atOnce, async (maxBatch) =>
      openPostgres({ url: values.database ?? (await server?.createDatabase()) ?? "", ...maxBatch }),
    );
}

type Open = (bound: { readonly maxBatch?: number }) => Promise<Store>;

async function compare(name: string, seconds: number, atOnce: number, open: Open): Promise<void> {
  const together = await measure(await open({}), seconds, atOnce);
  const alone = await measure(await open({ maxBatch: 1 }), seconds, atOnce);
  const ratio = (together.perSecond / alone.perSecond).toFixed(1);
  print(`${name}, ${atOnce} at once: ${show(together)}`);
  print(`${name}, one a commit: ${show(alone)}; together ${ratio} times as many`);
  print(`${name}: ${openRuns} open workflows are taken up in ${(await measureTakeUp(await open({}))).toFixed(0)} ms`);
}

type Rate = { readonly perSecond: number; readonly medianMs: number; readonly slowMs: number };

async function measure(store: Store, seconds: number, atOnce: number): Promise<Rate> {
  await using _ = store;
  const tookMs: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const submit = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const beganMs = performance.now();
      await store.createRun(newRun());
      tookMs.push(performance.now() - beganMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, submit));
  const perSecond = tookMs.length / ((performance.now() - startMs) / 1000);
  tookMs.sort((left, right) => left - right);
  const at = (share: number): number => tookMs[Math.floor(tookMs.length * share)] ?? NaN;
  return { perSecond, medianMs: at(0.5), slowMs: at(0.99) };
}

async function measureTakeUp(store: Store): Promise<number> {
  await using _ = store;
  await Promise.all(Array.from({ length: openRuns }, () => store.createRun(newRun())));
  await store.takeLease("owner/b", "b", "", 60_000);
  const startMs = performance.now();
  let taken: number;
  do taken = (await store.takeUpRuns("b", 1000)).length;
  while (taken > 0);
  return performance.now() - startMs;
}

function newRun(): RunRow {
  const id = randomUUID();
  return {
    id,
    tenant: "t",
    createdMs: Date.now(),
    status: "running",
    definition,
    key: id,
    bodyHash: id,
    owner: "a",
    generation: 0,
  };
}

const show = ({ perSecond, medianMs, slowMs }: Rate): string =>
  `${perSecond.toFixed(0)} durable submissions a second, median ${medianMs.toFixed(1)} ms, 99% within ${slowMs.toFixed(1)} ms`;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
