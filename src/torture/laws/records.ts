/**
 * What is recorded in the store is recorded once, clients are told that and nothing else, and a recorded stage does not start again.
 * What fails fails for what its stages came to, and not because nobody was there to take them.
 */

import { isDeepStrictEqual } from "node:util";
import type { RunEnd, RunRow, StageRow, StoredRun } from "../../store/store.ts";
import type { RunEvent, RunView, StageView } from "../../gateway/declared/wire.ts";
import type { Commit } from "../database.ts";
import type { Report } from "./report.ts";

type Run = {
  readonly key: string | undefined;
  /** Who has carried it out, the present one last: its place is its generation. */
  readonly owners: string[];
  readonly stages: Map<string, string>;
  end: RunEnd | undefined;
};

/** Every engine of a world is back after seconds, and all of them together have every model. */
const impatient: ReadonlySet<string> = new Set(["no_engine", "queue_full", "engine_unreachable"]);

export type Records = ReturnType<typeof createRecords>;

export function createRecords(report: Report) {
  const runs = new Map<string, Run>();
  const byKey = new Map<string, string>();
  /** Of runs whose clients were told that they are taken in. */
  const accepted = new Map<string, string>();

  const saveStage = (id: string, { stage, record }: StageRow): void => {
    const run = runs.get(id);
    if (run === undefined) return report("recorded-once", `a stage of ${id} is recorded, which is not there`);
    const before = run.stages.get(stage);
    if (before !== undefined) report("recorded-once", `${id}/${stage} is recorded twice`);
    if (run.end !== undefined) report("recorded-once", `${id}/${stage} is recorded after the end`);
    run.stages.set(stage, record);
  };
  const endRun = (id: string, end: RunEnd): void => {
    const run = runs.get(id);
    if (run === undefined) return report("recorded-once", `the end of ${id} is recorded, which is not there`);
    if (run.end !== undefined) report("recorded-once", `${id} ends twice: ${run.end.status}, then ${end.status}`);
    const { code, message } = JSON.parse(end.error ?? "{}") as { readonly code?: string; readonly message?: string };
    if (code !== undefined && impatient.has(code)) report("patient", `${id} fails: ${code}: ${message}`);
    run.end = end;
  };
  const tellStage = (id: string, told: StageView): void => {
    if (told.status !== "ended" && told.status !== "failed" && told.status !== "skipped") return;
    const record = runs.get(id)?.stages.get(told.id);
    if (record === undefined)
      return report("told-what-is-recorded", `a client is told of ${id}/${told.id}, which is not recorded`);
    if (!isDeepStrictEqual(JSON.parse(record), JSON.parse(JSON.stringify(told))))
      report("told-what-is-recorded", `of ${id}/${told.id} a client is told ${JSON.stringify(told)}, not ${record}`);
  };
  const tellEnd = (id: string, status: string): void => {
    const end = runs.get(id)?.end;
    if (end?.status !== status)
      report("told-what-is-recorded", `a client is told that ${id} ${status}, and it ${end?.status ?? "is running"}`);
  };

  return {
    runs,
    accepted,
    runOf: (key: string): string | undefined => byKey.get(key),
    see: ({ verb, given, result }: Commit): void => {
      if (verb === "createRun" && result === undefined) {
        const [{ id, key, owner }] = given as [RunRow];
        if (runs.has(id)) report("recorded-once", `${id} is taken in twice`);
        runs.set(id, { key, owners: [owner], stages: new Map(), end: undefined });
        if (key !== undefined) byKey.set(key, id);
      } else if (verb === "saveStage" && result === "saved") saveStage(given[0] as string, given[2] as StageRow);
      else if (verb === "endRun" && result === "saved") endRun(given[0] as string, given[2] as RunEnd);
      else if (verb === "takeUpRuns")
        for (const { id, owner } of result as readonly RunRow[]) runs.get(id)?.owners.push(owner);
    },
    /** A client was told that its submission is taken in. */
    accept: (key: string, id: string): void => {
      const run = runs.get(id);
      if (run === undefined) return report("told-what-is-recorded", `a client is told of ${id}, which is not recorded`);
      if (run.key !== key) report("one-key", `the key ${key} leads to ${id}, which came with ${run.key}`);
      const before = accepted.get(key);
      if (before !== undefined && before !== id) report("one-key", `the key ${key} leads to ${before} and to ${id}`);
      accepted.set(key, id);
    },
    tellView: (id: string, view: RunView): void => {
      for (const stage of view.stages) tellStage(id, stage);
      if (view.status !== "running") tellEnd(id, view.status);
    },
    tellEvent: (id: string, event: RunEvent): void => {
      if (event.kind === "stage-end") tellStage(id, event.result);
      else if (event.kind === "stage-skip" && runs.get(id)?.stages.has(event.stage) !== true)
        report("told-what-is-recorded", `a client is told that ${id}/${event.stage} is skipped, which is not recorded`);
      else if (event.kind === "workflow-end") tellEnd(id, event.status);
    },
    /** Holds what was recorded against what the store has. */
    compare: (id: string, stored: StoredRun | undefined): void => {
      const run = runs.get(id);
      if (stored === undefined) return report("durable", `${id} is not in the store`);
      for (const { stage, record } of stored.stages)
        if (run?.stages.get(stage) !== record) report("durable", `${id}/${stage} is in the store as ${record}`);
      if (run?.stages.size !== stored.stages.length)
        report("durable", `of ${id} ${run?.stages.size} stages are recorded, and ${stored.stages.length} in the store`);
      if (stored.status !== (run?.end?.status ?? "running"))
        report("durable", `${id} is ${stored.status} in the store, and ${run?.end?.status ?? "running"} as recorded`);
      if (stored.status === "succeeded" && stored.stages.length < countStages(stored.definition))
        report("accounted", `${id} has succeeded with ${stored.stages.length} of its stages`);
    },
    /** A stage's call begins on an engine, or its tool is called; by which generation of its carrier, a tool does not know. */
    start: (id: string, stage: string, owner: string, generation?: number): void => {
      const run = runs.get(id);
      if (run === undefined || !run.stages.has(stage) || run.owners.at(-1) !== owner) return;
      const isPresent =
        generation === undefined
          ? run.owners.indexOf(owner) === run.owners.length - 1
          : generation === run.owners.length - 1;
      if (isPresent) report("not-again", `${id}/${stage} is started by its carrier, though it is recorded`);
    },
  };
}

function countStages(definition: string): number {
  return (JSON.parse(definition) as { readonly stages: readonly unknown[] }).stages.length;
}
