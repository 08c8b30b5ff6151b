/** Spoils one number, time or name of one record at random, and counts what the laws catch. */

import { check } from "../../src/check/check.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { recordFields } from "../../src/journal/record-fields.ts";
import type { Fields } from "../../src/journal/shape.ts";
import type { EventKind, JournalEvent } from "../../src/model/event.ts";
import { createRng, type Rng } from "../../src/random/rng.ts";
import { withEvents } from "./mutate.ts";

export type Sweep = {
  readonly tried: number;
  readonly caught: number;
  /** Fields whose change went unseen, `kind.field`, with how often it was tried and missed. */
  readonly missed: ReadonlyMap<string, { tried: number; missed: number }>;
};

/** Fields that say something to people or to policies, and bind nobody: the laws cannot know what should stand there. */
const unbound: ReadonlySet<string> = new Set([
  "plan.decisions",
  "plan.note",
  "stage-place.reason",
  "prefix-retain.hash",
  "prefix-retain.untilUs",
  "workflow-arrive.class",
  "workflow-arrive.tenant",
  "workflow-arrive.deadlineUs",
  "workflow-arrive.sloScale",
]);

export function sweep(journal: Journal, seed: number, rounds: number): Sweep {
  const rng = createRng(seed, "sweep");
  const missed = new Map<string, { tried: number; missed: number }>();
  let tried = 0;
  let caught = 0;
  while (tried < rounds) {
    const index = rng.below(journal.events.length);
    const event = journal.events[index] as JournalEvent;
    const fields = Object.keys(event).filter((name) => isSpoilable(event, name));
    const field = fields[rng.below(fields.length)];
    if (field === undefined) continue;
    const value: unknown = event[field as keyof JournalEvent];
    const spoilt = spoil(journal, rng, event.kind, field, value);
    if (spoilt === value) continue;
    tried += 1;
    const found = check(withEvents(journal, journal.events.with(index, { ...event, [field]: spoilt })));
    const name = `${event.kind}.${field}`;
    const count = missed.get(name) ?? { tried: 0, missed: 0 };
    count.tried += 1;
    if (found.length > 0) caught += 1;
    else count.missed += 1;
    missed.set(name, count);
  }
  return { tried, caught, missed: new Map([...missed].filter(([, count]) => count.missed > 0)) };
}

function isSpoilable(event: JournalEvent, field: string): boolean {
  if (field === "kind" || field === "sequence" || unbound.has(`${event.kind}.${field}`)) return false;
  const value: unknown = event[field as keyof JournalEvent];
  return typeof value === "number" || typeof value === "string";
}

/** A little or a lot more or less; another engine, host or word of the same kind. */
function spoil({ header }: Journal, rng: Rng, kind: EventKind, field: string, value: unknown): unknown {
  if (typeof value === "number") {
    const by = [1, 1 + rng.below(1000), Math.ceil(value / 2)][rng.below(3)] ?? 1;
    return rng.next() < 0.5 ? value + by : Math.max(0, value - by);
  }
  const { engines, hosts } = header.cluster;
  const pick = <T>(list: readonly T[]): T | undefined => list[rng.below(list.length)];
  if (engines.some(({ id }) => id === value)) return pick(engines)?.id;
  if (hosts.some(({ id }) => id === value)) return pick(hosts)?.id;
  if (field === "model") return pick(["llama-3.1-8b", "qwen3-32b-int4", "embed-1.2b"]);
  const shape = (recordFields[kind] as Fields)[field]?.shape;
  return pick(shape?.type === "choice" ? shape.values : ["w0/s0-0", "w1/s1-0", "w2", "w3"]);
}
