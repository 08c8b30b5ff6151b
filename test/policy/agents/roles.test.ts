/** When engines switch between prefill and decode, and what a split is worth. */

import { describe, expect, test } from "vitest";
import { createCostModel } from "../../../src/cost/cost-model.ts";
import type { Cluster } from "../../../src/model/cluster.ts";
import type { JournalEvent } from "../../../src/model/event.ts";
import { agentPolicies } from "../../../src/policy/agents/entries.ts";
import { roles } from "../../../src/policy/agents/settings.ts";
import { atMeanSpeed, paceOf, splitUs, type Sort } from "../../../src/policy/agents/split.ts";
import { knownModels } from "../../../src/catalogue/models.ts";
import { cluster, dag, run } from "../../support/build.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";

const resident = ["llama-3.1-8b"];
const batching = {
  kind: "batched",
  maxSequences: 64,
  prefillTokens: 4096,
  chunkedPrefill: false,
  admission: "by-step",
} as const;

/** Of one kind, so many that prefill. */
function pairs(prefill: number, decode: number): Cluster {
  const machines = cluster(Array.from({ length: prefill + decode }, () => "h100").join(" "), { resident, batching });
  return {
    ...machines,
    engines: machines.engines.map((engine, index) => ({
      ...engine,
      role: index < prefill ? "prefill" : "decode",
    })),
  };
}

const sized = (tokens: number, output: number) => () => ({
  prompt: [{ kind: "own" as const, tokens }],
  output: { estimate: output, actual: output, limit: 2 * output },
});

/** Calls of their own, evenly over the seconds from `fromS` on. */
function calls(name: string, count: number, seconds: number, tokens: number, output: number, fromS = 0) {
  return Array.from({ length: count }, (_, index) => ({
    ...dag("a", sized(tokens, output)),
    id: `${name}-${index}`,
    arrivalUs: Math.round((fromS + (index * seconds) / count) * 1e6),
  }));
}

function play(workflows: ReturnType<typeof calls>, machines: Cluster, name: keyof typeof agentPolicies) {
  return run({ workflows, cluster: machines, policy: agentPolicies[name], calibration: plainCalibration }).events;
}

function switchesOf(events: readonly JournalEvent[]): readonly string[] {
  return events.flatMap((event) => (event.kind === "role-switch-start" ? [`${event.from}>${event.to}`] : []));
}

describe("roles", () => {
  test("an engine that alone may decode some call comes back to that, and goes away no more while the call waits", () => {
    const flood = calls("long", 120, 6, 8000, 10);
    const pinned = [1, 2, 3].map((engine) => {
      const [call] = calls(`pinned-${engine}`, 1, 1, 500, 20, 4);
      const stages = call!.stages.map((stage) => ({ ...stage, allow: { engines: ["engine-0", `engine-${engine}`] } }));
      return { ...call!, stages };
    });
    const workflows = [...flood, ...pinned].toSorted((left, right) => left.arrivalUs - right.arrivalUs);
    const events = play(workflows, pairs(1, 3), "hexagent+roles");
    expect(switchesOf(events)).toEqual(expect.arrayContaining(["decode>prefill", "prefill>decode"]));
    expect(events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(workflows.length);
  });

  test("more prompts than prefill can take in have decode engines help, and the calls end sooner", () => {
    const flood = calls("long", 120, 6, 8000, 10);
    const machines = pairs(1, 3);
    const fixed = play(flood, machines, "hexagent");
    const switched = play(flood, machines, "hexagent+roles");
    expect(switchesOf(switched)).toContain("decode>prefill");
    expect(switched.at(-1)?.atUs).toBeLessThan(0.7 * (fixed.at(-1)?.atUs ?? 0));
  });

  test("long answers to short prompts switch nothing", () => {
    expect(switchesOf(play(calls("chatty", 60, 6, 200, 300), pairs(2, 2), "hexagent+roles"))).toEqual([]);
  });

  test("what helped prefill goes back when decoding needs it, and nothing else ever does", () => {
    const events = play(
      [...calls("long", 120, 6, 8000, 10), ...calls("chatty", 1500, 10, 50, 400, 30)],
      pairs(1, 3),
      "hexagent+roles",
    );
    const back = events.flatMap((event) =>
      event.kind === "role-switch-start" && event.to === "decode" ? [event.engine] : [],
    );
    expect(back.length).toBeGreaterThan(0);
    expect(back).not.toContain("engine-0");
  });
});

describe("the worth of a split", () => {
  const machines = pairs(1, 1);
  const models = knownModels.filter(({ id }) => id === resident[0]);
  const [held] = createCostModel(machines, models, plainCalibration).engines[0]?.models.values() ?? [];
  if (held === undefined) throw new Error("no model");
  const of = (prefill: number, decode: number): readonly Sort[] => [{ held, maxSequences: 64, prefill, decode }];
  const backlog = { calls: 0, outputTokens: 0, heldTokens: 0 };
  const stream = { calls: 1e-5, newTokens: 1e-2, outputTokens: 1e-3, heldTokens: 1, backlogTokens: 0, backlog };

  test("engines of one make take in together what each was seen to take in, whichever comes first", () => {
    const slower = { ...held, rates: { ...held.rates, correction: { prefill: 4, decode: 4 } } };
    expect(atMeanSpeed(held, held, 2)).toBe(held);
    const each = { maxSequences: 64, prefill: 1, decode: 0 };
    const apart = paceOf([held, held, slower].map((one) => ({ ...each, held: one })));
    for (const [first, second, third] of [
      [held, held, slower],
      [slower, held, held],
    ] as const) {
      const mean = atMeanSpeed(atMeanSpeed(first, second, 2), third, 3);
      expect(paceOf([{ ...each, prefill: 3, held: mean }])).toBeCloseTo(apart, 12);
    }
  });

  test("a phase without an engine takes for ever", () => {
    expect(splitUs(of(0, 4), stream, roles)).toBe(Infinity);
    expect(splitUs(of(4, 0), stream, roles)).toBe(Infinity);
  });

  test("a backlog is worth an engine more of prefill, crowded decoding one more of decode", () => {
    const behind = { ...stream, backlogTokens: 1e6 };
    expect(splitUs(of(2, 2), behind, roles)).toBeLessThan(splitUs(of(1, 3), behind, roles));
    const crowded = { ...stream, newTokens: 1e-3, outputTokens: 2e-2, heldTokens: 20 };
    expect(splitUs(of(1, 3), crowded, roles)).toBeLessThan(splitUs(of(2, 2), crowded, roles));
  });

  test("what KV memory could not hold at the full pace of prefill counts, however little comes", () => {
    const small = of(2, 2).map((sort) => ({ ...sort, held: { ...held, kvCapacityTokens: 5000 } }));
    expect(splitUs(small, stream, roles)).toBeGreaterThan(splitUs(of(2, 2), stream, roles));
  });
});
