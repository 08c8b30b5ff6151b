/**
 * What a gateway says to the planner, on its way into the books: first all that it announces, in an order in which it can enter,
 * and in slices, so that other things go on between them; then one message after another as it comes.
 */

import { strict as assert } from "node:assert";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { Time } from "../live/time.ts";
import type { Held, ToPlanner } from "./protocol.ts";

export type AnnouncementHost = {
  readonly time: Time;
  /** `entering`: it was announced, not said just now. */
  readonly act: (message: ToPlanner, entering: boolean) => void;
  /** Several messages as one change of the books. */
  readonly together: (what: () => void) => void;
  /** All it had open when it came is known: `enter` takes it into the books. */
  readonly onAnnounced: (enter: () => void) => void;
  /** It makes no sense what was said, which was found out late. */
  readonly onNonsense: (error: unknown) => void;
};

/** Messages of one announcement. */
const mostAnnounced = 2_000_000;
/** So many of them enter the books at once. */
const slice = 400;

/** Messages keep the order in which they were said, but for those of the announcement among themselves. */
export class Announcement {
  readonly #host: AnnouncementHost;
  #announcing: ToPlanner[] | undefined = [];
  /** Said and not in the books yet: the rest of the announcement, and what came after it. */
  #pending: ToPlanner[] = [];
  #announced = 0;
  #over = false;

  constructor(host: AnnouncementHost) {
    this.#host = host;
  }

  take(message: ToPlanner): void {
    if (this.#announcing === undefined) {
      if (this.#pending.length === 0) this.#host.act(message, false);
      else this.#pending.push(message);
      return;
    }
    if (message.kind === "announced") {
      const all = inOrder(this.#announcing);
      this.#announcing = undefined;
      return this.#host.onAnnounced(() => this.#enter(all));
    }
    assert(this.#announcing.length < mostAnnounced, "more was announced than a gateway can have open");
    this.#announcing.push(message);
  }

  /** Whatever has not entered yet does not any more. */
  stop(): void {
    this.#over = true;
    this.#pending = [];
  }

  /** What runs, at once, so that its places are not taken; what waits, by and by. */
  #enter(all: readonly ToPlanner[]): void {
    const [first, rest] = all.length <= slice ? [all, []] : splitByRunning(all);
    this.#pending = rest;
    this.#announced = rest.length;
    this.#actAll(first, true);
    if (rest.length > 0) this.#host.time.soon(() => this.#goOn());
  }

  #goOn(): void {
    const { together, time, onNonsense } = this.#host;
    const next = this.#pending.splice(0, this.#announced > 0 ? Math.min(slice, this.#announced) : slice);
    const entering = this.#announced > 0;
    this.#announced = Math.max(0, this.#announced - next.length);
    if (this.#over || next.length === 0) return;
    try {
      together(() => this.#actAll(next, entering));
    } catch (error) {
      return onNonsense(error);
    }
    if (this.#pending.length > 0) time.soon(() => this.#goOn());
  }

  #actAll(messages: readonly ToPlanner[], entering: boolean): void {
    for (const message of messages) this.#host.act(message, entering);
  }
}

/** Workflows of which something runs, and all others. */
function splitByRunning(all: readonly ToPlanner[]): [ToPlanner[], ToPlanner[]] {
  const running = new Set<StageKey>();
  for (const message of all) if (message.kind === "held") running.add(message.stage);
  const workflows = new Set<WorkflowId>();
  for (const message of all)
    if (message.kind === "reveal" && running.has(message.stage.key)) workflows.add(message.stage.workflow);
  const keys = new Set<StageKey>();
  for (const message of all)
    if (message.kind === "reveal" && workflows.has(message.stage.workflow)) keys.add(message.stage.key);
  const isFirst = (message: ToPlanner): boolean => {
    if (message.kind === "arrive") return workflows.has(message.workflow.workflow);
    if (message.kind === "reveal") return workflows.has(message.stage.workflow);
    if (message.kind === "over") return workflows.has(message.workflow);
    return "stage" in message && typeof message.stage === "string" && keys.has(message.stage);
  };
  return [all.filter(isFirst), all.filter((message) => !isFirst(message))];
}

/**
 * What exists; what passes through an engine where it runs no more, and then what runs, while there is room; what follows from
 * them, which must know by which names they go; and what waits.
 */
function inOrder(all: readonly ToPlanner[]): ToPlanner[] {
  const held = new Map<StageKey, number>();
  for (const message of all) if (message.kind === "held") held.set(message.stage, passes(message) ? 1 : 2);
  const orderOf = (message: ToPlanner): number => {
    if (message.kind === "arrive" || message.kind === "over") return 0;
    if (message.kind === "held") return held.get(message.stage) ?? 2;
    if (message.kind === "reveal") return held.get(message.stage.key) ?? 3;
    return message.kind === "ready" ? 5 : 4;
  };
  return all.toSorted((left, right) => orderOf(left) - orderOf(right));
}

function passes({ progress, decodeEngine }: Held): boolean {
  return decodeEngine !== undefined || !progress.every(({ at }) => at === "running" || at === "queued");
}
