/** Any order of events: all laws hold, every owner hears the end of its stage once, and nothing is left over. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { check } from "../../../src/check/check.ts";
import { policies } from "../../../src/policy/policies.ts";
import { readJournal } from "../../../src/journal/read.ts";
import { engines, inRoles, Live, settle } from "./world.ts";
import { step, Wild } from "./wild.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const runs = Number(process.env["RUNS"] ?? 25);
const steps = fc.array(step, { maxLength: 60, size: "max" });
const names = Object.keys(policies);
const policy = fc.constantFrom(...names);
/** Short enough for some calls to wait longer. */
const queue = { maxWaiting: 1000, hardestWaitMs: 700, giveUpMs: 600_000 };

const worlds = {
  plain: () => engines("h100 l40s", { maxResident: 2 }),
  swapping: () => engines("h100 h100", { maxResident: 1, host: "one" }),
  pairs: () => inRoles(engines("h100 h100 h100", { maxResident: 2 }), "prefill", "decode", "both"),
  exclusive: () => engines("h100 h100", { batching: { kind: "exclusive", maxSequences: 1 } }),
  mixed: () =>
    engines("h100 h100", {
      maxResident: 2,
      batching: { kind: "batched", maxSequences: 3, prefillTokens: 2048, chunkedPrefill: true, mixesModels: true },
    }),
} as const;
const kinds = Object.keys(worlds) as (keyof typeof worlds)[];

async function live(wild: Wild, things: readonly Parameters<Wild["do"]>[0][]): Promise<void> {
  for (const each of things) {
    wild.live.pass(1000);
    wild.do(each);
    wild.goOn();
    if (each.what.includes("load")) await settle();
    wild.check();
  }
  await wild.finish();
  expect(wild.live.faults.filter((fault) => !fault.startsWith("load"))).toEqual([]);
}

test.each(kinds)("whatever happens, on %s engines", async (kind) => {
  await fc.assert(
    fc.asyncProperty(steps, policy, fc.boolean(), async (things, name, loads) => {
      await using world = new Live({ cluster: worlds[kind](), policy: name, loads, queue });
      await live(new Wild(world), things);
    }),
    { numRuns: runs, interruptAfterTimeLimit: 15000, ...(process.env["RUNS"] ? { endOnFailure: false } : {}) },
  );
});

test.each(names)("whatever happens, under %s", async (name) => {
  const surroundings = fc.record({ kind: fc.constantFrom(...kinds), loads: fc.boolean(), reshapes: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(steps, surroundings, async (things, { kind, loads, reshapes }) => {
      await using world = new Live({ cluster: worlds[kind](), policy: name, loads, queue });
      const reshape = (which: number): void => void world.reshape(worlds[kind](), which % 2 === 0 ? ["engine-0"] : []);
      await live(new Wild(world, reshapes ? reshape : undefined), things);
    }),
    { numRuns: Math.ceil(runs / 10), interruptAfterTimeLimit: 15000 },
  );
});

test.each(kinds)("whatever the cluster becomes, each file of the journal stands alone, on %s engines", async (kind) => {
  await fc.assert(
    fc.asyncProperty(steps, policy, fc.boolean(), async (things, name, loads) => {
      const folder = mkdtempSync(join(tmpdir(), "fate-live-"));
      try {
        const cluster = worlds[kind]();
        const path = join(folder, "live.ndjson");
        {
          await using world = new Live({
            cluster,
            policy: name,
            loads,
            queue,
            journal: { path, maxBytes: 8000, keep: 1000 },
          });
          await live(
            new Wild(world, (which) => {
              // One engine is another from now on, one that was gone is back, or one goes.
              const anew = cluster.engines[which % cluster.engines.length]?.id ?? "";
              const without =
                which % 3 === 0 ? { ...cluster, engines: cluster.engines.filter(({ id }) => id !== anew) } : cluster;
              void world.reshape(without, which % 3 === 1 ? [anew] : []);
            }),
            things,
          );
        }
        let next = 1;
        const files = readdirSync(folder).sort((left, right) => ageOf(right) - ageOf(left));
        for (const file of files) {
          const journal = await readJournal(join(folder, file));
          expect(check(journal), file).toEqual([]);
          expect(journal.header.firstSequence ?? 1, file).toBe(next);
          next = (journal.events.at(-1)?.sequence ?? next - 1) + 1;
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    }),
    { numRuns: runs, interruptAfterTimeLimit: 15000, ...(process.env["RUNS"] ? { endOnFailure: false } : {}) },
  );
});

/** `live.3.ndjson` was full three files ago. */
function ageOf(file: string): number {
  return Number(/\.(\d+)\./.exec(file)?.[1] ?? 0);
}
