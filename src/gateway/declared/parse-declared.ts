/** Text to a declared workflow, or an InputError that says where, what was found and what was expected. */

import { meant } from "../../trace/closest.ts";
import { parseJsonOrYaml } from "../../trace/parse-text.ts";
import { refuse, stepInto, type Place } from "../../trace/place.ts";
import { parseAs } from "../../trace/shape.ts";
import { orderTopologically, showCycle } from "../../trace/topological.ts";
import { validateIds } from "../../trace/validate-workload.ts";
import { createComparing } from "./compare.ts";
import { compileStage } from "./compile-stage.ts";
import { declaredShape, type DeclaredEntry } from "./declared-shape.ts";
import type { DeclaredStage, DeclaredWorkflow } from "./declared.ts";
import { createRoom } from "./room.ts";

/** What a workflow may name, and how large it may be. Absent: anything of moderate size. */
export type DeclaredBounds = {
  readonly maxStages?: number;
  readonly maxItems?: number;
  /** Parents of all stages together. */
  readonly maxEdges?: number;
  /** Holes of templates, and conditions. */
  readonly maxHoles?: number;
  /** Characters and entries that comparisons over inputs alone look at, which is found out by making them. */
  readonly maxCompared?: number;
  /** Models and their aliases. */
  readonly models?: readonly string[];
  /** Models that write no text. */
  readonly embedding?: ReadonlySet<string>;
  readonly tools?: readonly string[];
};

export function parseDeclared(text: string, file: string, bounds: DeclaredBounds = {}): DeclaredWorkflow {
  return toDeclared(parseJsonOrYaml(text, file), file, bounds);
}

/** From a value that is already parsed. */
export function toDeclared(value: unknown, file: string, bounds: DeclaredBounds = {}): DeclaredWorkflow {
  const entry = parseAs(declaredShape, value, file);
  const top: Place = { file, label: "" };
  const { maxStages = Infinity } = bounds;
  const stagesPlace = stepInto(top, "stages");
  if (entry.stages.length > maxStages)
    refuse(stagesPlace, `${entry.stages.length} stages`, `at most ${maxStages}, as this gateway is configured`);
  validateIds(entry.stages.map((stage, index) => [stage.id, stepInto(stepInto(stagesPlace, index), "id")] as const));
  const known = new Map(entry.stages.map((stage) => [stage.id, stage] as const));
  const read = new Set<string>();
  const { inputs } = entry;
  const { maxItems = Infinity, maxEdges = Infinity, maxHoles = Infinity } = bounds;
  const holes = createRoom(maxHoles, `more than ${maxHoles} holes and conditions`);
  const room = bounds.maxCompared === undefined ? {} : { comparing: createComparing(bounds.maxCompared) };
  let edges = 0;
  const stages = entry.stages.map((stage, index) => {
    const place = stepInto(stagesPlace, index);
    checkNames(stage, bounds, place);
    const compiled = compileStage({ stage, known, inputs, read, maxItems, holes, ...room }, place);
    edges += compiled.parents.length;
    if (edges > maxEdges)
      refuse(
        place,
        `${edges} parents, with those of the stages before it`,
        `at most ${maxEdges}, as this gateway is configured`,
      );
    return compiled;
  });
  checkInputs(entry, read, stepInto(top, "inputs"));
  const outputs = toOutputs(entry, stages, stepInto(top, "outputs"));
  return toWorkflow(entry, inOrder(stages, stagesPlace), outputs);
}

function checkNames(stage: DeclaredEntry["stages"][number], bounds: DeclaredBounds, place: Place): void {
  const [key, known] = stage.kind === "tool" ? (["tool", bounds.tools] as const) : (["model", bounds.models] as const);
  const name = stage.kind === "tool" ? stage.tool : stage.model;
  if (known !== undefined && !known.includes(name)) {
    const list = known.length === 0 ? "none" : known.length <= 8 ? known.join(", ") : `${known.length} of them`;
    const expected = `a ${key} that this gateway knows (${list})${meant(name, known)}`;
    refuse(stepInto(place, key), JSON.stringify(name), expected);
  }
  if (stage.kind === "llm" && bounds.embedding?.has(name) === true)
    refuse(stepInto(place, "model"), `${JSON.stringify(name)}, which only embeds`, "a model that writes text");
}

/** An input that is still to be given, or that nothing reads, is most likely a slip. */
function checkInputs({ inputs }: DeclaredEntry, read: ReadonlySet<string>, place: Place): void {
  for (const [name, value] of Object.entries(inputs)) {
    if (value === null) refuse(stepInto(place, name), "null", "a value: this input must be given");
    if (read.has(name)) continue;
    const expected = `one of ${[...read].join(", ") || "none"}${meant(name, read)}`;
    refuse(stepInto(place, name), "an input that nothing reads", expected);
  }
}

function inOrder(stages: readonly DeclaredStage[], place: Place): readonly DeclaredStage[] {
  const indexOf = new Map(stages.map((stage, index) => [stage.id, index]));
  const outcome = orderTopologically(stages.map(({ parents }) => parents.flatMap((id) => indexOf.get(id) ?? [])));
  if (outcome.kind === "cycle")
    return refuse(place, `a cycle ${showCycle(outcome.cycle, (at) => stages[at]?.id ?? "")}`, "no cycle");
  return outcome.order.flatMap((at) => stages[at] ?? []);
}

function toOutputs({ outputs }: DeclaredEntry, stages: readonly DeclaredStage[], place: Place): readonly string[] {
  const ids = stages.map(({ id }) => id);
  if (outputs === undefined) {
    const read = new Set(stages.flatMap(({ parents }) => parents));
    return ids.filter((id) => !read.has(id));
  }
  validateIds(outputs.map((id, index) => [id, stepInto(place, index)] as const));
  for (const [index, id] of outputs.entries()) {
    if (ids.includes(id)) continue;
    refuse(stepInto(place, index), JSON.stringify(id), `a stage of this workflow${meant(id, ids)}`);
  }
  return outputs;
}

function toWorkflow(
  entry: DeclaredEntry,
  stages: readonly DeclaredStage[],
  outputs: readonly string[],
): DeclaredWorkflow {
  const { name, class: kind = name, deadlineMs, sloScale, inputs } = entry;
  return {
    ...(name === undefined ? {} : { name }),
    ...(kind === undefined ? {} : { class: kind }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(sloScale === undefined ? {} : { sloScale }),
    inputs,
    stages,
    outputs,
  };
}
