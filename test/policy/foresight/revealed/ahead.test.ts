/** What is loaded ahead of calls that nobody has revealed yet. */

import { expect, test } from "vitest";
import type { Decision } from "../../../../src/model/decision.ts";
import { foresightPolicies } from "../../../../src/policy/foresight/ablations.ts";
import { keepLearnt } from "../../../../src/policy/foresight/lasting.ts";
import { noHistory, type History } from "../../../../src/policy/foresight/revealed/history.ts";
import type { Policy } from "../../../../src/policy/policy.ts";
import { batched, cluster, dag, firstUs, run } from "../../../support/build.ts";
import { plainCalibration } from "../../../support/plain-calibration.ts";

const small = "llama-3.1-8b";
const middle = "phi-4-14.7b";
const large = "qwen2.5-32b";

type Known = { readonly calls: Readonly<Record<string, number>>; readonly arrivals?: History["arrivals"] };

type Setting = {
  readonly policy?: "foresight" | "foresight-preload" | "foresight-prefetch";
  readonly gpus?: string;
  readonly held?: readonly (readonly string[])[];
  readonly most?: number;
  readonly known?: Known;
  /** How much later it is when no workflow is open. */
  readonly restedUs?: number;
  /** The gateway was told to read its configuration again by then. */
  readonly reloaded?: boolean;
  /** A second workflow. */
  readonly again?: { readonly call: string; readonly atUs: number };
};

/** One call of a model that the first engine holds; what was loaded without anybody waiting for it. */
function watch(setting: Setting = {}) {
  const { policy = "foresight", gpus = "h100 h100", held = [[small], []], most = 1, restedUs = 0, again } = setting;
  const known = setting.known ?? { calls: { [small]: 4, [large]: 4 } };
  const machines = cluster(gpus, { host: "host", kvBytes: 4e9, batching: batched });
  const engines = machines.engines.map((engine, index) => ({
    ...engine,
    resident: held[index]!,
    maxResident: most,
  }));
  const memory = { revealed: { history: { ...noHistory, classes: { flow: 4 }, ...known } } };
  const ahead: Decision[] = [];
  const aheadUs: number[] = [];
  const plan: Policy = (view) => {
    const nowUs = view.nowUs + (view.workflows.open.size === 0 ? restedUs : 0);
    const own = view.memory ?? memory;
    const kept = setting.reloaded === true && view.workflows.open.size === 0 ? keepLearnt(own) : own;
    const made = foresightPolicies[policy].plan({ ...view, nowUs, memory: kept });
    for (const decision of made.decisions) {
      if (decision.kind !== "prefetch") continue;
      ahead.push(decision);
      aheadUs.push(view.nowUs);
    }
    return made;
  };
  const flow = (id: string, model: string, arrivalUs: number) => ({
    ...dag("a", () => ({ model }), { reveal: "online" }),
    id,
    class: "flow",
    arrivalUs,
  });
  const workflows = [flow("first", small, 0), ...(again === undefined ? [] : [flow("second", again.call, again.atUs)])];
  const entry = { plan, summary: "", whenIdle: true };
  const journal = run({
    cluster: { ...machines, engines },
    workflows,
    policy: entry,
    calibration: plainCalibration,
  });
  return { ahead, aheadUs, journal };
}

test("a model that was called before and that nobody holds is there when it is called", () => {
  const again = { call: large, atUs: 60_000_000 };
  const { ahead, journal } = watch({ again });
  expect(ahead).toEqual([{ kind: "prefetch", engine: "engine-1", model: large }]);
  const late = watch({ policy: "foresight-preload", again });
  expect(late.ahead).toEqual([]);
  expect(firstUs(journal, "prefill-start", "second/a")).toBe(again.atUs);
  expect(firstUs(late.journal, "prefill-start", "second/a")).toBeGreaterThan(again.atUs + 1_000_000);
  expect(watch({ policy: "foresight-prefetch" }).ahead).toEqual([]);
});

test("nothing makes way for it, and nothing is loaded that is held or that nobody has called", () => {
  expect(watch({ held: [[small], [middle]] }).ahead).toEqual([]);
  expect(watch({ held: [[small], [large]] }).ahead).toEqual([]);
  expect(watch({ known: { calls: { [small]: 4 } } }).ahead).toEqual([]);
  expect(watch({ known: { calls: { [small]: 4, "of another cluster": 4 } } }).ahead).toEqual([]);
  expect(watch({ gpus: "h100 rtx", held: [[small], []], known: { calls: { [large]: 4 } } }).ahead).toEqual([]);
});

const beside = { gpus: "h100", held: [[small]], most: 2, known: { calls: { [middle]: 4 } } };

test("an engine that works is left alone until it is done", () => {
  const { ahead, aheadUs, journal } = watch(beside);
  expect(ahead).toEqual([{ kind: "prefetch", engine: "engine-0", model: middle }]);
  expect(aheadUs).toEqual([firstUs(journal, "stage-end", "first/a")]);
});

test("when nobody has come for ten minutes, nobody is expected", () => {
  expect(watch({ ...beside, restedUs: 590_000_000 }).ahead).toHaveLength(1);
  expect(watch({ ...beside, restedUs: 600_000_000 }).ahead).toEqual([]);
  // A gateway that has just begun anew does not know for how long.
  expect(watch({ ...beside, restedUs: 600_000_000, reloaded: true }).ahead).toHaveLength(1);
});

test("each engine gets one model at a time, the one that would be missed most first", () => {
  const known = { calls: { [middle]: 1, [large]: 4 } };
  expect(watch({ gpus: "h100 h100", known }).ahead).toEqual([{ kind: "prefetch", engine: "engine-1", model: large }]);
  const three = watch({ gpus: "h100 h100 h100", held: [[small], [], []], known });
  expect(three.ahead).toEqual([
    { kind: "prefetch", engine: "engine-1", model: large },
    { kind: "prefetch", engine: "engine-2", model: middle },
  ]);
});
