/** Engines that take from the queue only what the next iteration takes in, and what a policy can do with the rest until then. */

import { expect, test } from "vitest";
import type { Batching, Cluster, Engine } from "../../src/model/cluster.ts";
import type { Decision, Place } from "../../src/model/decision.ts";
import type { EventKind, JournalEvent } from "../../src/model/event.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import type { Journal } from "../../src/journal/journal.ts";
import type { PolicyEntry, View } from "../../src/policy/policy.ts";
import { cluster, firstUs, llm, run } from "../support/build.ts";

const byStep: Batching = {
  kind: "batched",
  maxSequences: 64,
  prefillTokens: 2048,
  chunkedPrefill: false,
  admission: "by-step",
};

function machines(drawing: string, engines: readonly Partial<Engine>[]): Cluster {
  const base = cluster(drawing, { batching: byStep, resident: ["llama-3.1-8b"] });
  return { ...base, engines: base.engines.map((engine, index) => ({ ...engine, ...engines[index] })) };
}

const pair = machines("h100 h100 h100", [{ role: "prefill" }, { role: "decode" }, { role: "decode" }]);
const one = machines("h100", [{}]);

function call(id: string, arrivalUs: number, change: Parameters<typeof llm>[1] = {}): Workflow {
  return { id, arrivalUs, reveal: "static", stages: [llm("s", change)] };
}

/** Places each stage once, as told by the name of its workflow. */
function placing(how: (workflow: string) => Partial<Place>, more: (view: View) => Decision[] = () => []): PolicyEntry {
  return {
    summary: "as told",
    whenIdle: true,
    plan: (view) => {
      const decisions = view.ready.map((stage): Decision => {
        const shares = [{ engine: "engine-0", items: stage.items }];
        return { kind: "place", stage: stage.key, shares, rank: 0, ...how(stage.workflow) };
      });
      return { decisions: [...decisions, ...more(view)] };
    },
  };
}

const events = <Kind extends EventKind>(journal: Journal, kind: Kind): Extract<JournalEvent, { kind: Kind }>[] =>
  journal.events.filter((event): event is Extract<JournalEvent, { kind: Kind }> => event.kind === kind);
const started = (journal: Journal): string[] => events(journal, "share-start").map(({ stage }) => stage.slice(0, -2));

const thousands = ["a", "b", "c", "d", "e"].map((id) => call(id, 0));

test("of the queue only what the next iteration takes in is taken, so that a later call of better rank still goes first", () => {
  const journal = run({
    cluster: one,
    workflows: [...thousands, call("urgent", 10)],
    policy: placing((id) => ({ rank: id === "urgent" ? -1 : 0 })),
  });
  expect(started(journal)).toEqual(["a", "b", "urgent", "c", "d", "e"]);
  const steps = events(journal, "batch-step").filter((step) => step.prefillTokens > 0);
  expect(steps.map((step) => step.prefillSequences)).toEqual([2, 2, 2]);
});

test("an iteration is bounded by time too, but takes its first prompt whatever that takes", () => {
  const brief = machines("h100", [{ batching: { ...byStep, prefillUs: 1 } }]);
  const journal = run({ cluster: brief, workflows: thousands });
  const steps = events(journal, "batch-step").filter((step) => step.prefillTokens > 0);
  expect(steps.map((step) => step.prefillSequences)).toEqual([1, 1, 1, 1, 1]);
});

test("when an iteration ends the policy is asked before the queue gets the room", () => {
  const late = placing(() => ({}));
  const held: PolicyEntry = {
    ...late,
    plan: (view) => {
      const [engine] = view.cluster;
      const computes = engine?.running.some((share) => share.prefilledUs === undefined) === true;
      const ready = view.ready.slice(0, computes || engine?.queue.length !== 0 ? 0 : 2);
      return late.plan({ ...view, ready });
    },
  };
  const journal = run({ cluster: one, workflows: thousands, policy: held });
  const steps = events(journal, "batch-step").filter((step) => step.prefillTokens > 0);
  expect(steps.map((step) => step.prefillSequences)).toEqual([2, 2, 1]);
  expect(steps.slice(1).map(({ startUs }) => startUs)).toEqual(steps.slice(0, -1).map(({ atUs }) => atUs));
});

test("a rank that climbs passes one that stands still, when its time has come", () => {
  const order = (climb: number): string[] => {
    const workflows = [...thousands, call("climber", 0)];
    const how = (id: string): Partial<Place> => (id === "climber" ? { rank: 0.1, climb } : {});
    return started(run({ cluster: one, workflows, policy: placing(how) }));
  };
  expect(order(0)).toEqual(["a", "b", "c", "d", "e", "climber"]);
  expect(order(4)).toEqual(["a", "b", "climber", "c", "d", "e"]);
});

/** A long call runs in most of the KV memory, one that needs more than is left waits, and a small one stands behind it. */
function crowded(how: Partial<Place>, small: Parameters<typeof llm>[1] = {}): string[] {
  const kvBytes = 131_072 * 6000;
  const own = (tokens: number) => ({ prompt: [{ kind: "own", tokens }] as const });
  const long = { estimate: 400, actual: 400, limit: 800 };
  const journal = run({
    cluster: machines("h100", [{ kvBytes, batching: { ...byStep, prefillTokens: 8192 } as Batching }]),
    workflows: [
      call("long", 0, { ...own(3000), output: long }),
      call("large", 1, { ...own(4000), output: long }),
      call("small", 2, { ...own(500), output: { estimate: 10, actual: 10, limit: 400 }, ...small }),
    ],
    policy: placing((id) => (id === "small" ? how : {})),
  });
  return started(journal);
}

