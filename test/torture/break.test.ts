/** Each law is broken on purpose, and torture sees it: a law that nothing breaks proves nothing. */

import { expect, test } from "vitest";
import { toView } from "../../src/gateway/declared/declared-run.ts";
import type { Driver, Turn } from "../../src/gateway/live/driver.ts";
import type { RunRow, Store } from "../../src/store/store.ts";
import { torturedLaws, type LawName } from "../../src/torture/laws/report.ts";
import type { Sabotage } from "../../src/torture/sabotage.ts";
import { torture } from "../../src/torture/torture.ts";

type Break = {
  readonly law: LawName;
  readonly how: string;
  readonly sabotage: Sabotage;
  readonly gateways?: number;
  readonly from?: number;
};

/** Worlds that are lived through until one shows it. */
const mostWorlds = 12;

/** A driver in front of another. */
function inFront(change: (driver: Driver) => Partial<Driver>): (driver: Driver) => Driver {
  return (driver) => {
    const { nowUs, arrive, reveal, ready, toolStart, toolEnd, skip, drop, end, cancel } = driver;
    const all = { nowUs, arrive, reveal, ready, toolStart, toolEnd, skip, drop, end, cancel };
    return { ...all, ...change(driver) };
  };
}

/** Work in front of other work: what a share's turn becomes before it is carried. */
function onStart(change: (turn: Turn, start: (turn: Turn) => void) => void): (driver: Driver) => Driver {
  return inFront(({ ready }) => ({
    ready: (key, work, tokens) =>
      ready(
        key,
        {
          start: (turn) => change(turn, (given) => work.start(given)),
          refuse: (refusal) => work.refuse(refusal),
          ...(work.patient === undefined ? {} : { patient: work.patient }),
        },
        tokens,
      ),
  }));
}

/** Counts, and says of every so manyth. */
function every(nth: number): () => boolean {
  let count = 0;
  return () => (count += 1) % nth === 0;
}

const forgetfulStore = (store: Store): Store => {
  const forgets = every(3);
  return { ...store, saveStage: async (...given) => (forgets() ? "saved" : store.saveStage(...given)) };
};

const blindTakeUp = (store: Store): Store => ({
  ...store,
  takeUpRuns: async (owner, limit) => (await store.takeUpRuns(owner, limit)).map((run) => ({ ...run, stages: [] })),
});

