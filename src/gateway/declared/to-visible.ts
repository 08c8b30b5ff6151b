/** A declared stage as the driver is shown it: its prompt as links, with estimates for what is not written yet. */

import { chainHash, chainTokens, type ChainLink } from "../../model/prefix.ts";
import { stageKey } from "../../model/workflow.ts";
import type { NewStage, NewWorkflow } from "../live/driver.ts";
import type { DeclaredRun, StageRecord } from "./declared-run.ts";
import type { DeclaredModelStage, DeclaredStage } from "./declared.ts";
import type { Scope } from "./evaluate.ts";
import { pathsOf } from "./expression.ts";
import { toDriverId } from "./run-graph.ts";
import { RenderFault } from "./room.ts";
import { maxRenderedCharacters, renderPiece, type Piece } from "./template.ts";

/** What is known of the workflow when its stage is shown. */
export type Known = {
  readonly workflow: string;
  readonly scope: Scope;
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

/** `items` is 0 for a map over an empty list, which is not going to run. */
export function toVisible(stage: DeclaredStage, items: number, known: Known): NewStage {
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
  if (stage.kind === "tool") return { ...base, kind: "tool", toolUs: stage.expectMs * 1000 };
  const count = Math.max(1, items);
  const { chain, sharedLinks } = toChain(stage, count, known);
  const expected = stage.kind === "embed" ? 0 : known.expectTokens(stage.id);
  const limit = stage.kind === "embed" ? 0 : Math.max(expected, stage.maxTokens ?? 4096);
  return {
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
}

/** The links' lengths, now that all parents are over. */
export function knownChainTokens(stage: DeclaredModelStage, items: number, known: Known): readonly number[] {
  return toChain(stage, Math.max(1, items), known).chain.map(({ tokens }) => tokens);
}

/**
 * A link a run of text, none beyond its message, and a link a hole that reads another stage. All that follows the first thing that differs
 * between the items of a map is one link, as long as it is for all of them together.
 */
function toChain(
  stage: DeclaredModelStage,
  items: number,
  known: Known,
): { readonly chain: readonly ChainLink[]; readonly sharedLinks: number } {
  const chain: ChainLink[] = [];
  let text = "";
  let own: number | undefined;
  // Apart, since what stages have written must not change how many links there are.
  const show = createShow(known.scope);
  const count = createCount(known.scope);
  const link = (key: string, tokens: number): void => {
    chain.push({ hash: chainHash(chain.at(-1)?.hash, key), tokens });
  };
  const flush = (): void => {
    if (text !== "") link(`text:${text}`, toTokens(text.length));
    text = "";
  };
  for (const { role, content } of stage.messages) {
    // What a model wrote follows its prompt without a mark of ours, as in its engine's cache.
    if (own !== undefined) own += messageTokens;
    else if (role !== "assistant") text += `<${role}>`;
    for (const piece of content) {
      const readsItem = piece.kind === "hole" && rootsOf(piece).some((root) => root === "item" || root === "index");
      if (own === undefined && readsItem) {
        flush();
        own = 0;
      }
      const source = piece.kind === "hole" ? sourceOf(piece) : undefined;
      if (own !== undefined) own += source === undefined ? count(piece) : source.tokens(known, count);
      else if (source === undefined) text += show(piece);
      else {
        flush();
        link(`output:${source.key(known)}`, source.tokens(known, count));
      }
    }
    flush();
  }
  const sharedLinks = chain.length;
  if (own !== undefined) link(`own:${stageKey(known.workflow, stage.id)}`, own * items);
  return { chain, sharedLinks };
}

function rootsOf(piece: Piece): readonly unknown[] {
  return piece.kind === "hole" ? pathsOf(piece.expression).map(([root]) => root) : [];
}

type Source = { readonly key: (known: Known) => string; readonly tokens: (known: Known, count: Count) => number };

/** The stage behind a hole. What it wrote as a whole has the key that engines cache it by; a part of it has its own. */
function sourceOf(piece: Extract<Piece, { kind: "hole" }>): Source | undefined {
  const path = pathsOf(piece.expression).find(([root]) => root === "stages");
  if (path === undefined) return undefined;
  const id = `${path[1]}`;
  const isWhole = piece.expression.kind === "path" && path[2] === "text";
  return {
    key: ({ workflow }) => (isWhole ? stageKey(workflow, id) : `${stageKey(workflow, id)}:${path.slice(2).join(".")}`),
    tokens: (known, count) => {
      const record = known.record(id);
      if (record?.status === "skipped" || record?.status === "failed") return 0;
      if (record?.status !== "ended") return isWhole ? known.expectTokens(id) : valueTokens;
      if (isWhole && record.kind === "llm" && record.items === undefined) return record.usage.outputTokens;
      return count(piece);
    },
  };
}

type Count = (piece: Piece) => number;

/** Of pieces that are only counted, in tokens. */
function createCount(scope: Scope): Count {
  const show = createShow(scope);
  let ofItem: number | undefined;
  return (piece) => {
    if (piece.kind === "text") return toTokens(piece.text.length);
    if (rootsOf(piece).some((root) => root === "item")) return (ofItem ??= itemTokens(scope));
    return toTokens(show(piece).length);
  };
}

/** Items have equal size, as far as a scheduler is told: that of the first. */
function itemTokens(scope: Scope): number {
  const { item } = scope;
  if (item === undefined) return valueTokens;
  return toTokens((typeof item === "string" ? item : JSON.stringify(item)).length);
}

type Show = (piece: Piece) => string;

/** What cannot be rendered, or comes to more than a prompt may, fails the stage when its turn comes, not the view of it. */
function createShow(scope: Scope): Show {
  let room = maxRenderedCharacters;
  return (piece) => {
    if (room < 0) return "";
    try {
      const text = renderPiece(piece, scope);
      room -= text.length;
      return text;
    } catch (error) {
      if (error instanceof RenderFault) return "";
      throw error;
    }
  };
}

function toTokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}
