/** One stage from its entry: templates and conditions parsed, every path checked, parents inferred from what is read. */

import { meant } from "../../trace/closest.ts";
import { refuse, stepInto, type Place } from "../../trace/place.ts";
import type { StageEntry } from "./declared-shape.ts";
import type { DeclaredModelStage, DeclaredStage, DeclaredTool, MessageTemplate } from "./declared.ts";
import { comparing, evaluate } from "./evaluate.ts";
import { parseExpression, pathsOf, type Expression } from "./expression.ts";
import { RenderFault, type Room } from "./room.ts";
import { parseTemplate, type Template, type ValueTemplate } from "./template.ts";
import type { Json } from "./wire.ts";

export type Compiling = {
  readonly stage: StageEntry;
  readonly known: ReadonlyMap<string, StageEntry>;
  readonly inputs: { readonly [name: string]: Json };
  /** Names of inputs that are read; grows. */
  readonly read: Set<string>;
  readonly maxItems: number;
  /** For holes of templates, and conditions. */
  readonly holes: Room;
  /** For comparisons over inputs alone; absent: those are not looked at beforehand. */
  readonly comparing?: Room;
};

type Path = readonly (string | number)[];
/** Where a path stands decides whether it may read `item` and `index`. */
type Where = { readonly place: Place; readonly inItem: boolean };
type Checker = (expression: Expression, where: Where) => void;

/** Fields that the gateway itself writes into a request. */
const ownFields = new Set(["model", "messages", "input", "stream", "stream_options", "n", "max_tokens"]);

export function compileStage(compiling: Compiling, place: Place): DeclaredStage {
  const { stage } = compiling;
  const parents = new Set<string>();
  const check: Checker = (expression, { place: at, inItem }) => {
    attempt(() => compiling.holes.take(1), at, "fewer in all of the workflow");
    for (const path of pathsOf(expression)) checkPath(path, compiling, at, inItem, parents);
    compareAhead(expression, compiling, at);
  };
  for (const [index, id] of stage.after.entries()) {
    const at = stepInto(stepInto(place, "after"), index);
    resolve(id, compiling, at);
    if (parents.has(id)) refuse(at, `${JSON.stringify(id)} again`, "each stage once");
    parents.add(id);
  }
  const when = stage.when === undefined ? undefined : compileCondition(stage.when, check, stepInto(place, "when"));
  const rest = stage.kind === "tool" ? compileTool(stage, check, place) : compileModel(stage, compiling, check, place);
  const { id, chance, priority, retries, onError } = stage;
  const base = { id, parents: [...parents], chance, priority, retries, onError };
  return { ...base, ...(when === undefined ? {} : { when }), ...rest };
}

function compileCondition(text: string, check: Checker, place: Place): Expression {
  const parsed = parseExpression(text);
  if (parsed.kind === "fault") return refuse(place, parsed.found, parsed.expected);
  check(parsed, { place, inItem: false });
  return parsed;
}

function compileTemplate(text: string, check: Checker, where: Where): Template {
  const parsed = parseTemplate(text);
  if ("kind" in parsed) return refuse(where.place, parsed.found, parsed.expected);
  for (const piece of parsed) if (piece.kind === "hole") check(piece.expression, where);
  return parsed;
}

function compileTree(value: Json, check: Checker, where: Where): ValueTemplate {
  if (typeof value === "string") return { kind: "template", template: compileTemplate(value, check, where) };
  if (value === null || typeof value !== "object") return { kind: "plain", value };
  const inside = (step: string | number): Where => ({ ...where, place: stepInto(where.place, step) });
  if (Array.isArray(value))
    return { kind: "list", entries: value.map((entry: Json, index) => compileTree(entry, check, inside(index))) };
  const entries = Object.entries(value).map(([key, entry]) => [key, compileTree(entry, check, inside(key))] as const);
  return { kind: "object", entries };
}

type Kind<K extends StageEntry["kind"]> = Extract<StageEntry, { readonly kind: K }>;
type Own<S extends DeclaredStage> = Omit<S, "id" | "parents" | "when" | "chance" | "priority" | "retries" | "onError">;

function compileTool(stage: Kind<"tool">, check: Checker, place: Place): Own<DeclaredTool> {
  const at = (...steps: string[]): Where => ({ place: steps.reduce<Place>(stepInto, place), inItem: false });
  const query = Object.entries(stage.query).map(
    ([key, text]) => [key, compileTemplate(text, check, at("query", key))] as const,
  );
  const body = stage.body === undefined ? undefined : compileTree(stage.body, check, at("body"));
  return {
    kind: "tool",
    tool: stage.tool,
    query,
    ...(body === undefined ? {} : { body }),
    expectMs: stage.expectMs,
  };
}

