import fc from "fast-check";
import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import { openPostgres } from "../../src/store/postgres/open-postgres.ts";
import { startPostgres } from "../support/postgres.ts";
import { compareWithMemory, randomSteps } from "./random-verbs.ts";
import { holdToContract, type TestStore } from "./store-conformance.ts";

// Nothing here looks at what a crash of the server itself would leave.
const server = await startPostgres(["-c", "fsync=off"]);
afterAll(() => server?.[Symbol.asyncDispose](), 60_000);

describe.skipIf(server === undefined)("the store in Postgres", () => {
  holdToContract(openOne);

  test("whatever verbs come, Postgres answers as memory does", async () => {
    let telling = 0;
    await using given = await openOne();
    await fc.assert(
      fc.asyncProperty(randomSteps, async (steps) => {
        await given.empty();
        telling += await compareWithMemory(steps, given);
      }),
      { numRuns: 100 },
    );
    expect(telling).toBeGreaterThan(500);
  });
});

/** Each in a database of its own. */
async function openOne(): Promise<TestStore & { readonly empty: () => Promise<void> }> {
  const url = (await server?.createDatabase()) ?? "";
  const store = await openPostgres({ url });
  const beside = postgres(url, { max: 1 });
  return {
    store,
    pass: async (ms) => {
      await beside`update fate_leases set expires_ms = expires_ms - ${ms}`;
    },
    empty: async () => {
      await beside`truncate fate_runs, fate_stages, fate_segments, fate_blocks, fate_leases`;
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await beside.end();
    },
  };
}