test("where the next lacks KV memory, a later one may go first if it fits, or if it delays nothing", () => {
  expect(crowded({})).toEqual(["long", "large", "small"]);
  expect(crowded({ overtakes: "if-it-fits" })).toEqual(["long", "small", "large"]);
  expect(crowded({ overtakes: "if-it-delays-none" })).toEqual(["long", "small", "large"]);
  const slow = { prompt: [{ kind: "own", tokens: 1500 }], output: { estimate: 800, actual: 10, limit: 800 } } as const;
  expect(crowded({ overtakes: "if-it-fits" }, slow)).toEqual(["long", "small", "large"]);
  expect(crowded({ overtakes: "if-it-delays-none" }, slow)).toEqual(["long", "large", "small"]);
});

test("what has been overtaken for long enough is overtaken no more", () => {
  const kvBytes = 131_072 * 6000;
  const own = (tokens: number) => ({ prompt: [{ kind: "own", tokens }] as const });
  const workflows = [
    call("large", 1, { ...own(5500), output: { estimate: 10, actual: 10, limit: 300 } }),
    ...Array.from({ length: 60 }, (_, index) =>
      call(`small-${String(index).padStart(2, "0")}`, index * 100_000, {
        ...own(600),
        output: { estimate: 100, actual: 100, limit: 300 },
      }),
    ),
  ].toSorted((left, right) => left.arrivalUs - right.arrivalUs);
  const journal = run({
    cluster: machines("h100", [{ kvBytes }]),
    workflows,
    policy: placing((id) => (id === "large" ? {} : { overtakes: "if-it-fits" })),
  });
  const largeUs = firstUs(journal, "share-start", "large/s");
  expect(largeUs).toBeGreaterThan(2_000_000);
  expect(largeUs).toBeLessThan(4_000_000);
});

const handedOver = placing(() => ({ decodeEngine: "engine-1" }));

test("a stage is decoded elsewhere if the policy says so at the end of its prompt, and not once its KV has set out", () => {
  const redirecting = placing(
    () => ({ decodeEngine: "engine-1" }),
    (view) =>
      view.cluster
        .at(0)
        .running.filter(({ prefilledUs, arriveUs }) => prefilledUs !== undefined && arriveUs === undefined)
        .map(({ stage }): Decision => ({ kind: "redirect", stage: stage.key, decodeEngine: "engine-2" })),
  );
  const journal = run({ cluster: pair, workflows: [call("w", 0)], policy: redirecting });
  const endUs = firstUs(journal, "prefill-end", "w/s");
  expect(firstUs(journal, "stage-redirect", "w/s")).toBe(endUs);
  expect(firstUs(journal, "kv-transfer-start", "w/s")).toBe(endUs);
  expect(events(journal, "decode-start").map(({ engine }) => engine)).toEqual(["engine-2"]);
  const asked: PolicyEntry = placing(
    () => ({ decodeEngine: "engine-1" }),
    (view) =>
      view.ready.length > 0 && view.workflows.has("w/s")
        ? [{ kind: "redirect", stage: "w/s", decodeEngine: "engine-2" }]
        : [],
  );
  const during = firstUs(
    run({ cluster: pair, workflows: [call("w", 0)], policy: handedOver }),
    "kv-transfer-start",
    "w/s",
  );
  const tooLate = run({ cluster: pair, workflows: [call("w", 0), call("x", during + 1)], policy: asked });
  expect(events(tooLate, "decision-reject").map(({ decision, reason }) => [decision, reason])).toEqual([
    ["redirect", "too-late"],
  ]);
});

test("an engine told to switch ends what it has and what is on its way to it, then takes a second, then does the other phase", () => {
  let told = false;
  const switching = placing(
    () => ({ decodeEngine: told ? "engine-2" : "engine-1" }),
    ({ workflows, cluster: { count } }) => {
      if (told || count === 0 || !workflows.has("w/s")) return [];
      told = true;
      return [{ kind: "switch-role", engine: "engine-1", role: "prefill" }];
    },
  );
  const journal = run({ cluster: pair, workflows: [call("w", 0), call("x", 1)], policy: switching });
  const endUs = firstUs(journal, "stage-end", "w/s");
  expect(events(journal, "role-switch-start").map(({ atUs, from, to }) => [atUs, from, to])).toEqual([
    [0, "decode", "prefill"],
  ]);
  expect(events(journal, "role-switch-end").map(({ atUs, role }) => [atUs, role])).toEqual([
    [endUs + 1_000_000, "prefill"],
  ]);
});

test("the last engine of a role keeps it", () => {
  const last = placing(
    () => ({ decodeEngine: "engine-1" }),
    ({ nowUs }) => (nowUs === 0 ? [{ kind: "switch-role", engine: "engine-0", role: "decode" }] : []),
  );
  const journal = run({ cluster: pair, workflows: [call("w", 0)], policy: last });
  expect(events(journal, "decision-reject")[0]?.reason).toBe("last-of-role");
  expect(events(journal, "role-switch-start")).toEqual([]);
});
