/** The thread that plans crowded frontiers: follows the journal as a reader would, and answers with decisions. */

import { parentPort } from "node:worker_threads";
import { correctCosts } from "../../cost/correct.ts";
import { createCostModel, type CostModel } from "../../cost/cost-model.ts";
import type { JournalHeader } from "../../journal/journal.ts";
import type { JournalEvent } from "../../model/event.ts";
import { policyNamed } from "../../policy/policies.ts";
import type { Policy } from "../../policy/policy.ts";
import { withHardestWait } from "../../policy/with-hardest-wait.ts";
import { createRng, type Rng } from "../../random/rng.ts";
import { apply, createState, type State } from "../../state/apply.ts";
import { restoreCaches } from "./cache-copy.ts";
import { liveView } from "./live-view.ts";
import { sinceEpochMs, type FromThread, type ToThread } from "./thread-protocol.ts";

type Mind = {
  readonly state: State;
  readonly baseCosts: CostModel;
  costs: CostModel;
  readonly plan: Policy;
  readonly rng: Rng;
};

let mind: Mind | undefined;

parentPort?.on("message", (message: ToThread) => {
  switch (message.kind) {
    case "begin":
      mind = begin(message);
      return say({ kind: "ready" });
    case "follow":
      return follow(message.lines);
    case "plan":
      return say(plan(message));
  }
});

function say(message: FromThread): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
  parentPort?.postMessage(message);
}

function begin({ policy, hardestWaitUs, header: line, caches }: Extract<ToThread, { kind: "begin" }>): Mind {
  const header = JSON.parse(line) as JournalHeader;
  const costs = createCostModel(header.cluster, header.models, header.calibration);
  const entry = policyNamed(policy);
  if (entry === undefined) throw new Error(`no policy ${policy}`);
  const state = createState(costs.engines, header.clock !== "wall");
  restoreCaches(state, caches);
  return {
    state,
    baseCosts: costs,
    costs,
    plan: withHardestWait(entry.plan, hardestWaitUs),
    rng: createRng(header.seed, "policy"),
  };
}

function follow(lines: string): void {
  if (mind === undefined) return;
  for (const line of lines.split("\n")) {
    if (line === "") continue;
    const event = JSON.parse(line) as JournalEvent;
    apply(mind.state, event);
    if (event.kind === "cost-correct")
      mind.costs = correctCosts(mind.baseCosts, mind.costs, event.engine, event.model, event);
  }
}

function plan({ id, nowUs, memory, unloadable, dueMs }: Extract<ToThread, { kind: "plan" }>): FromThread {
  if (mind === undefined) return { kind: "failed", id, reason: "asked before it was told anything" };
  const { state, costs, rng } = mind;
  const startMs = performance.now();
  try {
    const isDue = (): boolean => sinceEpochMs() >= dueMs;
    const made = mind.plan({ ...liveView({ nowUs, state, costs, rng, memory, unloadable }), isDue });
    const tookUs = Math.round((performance.now() - startMs) * 1000);
    return { kind: "planned", id, tookUs, ...made };
  } catch (error) {
    return { kind: "failed", id, reason: error instanceof Error ? error.message : String(error) };
  }
}
