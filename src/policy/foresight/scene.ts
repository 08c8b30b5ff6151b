/**
 * The compact copy of the state that plans are decoded on: everything visible and not begun, and what engines, links and caches
 * hold now, as flat arrays. Stages are numbered with parents before children; outputs that lie somewhere or are being written
 * are sources, numbered behind them.
 */

import type { ModelId } from "../../model/model.ts";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { VisibleStage } from "../../model/visible.ts";
import type { OpenWorkflow, StageNode } from "../../state/workflow-state.ts";
import type { View } from "../policy.ts";
import { Able, outputHostsOf } from "./able.ts";
import type { Demand } from "./demand.ts";
import { fleetOf, type Fleet } from "./fleet.ts";
import { leftUs } from "./left-to-run.ts";
import { layLinks, type Links } from "./links.ts";
import type { Outlook } from "./outlook.ts";
import { layEngines, lookAtEngines, type ExpectedEnds, type SceneEngines } from "./scene-engines.ts";
import type { ForesightSettings } from "./settings.ts";
import type { StageTimes } from "./stage-times.ts";

export type Scene = {
  readonly fleet: Fleet;
  readonly nowUs: number;
  /** By stage; tools have no times and no model. */
  readonly stages: readonly VisibleStage[];
  readonly times: readonly (StageTimes | undefined)[];
  readonly isReady: Uint8Array;
  readonly modelOf: Int32Array;
  readonly fixedUs: Float64Array;
  readonly workflowOf: Int32Array;
  /** Expected time of the longest path that lies behind a stage and outside the scene. */
  readonly tailUs: Float64Array;
  /** Longest path from its beginning, by mean costs. */
  readonly rankUs: Float64Array;
  /** Engines and pairs that may take it now, and to which its inputs have a way. */
  readonly able: readonly (readonly number[])[];
  readonly ablePairs: readonly (readonly number[])[];
  /** Of stage i those from `parentStarts[i]` on: stages and sources, and what is read of each. */
  readonly parentStarts: Int32Array;
  readonly parents: Int32Array;
  readonly parentBytes: Float64Array;
  readonly children: readonly (readonly number[])[];
  /** By source, whose output it is, and when it is there. */
  readonly sourceKeys: readonly StageKey[];
  readonly sourceEndUs: Float64Array;
  /** By stage and source: whether there is anything to read. */
  readonly hasOutput: Uint8Array;
  /** By stage or source and host: since when its output is there. */
  readonly copies: Float64Array;
  /** By stage or source: the one host that has its output, -1 if several have. */
  readonly homes: Int32Array;
  readonly wayFreeUs: Float64Array;
  readonly links: Links;
  readonly engines: SceneEngines;
  readonly workflows: readonly SceneWorkflow[];
  /** Ready model stages that found no place here. */
  readonly beyond: readonly VisibleStage[];
  /** By model: how far away its next call lies as far as the scene does not tell: 1 if something outside it calls the model, more for what is called more rarely. */
  readonly awayOf: Float64Array;
};

const called = 1;

/** Stages times engines that a scene holds at most: with hundreds of engines it looks at fewer stages, but not at less than these. */
const mostCells = 32_768;
const leastStages = 16;

export type SceneWorkflow = {
  readonly id: WorkflowId;
  readonly arriveUs: number;
  /** What it would take alone, roughly. */
  readonly sizeUs: number;
  /** When it is to have ended; Infinity if nobody said. */
  readonly dueUs: number;
  /** The largest of its stages. */
  readonly priority: number;
  /** What already runs, and all behind it outside the scene, has ended by then. */
  readonly endUs: number;
};

/** `ends`: of what runs, as far as the plan does not say itself. */
export function layScene(
  view: View,
  outlook: Outlook,
  settings: ForesightSettings,
  demand: Demand,
  ends: ExpectedEnds = lookAtEngines(view, settings.spread),
): Scene {
  return new Layout(view, outlook, settings, demand, ends).finish();
}

