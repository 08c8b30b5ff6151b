import { expect, test } from "vitest";
import { runKills, type KillOptions } from "../../../bench/kill/run-kills.ts";
import { startPostgres } from "../../support/postgres.ts";

const program = new URL("../../../src/cli/main.ts", import.meta.url).pathname;

async function killed(options: Pick<KillOptions, "instants" | "gateways" | "databaseUrl">): Promise<void> {
  const { instants } = options;
  const report = await runKills({ program, seed: 1, clients: 4, pauseMs: 20, longestMs: 220_000, ...options });
  expect(report.faults).toEqual([]);
  expect(report.kills).toBe(instants);
  // The load has reached the gateways, and some of it was under way when they were killed.
  expect(report.accepted).toBeGreaterThan(instants);
  expect(report.ended).toBe(report.accepted);
  expect(report.takenUp.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
}

// Both wait most of the time, so they do it together.
test.concurrent("a gateway that is killed again and again under load loses nothing and doubles nothing", async () => {
  await killed({ instants: 10 });
});

test.concurrent("nor do three over one Postgres, of which one at a time is killed", async (context) => {
  await using postgres = await startPostgres();
  if (postgres === undefined) return context.skip();
  await killed({ instants: 8, gateways: 3, databaseUrl: await postgres.createDatabase() });
});
