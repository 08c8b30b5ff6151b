/**
 * Every kind of record with its fields and their types. The compiler holds this table and `src/model/event.ts` together,
 * a test holds it and `docs/journal.md` together, and the reader checks journals with it.
 */

import type { EventKind, JournalEvent } from "../model/event.ts";
import {
  amount,
  anyNumber,
  choice,
  object,
  list,
  optional,
  positive,
  required,
  text,
  whole,
  type Fields,
  type FieldsOf,
  type Shape,
} from "./shape.ts";

type Stamp = "kind" | "atUs" | "sequence";

type Table = { readonly [Kind in EventKind]: FieldsOf<Extract<JournalEvent, { readonly kind: Kind }>, Stamp> };

const id = required(text);
const count = required(whole);
const role = choice("both", "prefill", "decode");

const ofShare = { stage: id, share: count, attempt: count, engine: id };

const visible: Fields = {
  kind: id,
  key: id,
  workflow: id,
  id,
  ordinal: count,
  parents: required(list(object({ stage: id, bytes: count }))),
  unnamedParents: optional(whole),
  priority: required(anyNumber),
  chance: optional(amount),
};

const visibleModel: Fields = {
  ...visible,
  model: id,
  chain: required(list(object({ hash: count, tokens: count }))),
  sharedLinks: count,
  lastTokens: optional(whole),
  promptTokens: count,
  outputTokens: count,
  limitTokens: count,
  items: required(positive),
  allow: optional(object({ engines: optional(list(text)), labels: optional(list(text)), avoid: optional(list(text)) })),
};

/** A stage as it is revealed. */
export const visibleStage: Shape = {
  type: "kinds",
  kinds: { llm: visibleModel, embed: visibleModel, tool: { ...visible, toolUs: count } },
};

const costTerms = object({ loadUs: count, transferUs: count, prefillUs: count, decodeUs: count, shardUs: count });

export const recordFields: Table = {
  "workflow-arrive": {
    workflow: id,
    reveal: required(choice("static", "online")),
    class: optional(text),
    tenant: optional(text),
    deadlineUs: optional(whole),
    sloScale: optional(amount),
  },
  "stage-reveal": { stage: required(visibleStage) },
  "stage-ready": { stage: id, chainTokens: optional(list(whole)), attempt: optional(whole) },
  "stage-skip": { stage: id },
  "stage-drop": {
    stage: id,
    attempt: count,
    reason: required(choice("client-gone", "cancelled", "failed", "timed-out", "refused")),
  },
  plan: { ready: count, decisions: count, note: optional(text) },
  "stage-place": {
    stage: id,
    attempt: count,
    shares: required(list(object({ engine: id, items: required(positive), cost: required(costTerms) }))),
    rank: required(anyNumber),
    climb: optional(anyNumber),
    overtakes: optional(choice("if-it-fits", "if-it-delays-none")),
    decodeEngine: optional(text),
    victims: optional(list(text)),
    reason: optional(text),
  },
  "stage-redirect": { stage: id, attempt: count, engine: id, decodeEngine: id, decodeUs: count },
  "decision-reject": {
    decision: required(choice("place", "redirect", "prefetch", "evict", "retain", "switch-role")),
    engine: id,
    stage: optional(text),
    model: optional(text),
    reason: required(
      choice(
        "engine-down",
        "engine-busy",
        "unreachable",
        "no-room",
        "not-resident",
        "switching",
        "too-late",
        "last-of-role",
      ),
    ),
  },
  "share-start": { ...ofShare, phase: required(choice("whole", "prefill", "decode")), kvTokens: count },
  "model-evict": {
    engine: id,
    model: id,
    cause: required(choice("room", "policy", "engine-down", "observed", "failed")),
  },
  "model-load-start": {
    engine: id,
    model: id,
    bytes: count,
    durationUs: count,
    cause: required(choice("stage", "prefetch", "observed")),
  },
  "model-load-end": { engine: id, model: id },
  "transfer-start": {
    ...ofShare,
    parent: id,
    from: id,
    to: id,
    via: required(choice("link", "store")),
    bytes: count,
    waitUs: count,
    durationUs: count,
  },
  "transfer-end": { ...ofShare, parent: id, to: id },
  "prefill-start": { ...ofShare, promptTokens: count, cachedTokens: count },
  "prefill-end": { ...ofShare },
  "kv-transfer-start": { ...ofShare, to: id, bytes: count, waitUs: count, durationUs: count },
  "kv-transfer-end": { ...ofShare, to: id },
  "decode-start": { ...ofShare, sequences: required(positive), waves: required(positive), contextTokens: count },
  "decode-end": { ...ofShare, outputTokens: count },
  "batch-step": {
    engine: id,
    model: id,
    startUs: count,
    steps: required(positive),
    sequences: count,
    contextTokens: count,
    prefillTokens: count,
    prefillPairs: required(amount),
    prefillSequences: count,
  },
  "share-preempt": { ...ofShare, kvTokens: count, outputTokens: count },
  "share-end": { ...ofShare, phase: required(choice("whole", "prefill", "decode")) },
  "tool-start": { stage: id },
  "tool-end": { stage: id },
  "stage-end": { stage: id, attempt: count, outputTokens: count, host: optional(text) },
  "stage-lost": {
    stage: id,
    attempt: count,
    reason: required(choice("engine-down", "result-lost", "engine-failed")),
    avoid: optional(text),
  },
  "stage-forgive": { stage: id },
  "prefix-retain": { engine: id, model: id, hash: count, untilUs: count },
  "prefix-drop": { engine: id, model: id, hash: optional(whole) },
  "prefix-restore": { engine: id, model: id, links: required(list(list(whole))) },
  "cost-correct": {
    engine: id,
    model: id,
    load: required(amount),
    prefill: required(amount),
    decode: required(amount),
  },
  "policy-remember": { policy: id, memory: id },
  "engine-drain": { engine: id },
  "engine-down": { engine: id },
  "engine-up": { engine: id },
  "engine-slow": { engine: id, factor: required(amount) },
  "role-switch-start": { engine: id, from: required(role), to: required(role) },
  "role-switch-end": { engine: id, role: required(role) },
  "workflow-end": { workflow: id },
  "workflow-abandon": { workflow: id, reason: required(choice("unreachable", "no-engine", "policy-deferred")) },
};
