/** Whether a cluster can serve a workload at all: what it cannot is no luck of a run but a mistake in their description. */

import { clusterNames, namedCluster } from "../catalogue/clusters.ts";
import { knownModels } from "../catalogue/models.ts";
import type { Cluster } from "../model/cluster.ts";
import { createHoldings } from "../model/holding.ts";
import type { Model, ModelId } from "../model/model.ts";
import type { ModelStage, Workflow, Workload } from "../model/workflow.ts";
import { InputError } from "../trace/input-error.ts";

/** Refuses a workload of which nothing could ever end; otherwise returns what its user should know, in sentences. */
export function checkFit(
  workload: Workload,
  models: readonly Model[],
  cluster: Cluster,
  name: string,
): readonly string[] {
  const room = roomByModel(models, cluster);
  refuseHomeless(workload, { room, models, cluster, name });
  const oversized: Oversized[] = [];
  let affected = 0;
  for (const workflow of workload.workflows) {
    const found = findOversized(workflow, room);
    if (found.length > 0) affected += 1;
    oversized.push(...found);
  }
  const [largest] = oversized.toSorted(
    (left, right) => right.neededTokens / right.roomTokens - left.neededTokens / left.roomTokens,
  );
  if (largest === undefined) return [];
  const { stage, model, neededTokens, roomTokens } = largest;
  if (affected === workload.workflows.length) {
    const found = `KV memory for at most ${roomTokens} tokens of ${model}`;
    const expected = `${neededTokens} for ${stage}; other models, machines or shorter prompts would do`;
    throw new InputError(name, "engines", found, expected);
  }
  return [
    `note: ${affected} of ${workload.workflows.length} workflows have a stage too long for every engine of ${name} and will be abandoned; ` +
      `${stage} needs ${neededTokens} tokens of ${model}, at most ${roomTokens} fit`,
  ];
}

type Oversized = {
  readonly stage: string;
  readonly model: ModelId;
  readonly neededTokens: number;
  readonly roomTokens: number;
};

/** The most KV tokens that any engine has for a model; a model that is absent fits nowhere. */
function roomByModel(models: readonly Model[], cluster: Cluster): ReadonlyMap<ModelId, number> {
  const room = new Map<ModelId, number>();
  for (const { models: held } of createHoldings(cluster, models))
    for (const [id, { kvCapacityTokens }] of held) room.set(id, Math.max(room.get(id) ?? 0, kvCapacityTokens));
  return room;
}

type Machines = {
  readonly room: ReadonlyMap<ModelId, number>;
  readonly models: readonly Model[];
  readonly cluster: Cluster;
  readonly name: string;
};

function refuseHomeless({ workflows }: Workload, { room, models, cluster, name }: Machines): void {
  const homeless = new Set<ModelId>();
  for (const { stages } of workflows)
    for (const stage of stages) if (stage.kind !== "tool" && !room.has(stage.model)) homeless.add(stage.model);
  if (homeless.size === 0) return;
  const found = `none that can hold ${[...homeless].join(", ")}`;
  const small = canHold(cluster, knownModels, [smallModel]) ? [smallModel] : [];
  const large = clusterNames.filter((other) => canHold(namedCluster(other), models, [...homeless])).slice(0, 1);
  const expected = `one for each model that stages call; --model or --models choose others${suchAs(small)}, --cluster other machines${suchAs(large)}`;
  throw new InputError(name, "engines", found, expected);
}

/** Few machines have no room for it. */
const smallModel = "llama-3.1-8b";

function canHold(cluster: Cluster | undefined, models: readonly Model[], ids: readonly ModelId[]): boolean {
  if (cluster === undefined) return false;
  const room = roomByModel(models, cluster);
  return ids.every((id) => room.has(id));
}

function suchAs([name]: readonly string[]): string {
  return name === undefined ? "" : ` such as ${name}`;
}

function findOversized({ id, stages }: Workflow, room: ReadonlyMap<ModelId, number>): readonly Oversized[] {
  const outputs = new Map(stages.map((stage) => [stage.id, stage.kind === "tool" ? 0 : stage.output.actual]));
  return stages.flatMap((stage) => {
    if (stage.kind === "tool") return [];
    const roomTokens = room.get(stage.model) ?? 0;
    const neededTokens = neededFor(stage, outputs);
    return neededTokens <= roomTokens
      ? []
      : { stage: `${id}/${stage.id}`, model: stage.model, neededTokens, roomTokens };
  });
}

/** One item: what all share, and its part of the rest and of the longest answer. */
function neededFor(stage: ModelStage, outputs: ReadonlyMap<string, number>): number {
  const tokens = stage.prompt.map((segment) =>
    segment.kind === "output" ? (outputs.get(segment.stage) ?? 0) : segment.tokens,
  );
  const firstOwn = stage.prompt.findIndex((segment) => segment.kind === "own");
  const sharedCount = stage.items === 1 || firstOwn < 0 ? tokens.length : firstOwn;
  const own = Math.ceil(sum(tokens.slice(sharedCount)) / stage.items);
  return sum(tokens.slice(0, sharedCount)) + own + Math.ceil(stage.output.limit / stage.items);
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
