/** A declared stage as the driver is shown it: its prompt as links, with estimates for what is not written yet. */

import { chainHash, chainTokens, closeHash, openHash, readOn, type OpenHash } from "../../model/prefix.ts";
import { stageKey } from "../../model/workflow.ts";
import type { NewStage, NewWorkflow } from "../live/driver.ts";
import { toDriverId, type DeclaredRun, type StageRecord } from "./declared-run.ts";
import type { DeclaredModelStage, DeclaredStage } from "./declared.ts";
import type { Scope } from "./evaluate.ts";
import { pathsOf } from "./expression.ts";
import type { Sight } from "./sight.ts";
import { maxRenderedCharacters, type Piece } from "./template.ts";

/** What is known of the workflow when its stage is shown. */
export type Known = {
  readonly workflow: string;
  readonly scope: Scope;
  /** Of the whole run. */
  readonly sight: Sight;
  /** Whether the driver knows of the stage and waits for it. */
  readonly isShown: (stage: string) => boolean;
  readonly record: (stage: string) => StageRecord | undefined;
  /** Expected length of an answer of that stage, an item. */
  readonly expectTokens: (stage: string) => number;
  readonly priority: number;
};

/** Where servers count otherwise, they say so afterwards. */
const charactersPerToken = 4;
/** Around each message. */
const messageTokens = 4;
/** Of a value of which nothing is known. */
const valueTokens = 50;

/**
 * Static, though a map and what follows it may be shown only when its list is known. Of a run that is taken up again, the time that
 * has gone by since it was submitted is taken from its deadline.
 */
export function toNewWorkflow(run: DeclaredRun, nowMs: number): NewWorkflow {
  const { tenant, workflow, createdMs, holding } = run;
  const { class: kind, deadlineMs, sloScale } = workflow;
  const goneMs = holding.generation === 0 ? 0 : Math.max(0, nowMs - createdMs);
  return {
    workflow: toDriverId(run),
    reveal: "static",
    tenant,
    ...(kind === undefined ? {} : { class: kind }),
    ...(deadlineMs === undefined ? {} : { deadlineUs: Math.max(1, deadlineMs - goneMs) * 1000 }),
    ...(sloScale === undefined ? {} : { sloScale }),
  };
}

/** A stage as it is shown, and the lengths of its prompt's links once all parents are over, of which those of its own text stay. */
export type Shown = { readonly stage: NewStage; readonly lengths: (known: Known) => readonly number[] };

/** `items` is 0 for a map over an empty list, which is not going to run. */
export function toVisible(stage: DeclaredStage, items: number, known: Known): Shown {
  const key = stageKey(known.workflow, stage.id);
  const parents = stage.parents.filter(known.isShown).map((id) => ({
    stage: stageKey(known.workflow, id),
    bytes: known.expectTokens(id) * charactersPerToken,
  }));
  const chance = items === 0 ? 0 : stage.when === undefined ? 1 : Math.min(stage.chance, 0.99);
  const base = {
    key,
    workflow: known.workflow,
    id: stage.id,
    parents,
    priority: known.priority + stage.priority,
    ...(chance === 1 ? {} : { chance }),
  };
  if (stage.kind === "tool")
    return { stage: { ...base, kind: "tool", toolUs: stage.expectMs * 1000 }, lengths: () => [] };
  const count = Math.max(1, items);
  const look = toLook(known);
  const { links, sharedLinks } = layOut(stage, count, look);
  const chain = links.map(({ hash, tokens }) => ({ hash, tokens: tokens(look) }));
  const expected = stage.kind === "embed" ? 0 : known.expectTokens(stage.id);
  const limit = stage.kind === "embed" ? 0 : Math.max(expected, stage.maxTokens ?? 4096);
  const shown: NewStage = {
    ...base,
    kind: stage.kind,
    model: stage.model,
    chain,
    sharedLinks,
    promptTokens: chainTokens(chain),
    outputTokens: expected * count,
    limitTokens: limit * count,
    items: count,
    ...(stage.allow === undefined ? {} : { allow: stage.allow }),
  };
  const lengths: Shown["lengths"] = (later) => {
    const again = toLook(later);
    return links.map(({ tokens }) => tokens(again));
  };
  return { stage: shown, lengths };
}

type Link = { readonly hash: number; readonly tokens: Tokens };
type Tokens = (look: Look) => number;
/** What is known of a stage, and its pieces as far as they are shown. */
type Look = Known & { readonly show: (piece: Piece) => string };