class Layout {
  readonly #view: View;
  readonly #outlook: Outlook;
  readonly #settings: ForesightSettings;
  readonly #fleet: Fleet;
  readonly #nodes: StageNode[] = [];
  readonly #numbers = new Map<StageKey, number>();
  readonly #sources: StageNode[] = [];
  readonly #sourceNumbers = new Map<StageKey, number>();
  readonly #workflows: SceneWorkflow[] = [];
  readonly #workflowOf: number[] = [];
  readonly #rankUs: number[] = [];
  readonly #beyond: VisibleStage[] = [];
  readonly #able: Able;
  readonly #away: Float64Array;
  readonly #mostStages: number;
  readonly #endUs: ReadonlyMap<StageKey, number>;
  readonly #freeUs: Float64Array;

  constructor(view: View, outlook: Outlook, settings: ForesightSettings, { parts }: Demand, ends: ExpectedEnds) {
    this.#view = view;
    this.#outlook = outlook;
    this.#settings = settings;
    this.#fleet = fleetOf(view.costs);
    this.#away = new Float64Array(this.#fleet.models).fill(Infinity);
    for (const [model, part] of Object.entries(parts)) if (part > 0) this.#noteCall(model, called + 1 / part);
    this.#able = new Able(view, this.#fleet, (key) => this.#numbers.has(key));
    this.#mostStages = Math.max(leastStages, Math.min(settings.mostStages, Math.floor(mostCells / view.cluster.count)));
    this.#freeUs = ends.freeUs;
    this.#endUs = ends.stageUs;
    for (const workflow of outlook.order) this.#add(workflow);
  }

