/** Documents for the readers' tests: valid ones, and valid ones with one thing broken. */

import fc from "fast-check";
import { InputError } from "../../src/trace/input-error.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const word = fc.constantFrom("a", "b", "plan", "draft é", "x-1", "🐙");
const tokens = fc.integer({ min: 0, max: 5000 });
const maybe = <T>(key: string, value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.oneof(
    fc.constant({}),
    value.map((made) => ({ [key]: made })),
  );

/** A workload document that the parser must take: acyclic, all references good, every optional key now and then absent. */
export const workloadDocument: fc.Arbitrary<Json> = fc
  .array(
    fc.record({
      stages: fc.array(
        fc.record({
          kind: fc.constantFrom("llm", "embed", "tool"),
          parents: fc.array(fc.nat(), { maxLength: 3 }),
          bytes: fc.oneof(
            fc.constant({}),
            tokens.map((bytes) => ({ bytes })),
          ),
          texts: fc.array(fc.tuple(word, tokens), { maxLength: 3 }),
          own: tokens,
          repeats: fc.boolean(),
          output: fc.tuple(tokens, fc.option(tokens, { nil: undefined }), fc.boolean()),
          extra: fc
            .tuple(
              maybe("priority", fc.integer({ min: -3, max: 3 })),
              maybe("items", fc.integer({ min: 1, max: 20 })),
              maybe("allow", fc.constantFrom<Json>({ labels: ["fast"] }, { engines: ["e"] }, {})),
              maybe("branch", fc.constantFrom<Json>({ chance: 0.5, runs: false }, { chance: 1, runs: true })),
            )
            .map(([priority, items, allow, branch]) => ({ priority, items, allow, branch })),
          toolUs: tokens,
        }),
        { minLength: 1, maxLength: 6 },
      ),
      extra: fc
        .tuple(
          maybe("arrivalUs", tokens),
          maybe("reveal", fc.constantFrom("static", "online")),
          maybe("class", word),
          maybe("tenant", word),
          maybe("deadlineUs", fc.integer({ min: 1, max: 1_000_000 })),
          maybe("sloScale", fc.constantFrom(1, 2.5)),
        )
        .map((parts) => Object.assign({}, ...parts) as Record<string, Json>),
    }),
    { maxLength: 4 },
  )
  .chain((workflows) =>
    fc.constantFrom<Json[] | undefined>(undefined, [{ ...smallModel }]).map((models) => ({
      version: 1,
      id: "w",
      ...(models === undefined ? {} : { models }),
      workflows: workflows.map(({ stages, extra }, index) => ({ id: `w${index}`, ...extra, stages: toStages(stages) })),
    })),
  );

const smallModel = {
  id: "tiny",
  weightBytes: 1000,
  activeParameters: 500,
  layers: 2,
  hiddenSize: 16,
  attentionHeads: 2,
  headSize: 8,
  kvBytesPerToken: 64,
  precision: "bf16",
  experts: { count: 8, perToken: 2, weightBytes: 800 },
} as const;

type StageDraft = {
  kind: string;
  parents: number[];
  bytes: { bytes?: number };
  texts: [string, number][];
  own: number;
  repeats: boolean;
  output: [number, number | undefined, boolean];
  extra: Readonly<Record<"priority" | "items" | "allow" | "branch", Record<string, Json>>>;
  toolUs: number;
};

function toStages(drafts: readonly StageDraft[]): Json[] {
  return drafts.map((draft, index): Json => {
    const parents = index === 0 ? [] : [...new Set(draft.parents.map((parent) => parent % index))];
    const base = {
      kind: draft.kind,
      id: `s${index}`,
      ...draft.extra.priority,
      ...draft.extra.branch,
      parents: parents.map((parent) => ({ stage: `s${parent}`, ...draft.bytes })),
    };
    if (draft.kind === "tool") return { ...base, actualUs: draft.toolUs };
    const readable = draft.repeats ? parents.filter((parent) => drafts[parent]?.kind === "llm") : [];
    const [actual, estimate, capped] = draft.output;
    const limit = Math.max(actual, estimate ?? 0);
    return {
      ...base,
      ...draft.extra.items,
      ...draft.extra.allow,
      model: "llama-3.1-8b",
      prompt: [
        ...draft.texts.map(([key, count]) => ({ kind: "text", key, tokens: count })),
        ...readable.map((parent) => ({ kind: "output", stage: `s${parent}` })),
        { kind: "own", tokens: draft.own },
      ],
      ...(draft.kind === "embed"
        ? {}
        : { output: { actual, ...(estimate === undefined ? {} : { estimate }), ...(capped ? { limit } : {}) } }),
    };
  });
}

/** Values that parsers trip over. */
const trap: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, -1, 0, 1.5, 1e300, 2 ** 53, "", "__proto__", "a", "s0", [], {}, [[]], [null]),
  fc.constant(JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as Json),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
);

type Break = { at: number; how: "delete" | "replace" | "rename" | "double"; value: Json };

/** The document with one to three nodes deleted, replaced, renamed or doubled. */
export function broken(document: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  const breaks: fc.Arbitrary<Break[]> = fc.array(
    fc.record({
      at: fc.nat(),
      how: fc.constantFrom("delete", "replace", "rename", "double"),
      value: trap,
    }),
    { minLength: 1, maxLength: 3 },
  );
  return fc.tuple(document, breaks).map(([whole, list]) => {
    let result = structuredClone(whole);
    for (const one of list) result = breakNode(result, { ...one, value: structuredClone(one.value) });
    return result;
  });
}

type Slot = { holder: Json[] | { [key: string]: Json }; key: string | number };

function breakNode(root: Json, { at, how, value }: Break): Json {
  const slots: Slot[] = [];
  const open: Json[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== "object" || node === null) continue;
    const keys: (string | number)[] = Array.isArray(node) ? [...node.keys()] : Object.keys(node);
    for (const key of keys) {
      slots.push({ holder: node, key });
      const child = (node as Record<string | number, Json>)[key];
      if (child !== undefined) open.push(child);
    }
  }
  const slot = slots[at % Math.max(1, slots.length)];
  if (slot === undefined) return value;
  const { holder, key } = slot;
  if (Array.isArray(holder)) {
    const index = Number(key);
    if (how === "delete") holder.splice(index, 1);
    else if (how === "double") holder.splice(index, 0, structuredClone(holder[index] ?? null));
    else holder[index] = value;
  } else {
    const old = holder[key] ?? null;
    if (how === "delete" || how === "rename") delete holder[key];
    const name = how === "rename" ? `${key}x` : `${key}`;
    const filling = how === "rename" ? old : value;
    if (how !== "delete")
      Object.defineProperty(holder, name, { value: filling, enumerable: true, configurable: true, writable: true });
  }
  return root;
}

/** Runs a reader: what it returns, or the InputError it throws. Anything else fails the test that calls this. */
export function attempt<T>(read: () => T): { ok: true; value: T } | { ok: false; error: InputError } {
  const outcome = run(read);
  if ("polluted" in {}) throw new Error("a reader has changed the prototype of all objects");
  return outcome;
}

function run<T>(read: () => T): { ok: true; value: T } | { ok: false; error: InputError } {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof InputError) return { ok: false, error };
    throw error;
  }
}

/** The message of the InputError that must come. */
export function refusal(read: () => unknown): string {
  const outcome = attempt(read);
  if (outcome.ok) throw new Error("expected an InputError");
  return outcome.error.message;
}
