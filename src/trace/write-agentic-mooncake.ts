/**
 * A workload as an agentic Mooncake trace. Kept: the graph, prompt and output lengths, arrivals, tool times, and which
 * whole blocks of prompts are shared. The format has no place for the rest: `listLost` says what that is. An embedding
 * becomes a call without output.
 *
 * A tool stage between calls becomes the `tool_wait_ms` of the call after it where that says the same: it is the call's
 * only parent, and the call its only child. Any other tool stage becomes a request without input and output.
 */

import { chainHash } from "../model/prefix.ts";
import {
  type ModelStage,
  type Segment,
  type Stage,
  type StageId,
  stageKey,
  type Workflow,
  type Workload,
} from "../model/workflow.ts";
import { defaultBlockTokens } from "./mooncake.ts";

export function writeAgenticMooncake(workload: Workload, blockTokens = defaultBlockTokens): string {
  const ids = new Map<string, number>();
  const blockId = (identity: string): number => {
    const known = ids.get(identity) ?? ids.size;
    ids.set(identity, known);
    return known;
  };
  const lines = workload.workflows.flatMap((workflow) => writeRows(workflow, blockTokens, blockId));
  return lines.map((line) => `${line}\n`).join("");
}

/** What of the workload its trace does not tell, a phrase each; none if it tells all. */
export function listLost({ workflows }: Workload, blockTokens = defaultBlockTokens): readonly string[] {
  const stages = workflows.flatMap((workflow) => workflow.stages);
  const calls = stages.filter((stage) => stage.kind !== "tool");
  const models = new Set(calls.map(({ model }) => model)).size;
  return [
    ...(models > 1 ? [`which of ${models} models a call is for`] : []),
    ...counted(
      calls,
      ({ kind }) => kind === "embed",
      (count) => `that ${count} calls embed`,
    ),
    ...counted(
      calls,
      ({ items }) => items > 1,
      (count) => `items of ${count} calls`,
    ),
    ...counted(
      calls,
      ({ output }) => output.estimate !== output.actual || output.limit !== output.actual,
      (count) => `estimates and limits of ${count} outputs`,
    ),
    ...counted(
      stages.filter((stage) => stage.kind === "tool"),
      ({ estimateUs, actualUs }) => estimateUs !== actualUs,
      (count) => `estimates of ${count} tool times`,
    ),
    ...counted(
      stages,
      ({ parents }) => parents.some(({ bytes }) => bytes > 0),
      (count) => `bytes that ${count} stages read`,
    ),
    ...counted(
      stages,
      ({ branch }) => branch !== undefined,
      (count) => `branches of ${count} stages, which all run`,
    ),
    ...counted(
      stages,
      ({ priority }) => priority !== 0,
      (count) => `priorities of ${count} stages`,
    ),
    ...counted(
      calls,
      ({ allow }) => allow !== undefined,
      (count) => `where ${count} calls may run`,
    ),
    ...counted(
      workflows,
      ({ reveal }) => reveal === "static",
      (count) => `that ${count} workflows show their whole graph`,
    ),
    ...counted(
      workflows,
      ({ deadlineUs, sloScale }) => deadlineUs !== undefined || sloScale !== undefined,
      (count) => `deadlines of ${count} workflows`,
    ),
    ...counted(
      workflows,
      (flow) => flow.class !== undefined || flow.tenant !== undefined,
      (count) => `classes and tenants of ${count} workflows`,
    ),
    ...counted(
      calls,
      ({ prompt }) => sharesWithin(prompt, blockTokens),
      (count) => `what ${count} prompts share beyond their last whole block of ${blockTokens} tokens`,
    ),
  ];
}

/** Nothing if none is lost. */
function counted<T>(all: readonly T[], isLost: (each: T) => boolean, tell: (count: string) => string): string[] {
  const count = all.filter(isLost).length;
  return count === 0 ? [] : [tell(count === all.length ? "all" : `${count} of ${all.length}`)];
}