  /** Of a model that is no longer served nothing is noted: what nobody can load makes no other one wanted. */
  #noteCall(model: ModelId, away: number): void {
    const number = this.#fleet.findModel(model);
    if (number !== undefined) this.#away[number] = away;
  }

  /** As many of the workflow's stages as there is room for, those with the longest paths behind them first. */
  #add(workflow: OpenWorkflow): void {
    const ranks = this.#outlook.ranks[workflow.id]?.values ?? {};
    const waiting: { readonly node: StageNode; readonly rankUs: number }[] = [];
    let endUs = this.#view.nowUs;
    for (const [key, node] of workflow.stages) {
      const { status, stage } = node;
      if (status === "waiting" || (status === "ready" && stage.kind !== "tool"))
        waiting.push({ node, rankUs: ranks[key]?.[0] ?? 0 });
      else if (status !== "ended") endUs = Math.max(endUs, this.#sourceEndUs(node));
    }
    const room = this.#mostStages - this.#nodes.length;
    if (waiting.length > room) waiting.sort((left, right) => right.rankUs - left.rankUs);
    const index = this.#workflows.length;
    const before = this.#nodes.length;
    for (const { node, rankUs } of waiting) {
      const fits = this.#nodes.length < this.#mostStages && this.#canCome(node);
      if (fits) {
        this.#numbers.set(node.stage.key, this.#nodes.length);
        this.#nodes.push(node);
        this.#workflowOf.push(index);
        this.#rankUs.push(rankUs);
      } else {
        if (node.status === "ready") this.#beyond.push(node.stage);
        if (node.stage.kind !== "tool") this.#noteCall(node.stage.model, called);
      }
    }
    if (this.#nodes.length === before) return;
    const { id, arriveUs, deadlineUs, sloScale } = workflow;
    const size = this.#outlook.sizes[id];
    const sizeUs = Math.max(1, size?.sizeUs ?? 1);
    const dueUs = arriveUs + (deadlineUs ?? (sloScale === undefined ? Infinity : sloScale * (size?.aloneUs ?? 1)));
    let priority = -Infinity;
    for (const { stage } of this.#nodes.slice(before)) priority = Math.max(priority, stage.priority);
    this.#workflows.push({ id, arriveUs, sizeUs, dueUs, priority, endUs });
  }

  /** All that it waits for is in sight, and some engine can take it. */
  #canCome({ stage }: StageNode): boolean {
    const waits = stage.parents.some(({ stage: key }) => {
      if (this.#numbers.has(key)) return false;
      const { status, stage: parent } = this.#view.workflows.node(key);
      return status === "waiting" || (status === "ready" && parent.kind !== "tool");
    });
    return !waits && (stage.kind === "tool" || this.#able.engines(stage).length > 0);
  }

  #sourceEndUs({ stage, status, readyUs }: StageNode): number {
    const { nowUs } = this.#view;
    if (status === "ended") return 0;
    if (stage.kind === "tool") return nowUs + leftUs(stage.toolUs, Math.max(0, nowUs - readyUs), this.#settings.spread);
    return this.#endUs.get(stage.key) ?? nowUs;
  }

  finish(): Scene {
    const { nowUs, cluster } = this.#view;
    const fleet = this.#fleet;
    const stages = this.#nodes.map(({ stage }) => stage);
    const times = stages.map((stage) => (stage.kind === "tool" ? undefined : fleet.timesOf(stage)));
    const able = stages.map((stage) => this.#able.engines(stage));
    const edges = this.#layEdges();
    const count = stages.length + this.#sources.length;
    const copies = new Float64Array(count * fleet.hosts).fill(Infinity);
    const homes = new Int32Array(count).fill(-1);
    const hasOutput = new Uint8Array(count);
    for (const [index, stage] of stages.entries()) hasOutput[index] = stage.kind === "tool" ? 0 : 1;
    const sourceEndUs = Float64Array.from(this.#sources, (node) => this.#sourceEndUs(node));
    for (const [index, node] of this.#sources.entries()) {
      const number = stages.length + index;
      const hosts = outputHostsOf(this.#view, node);
      if (hosts.length === 0) continue;
      hasOutput[number] = 1;
      if (hosts.length === 1) homes[number] = fleet.hostNumber(hosts[0]!);
      for (const host of hosts) copies[number * fleet.hosts + fleet.hostNumber(host)] = sourceEndUs[index]!;
    }
    return {
      fleet,
      nowUs,
      stages,
      times,
      isReady: Uint8Array.from(this.#nodes, ({ status }) => (status === "ready" ? 1 : 0)),
      modelOf: Int32Array.from(stages, (stage) => (stage.kind === "tool" ? -1 : fleet.modelNumber(stage.model))),
      fixedUs: Float64Array.from(stages, (stage) => (stage.kind === "tool" ? stage.toolUs : 0)),
      workflowOf: Int32Array.from(this.#workflowOf),
      tailUs: Float64Array.from(this.#nodes, (node) => this.#tailUs(node)),
      rankUs: Float64Array.from(this.#rankUs),
      able,
      ablePairs: stages.map((stage) => (this.#settings.mostShards < 2 ? [] : this.#able.pairs(stage))),
      ...edges,
      sourceKeys: this.#sources.map(({ stage }) => stage.key),
      sourceEndUs,
      hasOutput,
      copies,
      homes,
      wayFreeUs: Float64Array.from(fleet.ways, ({ id }) => Math.max(nowUs, cluster.linkFreeAtUs(id))),
      links: layLinks(times, cluster),
      engines: layEngines(this.#view, fleet, this.#freeUs),
      workflows: this.#workflows,
      beyond: this.#beyond,
      awayOf: this.#away,
    };
  }

  #layEdges(): Pick<Scene, "parentStarts" | "parents" | "parentBytes" | "children"> {
    const parents: number[] = [];
    const parentBytes: number[] = [];
    const parentStarts = new Int32Array(this.#nodes.length + 1);
    const children: number[][] = this.#nodes.map(() => []);
    for (const [index, { stage }] of this.#nodes.entries()) {
      for (const { stage: key, bytes } of stage.parents) {
        const number = this.#numbers.get(key);
        if (number !== undefined) children[number]!.push(index);
        parents.push(number ?? this.#nodes.length + this.#sourceNumber(key));
        parentBytes.push(bytes);
      }
      parentStarts[index + 1] = parents.length;
    }
    return { parents: Int32Array.from(parents), parentBytes: Float64Array.from(parentBytes), parentStarts, children };
  }

  #sourceNumber(key: StageKey): number {
    const known = this.#sourceNumbers.get(key);
    if (known !== undefined) return known;
    const number = this.#sources.push(this.#view.workflows.node(key)) - 1;
    this.#sourceNumbers.set(key, number);
    return number;
  }

  #tailUs({ stage, children, workflow }: StageNode): number {
    if (children.every((child) => this.#numbers.has(child.stage.key))) return 0;
    return this.#outlook.ranks[workflow.id]?.values[stage.key]?.[1] ?? 0;
  }
}