function compileModel(
  stage: Kind<"llm" | "embed">,
  { maxItems }: Compiling,
  check: Checker,
  place: Place,
): Own<DeclaredModelStage> {
  const over = stage.over === undefined ? undefined : compileList(stage.over, maxItems, check, stepInto(place, "over"));
  const own = Object.keys(stage.params).find((key) => ownFields.has(key));
  if (own !== undefined)
    refuse(stepInto(stepInto(place, "params"), own), "a field that the stage's own keys write", "another field");
  const { kind, model, params, allow } = stage;
  const mapped = { ...(over === undefined ? {} : { over }), ...(allow === undefined ? {} : { allow }) };
  const inItem = over !== undefined;
  if (stage.kind === "embed") {
    const where = { place: stepInto(place, "prompt"), inItem };
    const messages = [{ role: "user", content: compileTemplate(stage.prompt, check, where) }] as const;
    return { kind, model, params, messages, output: "json", ...mapped };
  }
  const { maxTokens, expectTokens, output } = stage;
  return {
    kind,
    model,
    messages: compileMessages(stage, check, place, inItem),
    params: { ...params, ...namedParams(stage) },
    output,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(expectTokens === undefined ? {} : { expectTokens }),
    ...mapped,
  };
}

function namedParams({ temperature, topP, seed, stop }: Kind<"llm">): { readonly [name: string]: Json } {
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined ? {} : { stop }),
  };
}

function compileList(over: string | readonly Json[], maxItems: number, check: Checker, place: Place): ValueTemplate {
  if (typeof over !== "string" && over.length > maxItems)
    refuse(place, `${over.length} items`, `at most ${maxItems}, as this gateway is configured`);
  const tree = compileTree(over, check, { place, inItem: false });
  const isHole = tree.kind !== "template" || (tree.template.length === 1 && tree.template[0]?.kind === "hole");
  return isHole
    ? tree
    : refuse(place, JSON.stringify(over), "a template that is one hole, such as {{ inputs.topics }}");
}

function compileMessages(stage: Kind<"llm">, check: Checker, place: Place, inItem: boolean): MessageTemplate[] {
  const { system, prompt, messages } = stage;
  if ((prompt === undefined) === (messages === undefined))
    refuse(
      stepInto(place, "prompt"),
      prompt === undefined ? "nothing" : "messages as well",
      "either prompt or messages",
    );
  const compiled: MessageTemplate[] = [];
  const add = (role: MessageTemplate["role"], text: string, at: Place): void => {
    compiled.push({ role, content: compileTemplate(text, check, { place: at, inItem }) });
  };
  if (system !== undefined) add("system", system, stepInto(place, "system"));
  if (prompt !== undefined) add("user", prompt, stepInto(place, "prompt"));
  for (const [index, { role, content }] of (messages ?? []).entries())
    add(role, content, stepInto(stepInto(stepInto(place, "messages"), index), "content"));
  return compiled;
}

function checkPath(path: Path, compiling: Compiling, place: Place, inItem: boolean, parents: Set<string>): void {
  const [root, name, field] = path;
  const shown = path.join(".");
  if (root === "inputs" && name !== undefined) {
    if (!Object.hasOwn(compiling.inputs, name))
      refuseName(shown, "an input", Object.keys(compiling.inputs), `${name}`, place);
    compiling.read.add(`${name}`);
  } else if (root === "stages" && name !== undefined) {
    const source = resolve(`${name}`, compiling, place);
    checkField(source, field, shown, place);
    parents.add(`${name}`);
  } else if (root === "item" || root === "index") {
    if (!inItem) refuse(place, shown, "item and index only in prompts of a stage with over");
  } else {
    refuse(place, shown, "a path such as inputs.NAME, stages.ID.text, stages.ID.json, item or index");
  }
}

/** What is compared of inputs is known from the start, and so is whether that takes too long. */
function compareAhead(expression: Expression, { inputs, comparing: room }: Compiling, place: Place): void {
  if (room === undefined || expression.kind === "path" || expression.kind === "literal") return;
  if (!pathsOf(expression).every(([root]) => root === "inputs")) return;
  attempt(
    () => evaluate(expression, { inputs, [comparing]: room }),
    place,
    "less to compare of inputs in all of the workflow",
  );
}

function attempt(act: () => void, place: Place, expected: string): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof RenderFault)) throw error;
    refuse(place, error.message, expected);
  }
}

/** Reading data of a stage that writes plain text would fail only when all work is done. */
function checkField(source: StageEntry, field: string | number | undefined, shown: string, place: Place): void {
  if (field !== "text" && field !== "json" && field !== "status")
    refuse(place, shown, `stages.${source.id}.text, .json or .status`);
  if (source.kind === "embed" && field === "text")
    refuse(place, shown, `stages.${source.id}.json: an embedding has no text`);
  if (source.kind === "llm" && field === "json" && source.output === "text" && source.over === undefined)
    refuse(place, shown, `stages.${source.id}.text, or output: json or lines in ${source.id}`);
}

function resolve(id: string, { known, stage }: Compiling, place: Place): StageEntry {
  if (id === stage.id) refuse(place, `${id}, the stage itself`, "another stage");
  return known.get(id) ?? refuseName(JSON.stringify(id), "a stage of this workflow", [...known.keys()], id, place);
}

function refuseName(found: string, expected: string, names: readonly string[], name: string, place: Place): never {
  return refuse(place, found, `${expected}${meant(name, names)}`);
}
