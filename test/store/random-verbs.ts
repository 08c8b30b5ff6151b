/** Sequences of verbs drawn at random, carried out by a store and by the one in memory, which is the model of all. */

import fc from "fast-check";
import { expect } from "vitest";
import { StoreFault, type Lease, type Store } from "../../src/store/store.ts";
import { openMemory } from "./memory-world.ts";
import { run, type TestStore } from "./store-conformance.ts";

/** What a step came to, as both must say it. */
type Step = (given: TestStore) => Promise<unknown>;

const of = <Given>(
  drawn: fc.Arbitrary<Given>,
  act: (store: Store, given: Given) => Promise<unknown>,
): fc.Arbitrary<Step> =>
  drawn.map(
    (given) =>
      async ({ store }) =>
        act(store, given),
  );

const id = fc.constantFrom("r1", "r2", "r3", "r4", "r5");
const key = fc.constantFrom(undefined, "k1", "k2");
const tenant = fc.constantFrom("t", "u");
const owner = fc.constantFrom("a", "b");
const small = fc.integer({ min: 0, max: 4 });
const generation = fc.constantFrom(0, 0, 0, 1, 2);
const text = fc.string({ unit: fc.constantFrom("a", "é", "'", "$1", "\n", "{", "𝄞"), maxLength: 8 });
const holding = fc.record({ owner, generation });
const lease = fc.constantFrom("owner/a", "owner/b", "planner");
const end = fc.record(
  { status: fc.constantFrom("succeeded", "failed", "cancelled"), endedMs: small, error: text },
  { requiredKeys: ["status", "endedMs"] },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  of(fc.tuple(id, key, tenant, owner, small, text), (store, [name, used, whose, who, createdMs, definition]) =>
    store.createRun(
      run(name, {
        tenant: whose,
        owner: who,
        createdMs,
        definition,
        ...(used !== undefined && { key: used, bodyHash: "00" }),
      }),
    ),
  ),
  of(fc.tuple(id, holding, fc.constantFrom("s1", "s2"), text), (store, [name, held, stage, record]) =>
    store.saveStage(name, held, { stage, record }),
  ),
  of(fc.tuple(id, holding, end), (store, [name, held, ends]) => store.endRun(name, held, ends)),
  of(id, (store, name) => store.readRun(name)),
  of(fc.tuple(tenant, fc.constantFrom("k1", "k2")), (store, [whose, used]) => store.findRun(whose, used)),
  of(fc.tuple(tenant, small, fc.option(id, { nil: undefined })), (store, [whose, limit, after]) =>
    store.listRuns(whose, limit, after),
  ),
  of(fc.tuple(owner, small), (store, [who, limit]) => store.takeUpRuns(who, limit)),
  of(fc.tuple(owner, small), (store, [who, limit]) => store.listTakenUp(who, limit)),
  of(fc.tuple(small, small, small), (store, [keep, beforeMs, limit]) => store.forgetRuns(keep, beforeMs, limit)),
  of(
    fc.tuple(small, small),
    async (store, [epoch, createdMs]) => (await store.beginSegment(epoch, createdMs)) !== undefined,
  ),
  of(fc.tuple(small, small, small, text), (store, [epoch, back, index, lines]) =>
    append(store, epoch, back, index, lines),
  ),
  of(fc.tuple(small, small), async (store, [back, index]) => store.readBlock(await segmentAt(store, back), index)),
  of(fc.integer({ min: 0, max: 60 }), (store, bytes) => store.pruneJournal(bytes)),
  of(fc.tuple(lease, owner, text, small), async (store, [name, who, address, forMs]) =>
    toPlain([await store.takeLease(name, who, address, forMs * 100_000)]),
  ),
  of(fc.tuple(lease, owner, small, small), (store, [name, who, epoch, forMs]) =>
    store.renewLease(name, who, epoch, forMs * 100_000),
  ),
  of(fc.tuple(lease, owner, small), (store, [name, who, epoch]) => store.releaseLease(name, who, epoch)),
  of(fc.constantFrom("", "owner/", "p", "x"), async (store, prefix) => toPlain(await store.listLeases(prefix))),
  small.map(
    (much): Step =>
      ({ pass }) =>
        pass(much * 100_000),
  ),
);

/** Segments are numbered on and on, so one is named by how many have come after it, and their numbers are not compared. */
async function segmentAt(store: Store, back: number): Promise<number> {
  return (await store.listSegments()).at(-1 - back)?.segment ?? -1;
}

async function append(store: Store, epoch: number, back: number, index: number, lines: string): Promise<unknown> {
  return store.appendJournal(epoch, { segment: await segmentAt(store, back), index, lines });
}

/** A database's clock goes on by itself a little. */
function toPlain(leases: readonly Lease[]): unknown {
  return leases.map(({ leftMs, ...rest }) => ({ ...rest, holds: leftMs > 0 }));
}

export const randomSteps = fc.array(step, { minLength: 1, maxLength: 40, size: "max" });

/** Says how many steps came to something other than nothing, so that a test can see that it has seen anything. */
export async function compareWithMemory(steps: readonly Step[], given: TestStore): Promise<number> {
  await using model = await openMemory();
  let telling = 0;
  for (const each of steps) {
    const [expected, found] = [await outcomeOf(each, model), await outcomeOf(each, given)];
    expect(found).toStrictEqual(expected);
    if (expected !== undefined && expected !== "lost" && expected !== false && expected !== 0) telling++;
  }
  const ends = await Promise.all(
    ["t", "u"].flatMap((whose) => [given, model].map(({ store }) => store.listRuns(whose, 100))),
  );
  expect([ends[0], ends[2]]).toStrictEqual([ends[1], ends[3]]);
  const segments = await Promise.all([given, model].map(({ store }) => store.listSegments()));
  const [own, others] = segments.map((rows) => rows.map((row) => ({ ...row, segment: 0 })));
  expect(own).toStrictEqual(others);
  return telling;
}

async function outcomeOf(each: Step, given: TestStore): Promise<unknown> {
  try {
    return await each(given);
  } catch (error) {
    if (error instanceof StoreFault) return { fault: error.kind };
    throw error;
  }
}
