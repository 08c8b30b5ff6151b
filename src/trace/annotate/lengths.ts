/** What is drawn for each task: model, items and lengths, each from a stream of its own. */

import type { ModelId } from "../../model/model.ts";
import { drawInteger, drawLogNormal, drawNormal } from "../../random/distributions.ts";
import { createRng } from "../../random/rng.ts";
import type { Task, TaskGraph } from "../task-graph.ts";
import { type ModelShare, pickModel } from "./models.ts";

/** The caller's cap on the output of every stage, over all items: it says nothing of the stage's own length. */
export const limitTokens = 4096;

export type DrawnTask = DrawnModelTask | DrawnToolTask;

export type DrawnModelTask = {
  readonly kind: "llm" | "embed";
  readonly model: ModelId;
  readonly category: string;
  readonly items: number;
  readonly systemTokens: number;
  /** 0: this prompt does without the workflow's context. */
  readonly contextTokens: number;
  /** Of one item. */
  readonly ownTokens: number;
  /** Continues the prompt of a parent, if there is a fitting one. */
  readonly continues: boolean;
  /** Over all items. */
  readonly outputTokens: number;
  readonly estimateTokens: number;
};

export type DrawnToolTask = {
  readonly kind: "tool";
  readonly seconds: number;
  readonly estimateSeconds: number;
};

export type DrawOptions = {
  readonly seed: number;
  readonly workflow: string;
  readonly models: readonly ModelShare[];
  readonly error: number;
};

const system = { median: 1200, sigma: 0.5 };
const context = { median: 4000, sigma: 0.7, probability: 0.6 };
const own = { median: 900, sigma: 0.5 };
const output = { median: 120, sigma: 0.6 };
const continuationProbability = 0.4;
/** A quarter of the stages are over independent data, of this many parts at most. */
const items = { probability: 0.25, most: 16 };
/** Correlation of log output length and log runtime. */
const runtimeWeight = 0.6;
/** Of a tool whose runtime is not known. */
const toolSeconds = { median: 0.5, sigma: 0.8 };

/** Streams are per workflow and purpose, and every task takes the same number of draws from each. */
export function drawTasks(graph: TaskGraph, options: DrawOptions): readonly DrawnTask[] {
  const rng = createRng(options.seed, "annotate").stream(options.workflow);
  const ownRng = rng.stream("own");
  const outputRng = rng.stream("output");
  const estimateRng = rng.stream("estimate");
  const contextRng = rng.stream("context");
  const continueRng = rng.stream("continue");
  const itemsRng = rng.stream("items");
  const toolRng = rng.stream("tool");
  const contextTokens = drawTokens(rng.stream("context-length"), context.median, context.sigma);
  const standardRuntime = standardiseRuntimes(graph.tasks);
  const categories = createCategories(options);

  return graph.tasks.map((task) => {
    const ownTokens = drawTokens(ownRng, own.median, own.sigma) + Math.round(task.promptTokens ?? 0);
    const normal = drawNormal(outputRng);
    const error = Math.exp(options.error * drawNormal(estimateRng));
    const hasContext = contextRng.next() < context.probability;
    const continues = continueRng.next() < continuationProbability;
    const parts = itemsRng.next() < items.probability;
    const drawnItems = drawInteger(itemsRng, 1, items.most);
    const drawnSeconds = drawLogNormal(toolRng, toolSeconds.median, toolSeconds.sigma);
    if (task.kind === "tool") {
      const seconds = task.runtimeSeconds ?? drawnSeconds;
      return { kind: "tool", seconds, estimateSeconds: seconds * error };
    }
    const category = categories(task);
    const stageItems = parts ? drawnItems : 1;
    const length = output.median * Math.exp(output.sigma * withRuntime(normal, standardRuntime(task))) * stageItems;
    const outputTokens = category.kind === "embed" ? 0 : bound(length, limitTokens);
    return {
      kind: category.kind,
      model: category.model,
      category: task.category,
      items: stageItems,
      systemTokens: category.systemTokens,
      contextTokens: hasContext ? contextTokens : 0,
      ownTokens,
      continues,
      outputTokens,
      estimateTokens: category.kind === "embed" ? 0 : bound(outputTokens * error, limitTokens),
    };
  });
}

type Category = { readonly kind: "llm" | "embed"; readonly model: ModelId; readonly systemTokens: number };

/** Depends on seed and category alone, so that system prompts are shared between workflows. */
function createCategories({ seed, models }: DrawOptions): (task: Task) => Category {
  const known = new Map<string, Category>();
  return (task) => {
    const kind = task.kind === "tool" ? undefined : task.kind;
    const key = `${kind ?? "any"}:${task.category}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const rng = createRng(seed, "category-system").stream(task.category);
    const picked = pickModel(seed, task.category, kind, models);
    const systemTokens = drawTokens(rng, system.median, system.sigma);
    const category = { kind: picked.kind, model: picked.model, systemTokens };
    known.set(key, category);
    return category;
  };
}

/** Log runtimes with mean 0 and deviation 1 over the graph, held to two and a half deviations; undefined where not known. */
function standardiseRuntimes(tasks: readonly Task[]): (task: Task) => number | undefined {
  const logs = tasks.flatMap((task) => logRuntime(task) ?? []);
  const mean = logs.reduce((sum, log) => sum + log, 0) / Math.max(1, logs.length);
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / Math.max(1, logs.length);
  const deviation = Math.sqrt(variance);
  return (task) => {
    const log = logRuntime(task);
    if (log === undefined || deviation < 1e-9) return undefined;
    return Math.max(-2.5, Math.min(2.5, (log - mean) / deviation));
  };
}

function logRuntime(task: Task): number | undefined {
  if (task.kind === "tool" || task.runtimeSeconds === undefined) return undefined;
  return Math.log(Math.max(1e-3, task.runtimeSeconds));
}

function withRuntime(normal: number, runtime: number | undefined): number {
  return runtime === undefined ? normal : runtimeWeight * runtime + Math.sqrt(1 - runtimeWeight ** 2) * normal;
}

/** At most three medians: one draw must not fill a context window by itself. */
function drawTokens(rng: ReturnType<typeof createRng>, median: number, sigma: number): number {
  return bound(drawLogNormal(rng, median, sigma), 3 * median);
}

function bound(tokens: number, most: number): number {
  return Math.max(1, Math.min(most, Math.round(tokens)));
}
