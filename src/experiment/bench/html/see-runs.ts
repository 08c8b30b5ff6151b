/** Runs cells again to look at them: what each engine did when, and when each workflow came and ended. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "../../../journal/read.ts";
import { Lanes } from "../../../view/scene/lanes.ts";
import type { EngineLanes } from "../../../view/scene/span.ts";
import type { CellResult, CellSpec } from "../../cell.ts";
import { runCells, type RunCellsOptions } from "../../run-cells.ts";

export type SeenRun = {
  readonly result: CellResult;
  readonly engines: readonly EngineLanes[];
  /** Of those that ended, in the order of their arrival. */
  readonly workflows: ReadonlyMap<string, { readonly arriveUs: number; readonly endUs: number }>;
  readonly lastUs: number;
};

/** Of each run; what is older goes. */
const mostSpans = 2_000_000;

export async function seeRuns(
  specs: readonly CellSpec[],
  options: Omit<RunCellsOptions, "onResult">,
): Promise<readonly SeenRun[]> {
  const folder = mkdtempSync(join(tmpdir(), "fate-report-"));
  try {
    const kept = specs.map((spec, index) => ({ ...spec, journal: join(folder, `${index}.ndjson`) }));
    const results = await runCells(kept, options);
    const seen: SeenRun[] = [];
    for (const [index, result] of results.entries())
      seen.push(await seeJournal(result, kept[index]?.journal ?? "", options.signal));
    return seen;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function seeJournal(result: CellResult, path: string, signal?: AbortSignal): Promise<SeenRun> {
  const { header, events } = await openJournal(path);
  const lanes = new Lanes(header.cluster, mostSpans);
  const arrivals = new Map<string, number>();
  const workflows = new Map<string, { arriveUs: number; endUs: number }>();
  let lastUs = 0;
  for await (const event of events) {
    signal?.throwIfAborted();
    lanes.see(event);
    lastUs = event.atUs;
    if (event.kind === "workflow-arrive") arrivals.set(event.workflow, event.atUs);
    if (event.kind === "workflow-end")
      workflows.set(event.workflow, { arriveUs: arrivals.get(event.workflow) ?? 0, endUs: event.atUs });
  }
  return { result, engines: lanes.engines, workflows, lastUs };
}