/** What comes to more than a prompt may is shown no further. */
function toLook(known: Known): Look {
  let room = maxRenderedCharacters;
  const show = (piece: Piece): string => {
    if (room < 0) return "";
    const text = known.sight.show(piece, known.scope);
    room -= text.length;
    return text;
  };
  return { ...known, show };
}

/**
 * A link a run of text, none beyond its message, and a link a hole that reads another stage. All that follows the first thing that differs
 * between the items of a map is one link, as long as it is for all of them together.
 */
function layOut(
  stage: DeclaredModelStage,
  items: number,
  known: Look,
): { readonly links: readonly Link[]; readonly sharedLinks: number } {
  const links: Link[] = [];
  const stageId = stageKey(known.workflow, stage.id);
  const link = (key: string, tokens: Tokens): void => {
    links.push({ hash: chainHash(links.at(-1)?.hash, key), tokens });
  };
  /** A run of text, its hash undefined where it is too much to read. */
  let text: OpenHash | undefined;
  let characters = 0;
  const add = (piece: Piece, shown: string): void => {
    if (characters === 0) text = readOn(openHash(links.at(-1)?.hash), "text:");
    text &&= known.sight.read(text, piece, shown);
    characters += shown.length;
  };
  const flush = (): void => {
    if (characters === 0) return;
    const tokens = toTokens(characters);
    if (text === undefined) link(`unread:${stageId}:${links.length}`, () => tokens);
    else links.push({ hash: closeHash(text), tokens: () => tokens });
    characters = 0;
  };
  /** What differs between the items. */
  let own: { fixed: number; readonly open: Tokens[] } | undefined;
  for (const { role, content } of stage.messages) {
    // What a model wrote follows its prompt without a mark of ours, as in its engine's cache.
    if (own !== undefined) own.fixed += messageTokens;
    else if (role !== "assistant") add({ kind: "text", text: role }, `<${role}>`);
    for (const piece of content) {
      const roots = rootsOf(piece);
      if (own === undefined && (roots.has("item") || roots.has("index"))) {
        flush();
        own = { fixed: 0, open: [] };
      }
      const source = piece.kind === "hole" ? sourceOf(piece) : undefined;
      if (source !== undefined && own === undefined) {
        flush();
        link(`output:${source.key(known)}`, source.tokens);
      } else if (source !== undefined) own?.open.push(source.tokens);
      else if (own === undefined) add(piece, known.show(piece));
      else if (roots.has("item")) own.open.push(itemTokens);
      else own.fixed += toTokens(known.show(piece).length);
    }
    flush();
  }
  const sharedLinks = links.length;
  if (own !== undefined) {
    const { fixed, open } = own;
    link(`own:${stageId}`, (later) => items * open.reduce((sum, tokens) => sum + tokens(later), fixed));
  }
  return { links, sharedLinks };
}

function rootsOf(piece: Piece): ReadonlySet<unknown> {
  return new Set(piece.kind === "hole" ? pathsOf(piece.expression).map(([root]) => root) : []);
}

type Source = { readonly key: (known: Known) => string; readonly tokens: Tokens };

/** The stage behind a hole. What it wrote as a whole has the key that engines cache it by; a part of it has its own. */
function sourceOf(piece: Extract<Piece, { kind: "hole" }>): Source | undefined {
  const path = pathsOf(piece.expression).find(([root]) => root === "stages");
  if (path === undefined) return undefined;
  const id = `${path[1]}`;
  const isWhole = piece.expression.kind === "path" && path[2] === "text";
  const readsItem = rootsOf(piece).has("item");
  return {
    key: ({ workflow }) => (isWhole ? stageKey(workflow, id) : `${stageKey(workflow, id)}:${path.slice(2).join(".")}`),
    tokens: (look) => {
      const record = look.record(id);
      if (record?.status === "skipped" || record?.status === "failed") return 0;
      if (record?.status !== "ended") return isWhole ? look.expectTokens(id) : valueTokens;
      if (isWhole && record.kind === "llm" && record.items === undefined) return record.usage.outputTokens;
      return readsItem ? itemTokens(look) : toTokens(look.show(piece).length);
    },
  };
}

/** Items have equal size, as far as a scheduler is told: that of the first. */
function itemTokens({ scope: { item }, sight }: Known): number {
  return item === undefined ? valueTokens : toTokens(sight.textOf(item).length);
}

function toTokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}
