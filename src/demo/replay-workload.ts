/**
 * Plays a workload to a gateway as agents would: each workflow begins when it arrives, each call is made as soon as the calls it
 * reads have been answered, with their answers in its prompt, and tools take their time between them.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { ModelStage, Stage, StageId, Workflow, Workload } from "../model/workflow.ts";
import { createAgent, type Agent } from "./agent.ts";
import { createPromptWriter, type PromptWriter } from "./prompt-text.ts";

export type ReplayOptions = {
  /** Such as `http://127.0.0.1:7373`. */
  readonly url: string;
  /** How many times faster than described everything goes: arrivals and tools too. */
  readonly speed: number;
  readonly signal: AbortSignal;
  readonly onWorkflowEnd?: (workflow: Workflow) => void;
};

/** Calls that were not answered, as sentences. A workflow ends with its first one. */
export type Replayed = { readonly calls: number; readonly failures: readonly string[] };

export async function replayWorkload({ workflows }: Workload, options: ReplayOptions): Promise<Replayed> {
  await using agent = createAgent(options);
  const replay: Replay = { ...options, agent, writer: createPromptWriter(), startMs: performance.now() };
  const failures: string[] = [];
  await Promise.all(
    workflows.map(async (workflow) => {
      const failure = await replayWorkflow(workflow, replay);
      if (failure !== undefined) failures.push(`${workflow.id}: ${failure}`);
      options.onWorkflowEnd?.(workflow);
    }),
  );
  options.signal.throwIfAborted();
  return { calls: agent.calls(), failures };
}

type Replay = Pick<ReplayOptions, "speed" | "signal"> & {
  readonly agent: Agent;
  readonly writer: PromptWriter;
  readonly startMs: number;
};

/** Resolves with what went wrong, if anything did, once nothing of it is under way any more. */
async function replayWorkflow(workflow: Workflow, replay: Replay): Promise<string | undefined> {
  const stages = stagesThatRun(workflow);
  const over = new AbortController();
  const signal = AbortSignal.any([replay.signal, over.signal]);
  const answers = new Map<StageId, string>();
  const ends = new Map<StageId, Promise<void>>();
  const readers = findReaders(stages);
  let unsent = stages.filter(({ kind }) => kind !== "tool").length;

  const run = async (stage: Stage): Promise<void> => {
    await Promise.all(stage.parents.flatMap((parent) => ends.get(parent.stage) ?? []));
    if (stage.kind === "tool") return sleep(stage.actualUs / 1000 / replay.speed, undefined, { signal });
    unsent -= 1;
    const answer = await replay.agent.ask({
      workflow: workflow.id,
      ...(workflow.class === undefined ? {} : { class: workflow.class }),
      stage: stage.id,
      parents: readers(stage),
      final: unsent === 0,
      model: stage.model,
      embeds: stage.kind === "embed",
      messages: replay.writer.write(stage.prompt, `own:${workflow.id}/${stage.id}`, (id) => answers.get(id) ?? ""),
      outputTokens: stage.output.actual,
      limitTokens: stage.output.limit,
      signal,
    });
    answers.set(stage.id, answer);
  };

  let failure: string | undefined;
  const begin = async (stage: Stage): Promise<void> => {
    try {
      await run(stage);
    } catch (error) {
      // What is aborted only follows from what failed first.
      if (!signal.aborted) failure = `${stage.id}: ${error instanceof Error ? error.message : String(error)}`;
      over.abort();
      throw error;
    }
  };
  try {
    await sleep(
      Math.max(0, workflow.arrivalUs / 1000 / replay.speed - (performance.now() - replay.startMs)),
      undefined,
      {
        signal,
      },
    );
  } catch {
    return undefined;
  }
  for (const stage of stages) {
    const end = begin(stage);
    end.catch(() => {});
    ends.set(stage.id, end);
  }
  await Promise.allSettled(ends.values());
  return failure;
}

/** Without the stages that turn out not to run, and those that only they lead to. */
function stagesThatRun({ stages }: Workflow): readonly Stage[] {
  const left = new Set<StageId>();
  return stages.filter(({ id, parents, branch }) => {
    const runs = branch?.runs !== false && (parents.length === 0 || parents.some((parent) => !left.has(parent.stage)));
    if (!runs) left.add(id);
    return runs;
  });
}

/** The calls whose answers a call comes after: tools are the client's own business, so what lies above them counts. */
function findReaders(stages: readonly Stage[]): (stage: ModelStage) => readonly StageId[] {
  const callsAbove = new Map<StageId, readonly StageId[]>();
  const above = (stage: Stage): readonly StageId[] => [
    ...new Set(stage.parents.flatMap((parent) => callsAbove.get(parent.stage) ?? [])),
  ];
  for (const stage of stages) callsAbove.set(stage.id, stage.kind === "tool" ? above(stage) : [stage.id]);
  return above;
}