/** Whether text that others may begin with as well ends inside a block. */
function sharesWithin(prompt: readonly Segment[], blockTokens: number): boolean {
  let tokens = 0;
  for (const segment of prompt) {
    if (segment.kind !== "text") return false;
    tokens += segment.tokens;
    if (tokens % blockTokens !== 0) return true;
  }
  return false;
}

function writeRows(workflow: Workflow, blockTokens: number, blockId: (identity: string) => number): readonly string[] {
  const stages = new Map(workflow.stages.map((stage) => [stage.id, stage]));
  const folded = findFolded(workflow.stages, stages);
  return workflow.stages.flatMap((stage) => {
    if (folded.has(stage.id)) return [];
    const before = stages.get(stage.parents[0]?.stage ?? "");
    const wait = stage.kind === "tool" ? stage : before?.kind === "tool" && folded.has(before.id) ? before : undefined;
    const parents = (wait ?? stage).parents;
    const prompt = stage.kind === "tool" ? [] : promptRuns(stage, workflow.id, stages);
    const row = {
      request_id: stageKey(workflow.id, stage.id),
      session_id: workflow.id,
      ...(parents.length === 0 ? { timestamp: workflow.arrivalUs / 1000 } : {}),
      input_length: prompt.reduce((sum, run) => sum + run.tokens, 0),
      output_length: stage.kind === "tool" ? 0 : stage.output.actual,
      hash_ids: hashBlocks(prompt, blockTokens, blockId),
      wait_for: parents.map((parent) => stageKey(workflow.id, parent.stage)),
      ...(wait === undefined ? {} : { tool_wait_ms: wait.actualUs / 1000 }),
    };
    return [JSON.stringify(row)];
  });
}

/** Tool stages that can be said as the wait of the one call behind them. A wait of nothing would be lost. */
function findFolded(all: readonly Stage[], stages: ReadonlyMap<StageId, Stage>): ReadonlySet<StageId> {
  const children = new Map<StageId, number>();
  for (const stage of all)
    for (const parent of stage.parents) children.set(parent.stage, (children.get(parent.stage) ?? 0) + 1);
  const folded = new Set<StageId>();
  for (const stage of all) {
    const [only, ...others] = stage.parents;
    if (stage.kind === "tool" || only === undefined || others.length > 0) continue;
    const before = stages.get(only.stage);
    if (before?.kind === "tool" && before.actualUs > 0 && children.get(before.id) === 1) folded.add(before.id);
  }
  return folded;
}

type Run = { readonly hash: number; readonly tokens: number };

/** The prompt as it turned out, each run with the hash of all up to its end. */
function promptRuns(stage: ModelStage, workflow: string, stages: ReadonlyMap<StageId, Stage>): readonly Run[] {
  const runs: Run[] = [];
  for (const [index, segment] of stage.prompt.entries()) {
    const hash = (key: string): number => chainHash(runs.at(-1)?.hash, key);
    if (segment.kind === "text") runs.push({ hash: hash(`text ${segment.key}`), tokens: segment.tokens });
    else if (segment.kind === "own")
      runs.push({ hash: hash(`own ${stageKey(workflow, stage.id)} ${index}`), tokens: segment.tokens });
    else {
      const source = stages.get(segment.stage);
      const tokens = source === undefined || source.kind === "tool" ? 0 : source.output.actual;
      runs.push({ hash: hash(`output ${stageKey(workflow, segment.stage)}`), tokens });
    }
  }
  return runs;
}

/** A block is known by the run in which it ends, with all before it, and by where it ends. */
function hashBlocks(runs: readonly Run[], blockTokens: number, blockId: (identity: string) => number): number[] {
  const ids: number[] = [];
  let done = 0;
  let end = blockTokens;
  for (const run of runs) {
    done += run.tokens;
    for (; end <= done; end += blockTokens) ids.push(blockId(`${run.hash} ${end}`));
  }
  if (end - blockTokens < done) ids.push(blockId(`${runs.at(-1)?.hash} ${done}`));
  return ids;
}
