/** What a gateway has open, told to a planner that knows nothing of it yet. */

import type { StageKey } from "../../model/workflow.ts";
import type { NewWorkflow } from "../live/driver.ts";
import { toHeld, type Entry } from "./entry.ts";
import type { OpenBook } from "./open-book.ts";
import type { ToPlanner } from "./protocol.ts";

type Tell = (message: ToPlanner) => void;

export function announce({ workflows, entries }: OpenBook, nowUs: number, tell: Tell): void {
  for (const { told, sinceUs } of workflows.values())
    tell({ kind: "arrive", workflow: withTimeLeft(told, nowUs - sinceUs) });
  announceOver({ workflows, entries }, tell);
  for (const { stage } of entries.values()) tell({ kind: "reveal", stage });
  for (const entry of entries.values()) {
    if (entry.status === "tool") tell({ kind: "tool-start", stage: entry.stage.key });
    if (entry.status === "ready") tellReady(entry, nowUs, tell);
  }
  tell({ kind: "announced" });
}

/** Stages that are over, as far as others follow from them. */
function announceOver({ workflows, entries }: Pick<OpenBook, "workflows" | "entries">, tell: Tell): void {
  const told = new Set<StageKey>();
  for (const { stage } of entries.values()) {
    const over = workflows.get(stage.workflow)?.over;
    for (const { stage: key } of stage.parents) {
      const parent = over?.get(key);
      if (parent === undefined || told.has(key)) continue;
      told.add(key);
      tell({ kind: "over", stage: key, workflow: stage.workflow, ...parent });
    }
  }
}

/** That it waits, or how far it is where another planner has placed it. */
export function tellReady(entry: Entry, nowUs: number, tell: Tell): void {
  entry.toldUs = nowUs;
  const held = toHeld(entry);
  if (held !== undefined) return tell(held);
  const { stage, attempt, work, chainTokens } = entry;
  const patient = work?.patient === true ? { patient: true } : {};
  const tokens = chainTokens === undefined ? {} : { chainTokens };
  tell({ kind: "ready", stage: stage.key, attempt, ...patient, ...tokens });
}

/** Deadlines count from an arrival, and this one is told to another clock. */
function withTimeLeft(told: NewWorkflow, passedUs: number): NewWorkflow {
  return told.deadlineUs === undefined ? told : { ...told, deadlineUs: Math.max(1, told.deadlineUs - passedUs) };
}
