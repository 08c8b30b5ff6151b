/** Workflows and stages as the journal tells of them: how many are open, wait, stand in queues and run. */

import type { JournalEvent, StagePlace, WorkflowArrive } from "../../model/event.ts";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import { createCounters, createGauges, createHistograms, type Counter, type Section } from "./series.ts";

/** A stage that is not over. Invariant: `waits` and each counter in `shares` stand for exactly one that was added. */
type Tracked = {
  readonly workflow: WorkflowId;
  readonly tool: boolean;
  waits: boolean;
  /** By number of the share: the gauge that counts it now. */
  readonly shares: (Counter | undefined)[];
};

type Open = { readonly arriveUs: number; readonly stages: Set<StageKey> };

const workflowBounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500];

/** Holds an entry for each open stage and workflow, and nothing of those that are over. */
export function createStageMetrics(): Section & { readonly see: (event: JournalEvent) => void } {
  const families = stageFamilies();
  const { queued, running } = families;
  const open = families.open.at();
  const waiting = families.waiting.at();
  const workflows = new Map<WorkflowId, Open>();
  const stages = new Map<StageKey, Tracked>();

  const wait = (tracked: Tracked | undefined, waits: boolean): void => {
    if (tracked === undefined || tracked.tool || tracked.waits === waits) return;
    tracked.waits = waits;
    waiting.value += waits ? 1 : -1;
  };
  const move = (tracked: Tracked | undefined, share: number, to: Counter | undefined): void => {
    if (tracked === undefined) return;
    const from = tracked.shares[share];
    if (from !== undefined) from.value -= 1;
    if (to !== undefined) to.value += 1;
    tracked.shares[share] = to;
  };
  const leave = (tracked: Tracked): void => {
    wait(tracked, false);
    for (let share = 0; share < tracked.shares.length; share++) move(tracked, share, undefined);
    tracked.shares.length = 0;
  };
  const forget = (key: StageKey): void => {
    const tracked = stages.get(key);
    if (tracked === undefined) return;
    leave(tracked);
    stages.delete(key);
    workflows.get(tracked.workflow)?.stages.delete(key);
  };
  const place = ({ stage, shares }: StagePlace): void => {
    const tracked = stages.get(stage);
    wait(tracked, false);
    for (let share = 0; share < shares.length; share++) move(tracked, share, queued.at(shares[share]?.engine ?? ""));
  };
  const arrive = ({ workflow, atUs }: WorkflowArrive): void => {
    open.value += 1;
    workflows.set(workflow, { arriveUs: atUs, stages: new Set() });
  };
  const close = (workflow: WorkflowId, atUs: number, outcome: "ended" | "abandoned"): void => {
    const ended = workflows.get(workflow);
    if (ended === undefined) return;
    for (const stage of ended.stages) forget(stage);
    workflows.delete(workflow);
    open.value -= 1;
    families.closed.at(outcome).value += 1;
    if (outcome === "ended") families.duration.observe(families.duration.at(), atUs - ended.arriveUs);
  };
  const see = (event: JournalEvent): void => {
    switch (event.kind) {
      case "workflow-arrive":
        return arrive(event);
      case "workflow-end":
        return close(event.workflow, event.atUs, "ended");
      case "workflow-abandon":
        return close(event.workflow, event.atUs, "abandoned");
      case "stage-reveal": {
        const { key, workflow, kind } = event.stage;
        stages.set(key, { workflow, tool: kind === "tool", waits: false, shares: [] });
        workflows.get(workflow)?.stages.add(key);
        return;
      }
      case "stage-ready":
        return wait(stages.get(event.stage), true);
      case "stage-place":
        return place(event);
      case "share-start":
        return move(stages.get(event.stage), event.share, running.at(event.engine));
      case "share-preempt":
        return move(stages.get(event.stage), event.share, queued.at(event.engine));
      case "share-end":
        // The prefill of a pair goes on to the queue of the engine that decodes, if it is not there already.
        if (event.phase !== "prefill") move(stages.get(event.stage), event.share, undefined);
        return;
      case "kv-transfer-end":
        return move(stages.get(event.stage), event.share, queued.at(event.to));
      case "stage-lost": {
        const tracked = stages.get(event.stage);
        if (tracked !== undefined) leave(tracked);
        families.retries.at(event.reason).value += 1;
        return wait(tracked, true);
      }
      case "stage-drop":
        families.drops.at(event.reason).value += 1;
        return forget(event.stage);
      case "stage-end":
      case "stage-skip":
        return forget(event.stage);
      default:
        return;
    }
  };
  return { see, families: Object.values(families) };
}

function stageFamilies() {
  const duration = {
    name: "gen_ai_workflow_duration_seconds",
    help: "From the arrival of a workflow to its end.",
    scale: 1e6,
  };
  return {
    open: createGauges({ name: "fate_workflows_open", help: "Workflows that have arrived and are not over." }),
    closed: createCounters({
      name: "fate_workflows_total",
      help: "Workflows that are over, by outcome.",
      labels: ["outcome"],
    }),
    duration: createHistograms(duration, workflowBounds),
    waiting: createGauges({ name: "fate_stages_waiting", help: "Model stages that are ready and not placed." }),
    queued: createGauges({
      name: "fate_engine_queued",
      help: "Shares placed on an engine that have not started.",
      labels: ["engine"],
    }),
    running: createGauges({ name: "fate_engine_running", help: "Shares that run on an engine.", labels: ["engine"] }),
    retries: createCounters({
      name: "fate_retries_total",
      help: "Stages made ready again, by reason.",
      labels: ["reason"],
    }),
    drops: createCounters({
      name: "fate_stages_dropped_total",
      help: "Stages given up, by reason.",
      labels: ["reason"],
    }),
  };
}