const careless: readonly Break[] = [
  {
    law: "accounted",
    how: "a driver that forgets a stage",
    sabotage: { driver: inFront(({ ready }) => skipSome((...given) => ready(...given))) },
  },
  {
    law: "accounted",
    how: "a call that is answered twice",
    sabotage: {
      driver: inFront(({ ready }) => ({
        ready: (key, work, tokens) => {
          ready(key, work, tokens);
          if (key.startsWith("call")) work.refuse({ kind: "no-engine", message: "", retryAfterS: 1 });
        },
      })),
    },
  },
  {
    law: "recorded-once",
    how: "a store that says twice that it has saved the same",
    sabotage: {
      store: (store) => ({ ...store, saveStage: async (...given) => saidSaved(await store.saveStage(...given)) }),
    },
  },
  {
    law: "recorded-once",
    how: "a store in which a workflow ends twice",
    from: 8,
    sabotage: { store: (store) => ({ ...store, endRun: async (...given) => saidSaved(await store.endRun(...given)) }) },
  },
  {
    law: "durable",
    how: "a store that does not write what it says it has",
    from: 2,
    sabotage: { store: forgetfulStore },
  },
  { law: "not-again", how: "a recovery that does not look at what is recorded", sabotage: { store: blindTakeUp } },
  {
    law: "told-what-is-recorded",
    how: "a gateway that tells of what it has not saved",
    sabotage: {
      runs: (runs) => ({
        ...runs,
        follow: (id) => {
          const followed = runs.follow(id);
          if (followed === undefined) return undefined;
          const { log, now } = followed;
          const stage = toView(now()).stages[0];
          if (stage === undefined) return followed;
          const event = {
            id: 1,
            atMs: 0,
            kind: "stage-end",
            stage: stage.id,
            result: { ...stage, status: "ended" },
          } as const;
          return { now, log: { ...log, after: () => ({ kind: "events", events: [event] }) } };
        },
      }),
    },
  },
  {
    law: "one-key",
    how: "a store that does not know keys again",
    from: 8,
    sabotage: { store: (store) => ({ ...store, createRun: async (run) => store.createRun(withOwnKey(run)) }) },
  },
  {
    law: "one-planner",
    how: "a lease that everybody has",
    gateways: 3,
    sabotage: {
      store: (store) => ({
        ...store,
        takeLease: async (name, holder, address, forMs) =>
          name === "planner"
            ? { name, holder, address, epoch: 1, leftMs: forMs }
            : store.takeLease(name, holder, address, forMs),
      }),
    },
  },
  {
    law: "one-planner",
    how: "a lease that ends earlier than its holder was told",
    gateways: 2,
    sabotage: {
      store: (store) => ({
        ...store,
        takeLease: async (name, holder, address, forMs) => {
          const lease = await store.takeLease(name, holder, address, name === "planner" ? 100 : forMs);
          return lease.holder === holder ? { ...lease, leftMs: forMs } : lease;
        },
        renewLease: async (name, holder, epoch, forMs) =>
          name === "planner" || store.renewLease(name, holder, epoch, forMs),
      }),
    },
  },
  {
    law: "capacity",
    how: "engines that take less than the books say",
    sabotage: { engine: (engine) => ({ ...engine, batching: { ...engine.batching, maxSequences: 0 } }) },
  },
  {
    law: "capacity",
    how: "a share that is carried twice",
    sabotage: {
      driver: onStart((turn, start) => {
        start(turn);
        start(twinOf(turn));
      }),
    },
  },
  {
    law: "hand-off",
    how: "a decode without its prefill",
    from: 12,
    sabotage: { driver: onStart((turn, start) => (turn.phase === "prefill" ? turn.handedOver() : start(turn))) },
  },
  {
    law: "patient",
    how: "work that does not say that it is",
    from: 10,
    sabotage: {
      driver: inFront(({ ready }) => ({
        ready: (key, work, tokens) =>
          ready(key, { start: (turn) => work.start(turn), refuse: (refusal) => work.refuse(refusal) }, tokens),
      })),
    },
  },
  { law: "bounded-wait", how: "a driver that does not give up what waits", from: 4, sabotage: { giveUpMs: 600_000 } },
  {
    law: "journal",
    how: "a journal without its prefills",
    sabotage: { record: (event) => (event.kind === "prefill-end" ? undefined : event) },
  },
  {
    law: "no-leak",
    how: "workflows that are never ended",
    sabotage: { driver: inFront(() => ({ end: () => {} })) },
  },
  {
    law: "no-throw",
    how: "a driver that throws",
    sabotage: {
      driver: inFront(() => ({
        reveal: () => {
          throw new Error("out of order");
        },
      })),
    },
  },
];

function skipSome(ready: Driver["ready"]): Partial<Driver> {
  const forgets = every(5);
  return { ready: (...given) => (forgets() ? undefined : ready(...given)) };
}

function saidSaved<Saved>(saved: Saved): Saved | "saved" {
  return saved === "known" ? "saved" : saved;
}

/** Under a key of its own, whatever its client has said. */
function withOwnKey(run: RunRow): RunRow {
  return { ...run, key: run.id };
}

/** The same share, as another turn. */
function twinOf(turn: Turn): Turn {
  return new Proxy(turn, { get: (of, name) => Reflect.get(of, name, of) as unknown });
}

test.each(careless)("$law sees $how", async ({ law, sabotage, gateways = 1, from = 1 }) => {
  const seen = new Set<string>();
  for (let seed = from; seed < from + mostWorlds && !seen.has(law); seed++) {
    const { violations } = await torture({ seed, gateways, sabotage });
    for (const violation of violations) seen.add(violation.law);
  }
  expect([...seen]).toContain(law);
});

test("every law is broken by something", () => {
  expect(new Set(careless.map(({ law }) => law))).toEqual(new Set(Object.keys(torturedLaws)));
});
