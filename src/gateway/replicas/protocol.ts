/**
 * What a gateway and the one that plans for it say to one another. Times are how long something is ago or still lasts, as
 * clocks of different machines tell nothing about each other. Names are the gateway's own; the planner keeps them apart.
 */

import type { ChainLink } from "../../model/prefix.ts";
import {
  array,
  boolean,
  integer,
  number,
  object,
  oneOf,
  optional,
  parseAs,
  tagged,
  text,
  type Parsed,
  type Shape,
} from "../../trace/shape.ts";

const name = text({ min: 0, max: 4096 });
const words = text({ min: 0, max: 4096 });
const key = text({ min: 1, max: 8192 });
const count = integer();
const amount = number({ min: 0 });
const tokens = array(count, { max: 200_000 });
const phase = oneOf("whole", "prefill", "decode");

/** There are many links, so that the way to each is not written down. */
function chainOf(max: number): Shape<readonly ChainLink[]> {
  const plain = array(object({ hash: count, tokens: count }), { max });
  return {
    ...plain,
    parse: (value, place) => {
      const isPlain = Array.isArray(value) && value.length <= max && value.every(isLink);
      return isPlain ? (value as readonly ChainLink[]) : plain.parse(value, place);
    },
  };
}

function isLink(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { hash, tokens: length } = value as Readonly<Record<string, unknown>>;
  return isCount(hash) && isCount(length) && Object.keys(value).length === 2;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

const parents = array(object({ stage: key, bytes: count }), { max: 10_000 });
const allow = object({
  engines: optional(array(name, { max: 1000 })),
  labels: optional(array(name, { max: 1000 })),
  avoid: optional(array(name, { max: 1000 })),
});
const anyStage = { key, workflow: key, id: name, parents, priority: number(), chance: optional(number({ min: 0 })) };
const modelStage = {
  ...anyStage,
  model: name,
  chain: chainOf(200_000),
  sharedLinks: count,
  lastTokens: optional(count),
  promptTokens: count,
  outputTokens: amount,
  limitTokens: amount,
  items: count,
  allow: optional(allow),
};

const workflow = object({
  workflow: key,
  reveal: oneOf("static", "online"),
  class: optional(name),
  tenant: optional(name),
  /** Still to go when this is said. */
  deadlineUs: optional(integer({ min: 1 })),
  sloScale: optional(number({ above: 0 })),
});

/** Where the shares of a stage are placed, in their order. */
const placement = {
  shares: array(object({ engine: name, items: count }), { min: 1, max: 4096 }),
  decodeEngine: optional(name),
};

const progress = tagged("at", {
  queued: {},
  running: { phase, firstToken: boolean() },
  /** Its keys and values wait for a place on the decode engine. */
  "handed-over": {},
  ended: { outputTokens: amount },
});

const turn = { stage: key, attempt: count, share: count, phase };

const fault = object({
  kind: oneOf("unreachable", "stalled", "cut", "busy", "rejected"),
  retry: boolean(),
  message: words,
});

const refusal = object({
  kind: oneOf("no-engine", "queue-full", "waited-too-long", "engine-failed", "draining"),
  message: words,
  retryAfterS: number({ min: 0 }),
});

const toPlanner = tagged("kind", {
  hello: { version: count, replica: name, epoch: count },
  arrive: { workflow },
  reveal: { stage: tagged("kind", { llm: modelStage, embed: modelStage, tool: { ...anyStage, toolUs: count } }) },
  /** Part of the announcement: a parent of what is open is over, and has run or has not. */
  over: { stage: key, workflow: key, id: name, ran: boolean() },
  /** `patient`, here and below: its work is. */
  ready: { stage: key, attempt: count, patient: optional(boolean()), chainTokens: optional(tokens) },
  /** Part of the announcement: it has been placed, by another planner or before the link broke. */
  held: {
    stage: key,
    attempt: count,
    patient: optional(boolean()),
    chainTokens: optional(tokens),
    ...placement,
    progress: array(progress, { min: 1, max: 4096 }),
  },
  /** All that was open has been said. */
  announced: {},
  "tool-start": { stage: key },
  "tool-end": { stage: key },
  skip: { stage: key },
  drop: { stage: key, reason: oneOf("client-gone", "cancelled", "failed", "timed-out", "refused") },
  end: { workflow: key },
  cancel: { workflow: key },
  "first-token": turn,
  "handed-over": turn,
  "turn-end": {
    ...turn,
    outputTokens: amount,
    promptTokens: optional(amount),
    cachedTokens: optional(amount),
  },
  "turn-fail": { ...turn, fault },
  beat: {},
});

const fromPlanner = tagged("kind", {
  welcome: { version: count, planner: name, epoch: count },
  start: {
    ...turn,
    epoch: count,
    engine: name,
    items: count,
    cachedTokens: count,
    promptTokens: count,
    reason: words,
    planAgeUs: count,
    waitedUs: count,
    ...placement,
  },
  /** This attempt is void; the stage is ready again. */
  void: { stage: key, attempt: count },
  refuse: { stage: key, refusal },
  beat: {},
});

export type ToPlanner = Parsed<typeof toPlanner>;
export type FromPlanner = Parsed<typeof fromPlanner>;
export type Start = Extract<FromPlanner, { readonly kind: "start" }>;
export type Held = Extract<ToPlanner, { readonly kind: "held" }>;
export type Progress = Held["progress"][number];
export type TurnName = { readonly [Field in "stage" | "attempt" | "share" | "phase"]: Start[Field] };

export const protocolVersion = 1;

/** An `InputError` for what is none. */
export const parseToPlanner = (value: unknown): ToPlanner => parse(toPlanner, value);
export const parseFromPlanner = (value: unknown): FromPlanner => parse(fromPlanner, value);

function parse<T>(shape: Shape<T>, value: unknown): T {
  return parseAs(shape, value, "a line of the link");
}
