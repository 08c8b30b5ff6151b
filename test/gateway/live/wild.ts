/** Things that may happen to a driver, in any order, done as those around it would do them. */

import fc from "fast-check";
import { expect, vi } from "vitest";
import type { Turn } from "../../../src/gateway/live/driver.ts";
import type { ShareTurn } from "../../../src/gateway/live/turn.ts";
import { cut, embedder, llama, Owner, phi, rejected, settle, stageOf, type Live } from "./world.ts";

export const step = fc.record({
  what: fc.constantFrom(
    "call",
    "call",
    "call",
    "call",
    "flow",
    "token",
    "token",
    "end",
    "end",
    "end",
    "fail",
    "fail",
    "reject",
    "drop",
    "down",
    "up",
    "sight",
    "load",
    "load",
    "fail-load",
    "pass",
    "pass",
    "prefix",
    "cancel",
    "reshape",
    "flush",
    "flush",
  ),
  which: fc.nat(1000),
  other: fc.nat(1000),
});

/** Whether what is told of the turn still counts. */
function isOpen(turn: Turn): boolean {
  return (turn as ShareTurn).open;
}

type Stage = { readonly key: string; readonly owner: Owner; readonly over: string[] };

export class Wild {
  readonly live: Live;
  readonly stages: Stage[] = [];
  /** Stages whose parents are open, with them. */
  readonly later = new Map<string, { readonly key: string; readonly parents: readonly string[] }>();
  /** Brings another cluster. */
  readonly reshape: ((which: number) => void) | undefined;
  #flows = 0;

  constructor(live: Live, reshape?: (which: number) => void) {
    this.live = live;
    this.reshape = reshape;
  }

  get open(): Stage[] {
    return this.stages.filter(({ over, owner }) => over.length + owner.heard.length === 0);
  }

  get turns() {
    return this.open.flatMap(({ owner }) => owner.turns.filter(isOpen).map((turn) => ({ owner, turn })));
  }

  ready(key: string): void {
    const owner = new Owner();
    const stage: Stage = { key, owner, over: [] };
    this.stages.push(stage);
    this.live.driver.ready(key, owner);
  }

  do({ what, which, other }: { readonly what: string; readonly which: number; readonly other: number }): void {
    const { live } = this;
    const ids = [...live.adapters.keys()];
    const id = ids[which % ids.length] as string;
    const turn = this.turns[which % Math.max(1, this.turns.length)];
    const modelOf = (n: number): string => [llama, phi, embedder][n % 3] as string;
    switch (what) {
      case "call": {
        const workflow = `c${this.stages.length}-${this.#flows++}`;
        live.driver.arrive({ workflow, reveal: "online" });
        const model = modelOf(which);
        const kind = model === embedder ? "embed" : "llm";
        const items = other % 4 === 0 ? 1 + (other % 5) : 1;
        const stage = stageOf(workflow, { model, kind, items, promptTokens: 100 + other * 3, priority: other % 2 });
        live.driver.reveal(stage);
        return this.ready(stage.key);
      }
      case "flow": {
        const workflow = `f${this.#flows++}`;
        live.driver.arrive({ workflow, reveal: "static" });
        live.driver.reveal(
          stageOf(workflow, {
            id: "a",
            model: modelOf(other * 2),
            kind: modelOf(other * 2) === embedder ? "embed" : "llm",
          }),
        );
        for (const [child, parents] of [
          ["b", ["a"]],
          ["c", ["a", "b"]],
        ] as const) {
          const model = [llama, phi][(other + parents.length) % 2] as string;
          live.driver.reveal(
            stageOf(workflow, { id: child, parents, model, ...(child === "c" ? { chance: 0.5 } : {}) }),
          );
          const key = `${workflow}/${child}`;
          this.later.set(key, { key, parents: parents.map((parent) => `${workflow}/${parent}`) });
        }
        return this.ready(`${workflow}/a`);
      }
      case "token":
        return turn?.turn.firstToken();
      case "end": {
        if (turn === undefined) return;
        if (turn.turn.phase === "prefill") return turn.turn.handedOver();
        turn.turn.end({ outputTokens: other % 200 });
        const stage = this.stages.find(({ owner }) => owner === turn.owner) as Stage;
        if (live.over.get(stage.key) === "ran") stage.over.push("ended");
        return;
      }
      case "fail":
        return turn?.turn.fail(cut);
      case "reject":
        if (turn === undefined) return;
        turn.turn.fail(rejected);
        this.stages.find(({ owner }) => owner === turn.owner)?.over.push("rejected");
        return;
      case "drop": {
        const stage = this.open[which % Math.max(1, this.open.length)];
        if (stage === undefined || other % 2 === 0) return;
        stage.over.push("dropped");
        return live.driver.drop(stage.key, "client-gone");
      }
      case "down":
        return live.driver.engineDown(id);
      case "up":
        return ids.forEach((each) => live.driver.engineUp(each));
      case "sight":
        return live.driver.sight(id, { resident: other % 3 === 0 ? [] : [modelOf(other)] });
      case "load":
        return live.engine(id).asked.shift()?.end();
      case "fail-load":
        return live.engine(id).asked.shift()?.fail("no");
      case "pass":
        return live.pass(which * 1000);
      case "prefix":
        return live.driver.prefixGone(id, modelOf(other));
      case "reshape":
        return this.reshape?.(which);
      case "flush": {
        // Twice the time for which records are gathered.
        vi.advanceTimersByTime(40);
        return;
      }
      case "cancel": {
        if (other % 5 !== 0) return;
        const [workflow] = [...live.driver.world.state.workflows.open.keys()];
        if (workflow === undefined) return;
        for (const stage of this.open) if (stage.key.startsWith(`${workflow}/`)) stage.over.push("cancelled");
        for (const key of this.later.keys()) if (key.startsWith(`${workflow}/`)) this.later.delete(key);
        return live.driver.cancel(workflow);
      }
    }
  }

  /** What a declared workflow does: makes stages ready, or skips them, as soon as it can. */
  goOn(): void {
    const { over } = this.live;
    for (let again = true; again;) {
      again = false;
      for (const { key, parents } of this.later.values()) {
        if (!parents.every((parent) => over.has(parent))) continue;
        this.later.delete(key);
        again = true;
        const ran = parents.some((parent) => over.get(parent) === "ran");
        if (!ran || (key.endsWith("/c") && key.length % 2 === 0)) this.live.driver.skip(key);
        else this.ready(key);
      }
    }
    for (const { id, openStages } of Array.from(this.live.driver.world.state.workflows.open.values()))
      if (openStages === 0) this.live.driver.end(id);
  }

  check(): void {
    const { driver } = this.live;
    for (const { key, over, owner } of this.stages)
      expect(over.length + owner.heard.length, `${key}: ${[...over, ...owner.heard].join()}`).toBeLessThanOrEqual(1);
    expect(driver.open()).toBe(this.open.length);
    const begun = this.open.filter(({ owner }) => owner.turns.some(isOpen));
    expect(driver.waiting()).toBe(this.open.length - begun.length);
  }

  async finish(): Promise<void> {
    const { live } = this;
    for (let round = 0; round < 400 && live.driver.world.state.workflows.open.size > 0; round++) {
      for (const id of live.adapters.keys()) {
        live.driver.engineUp(id);
        live.engine(id).asked.shift()?.end();
      }
      // Who is held back until it has waited as long as it may is placed by a timer.
      live.pass(100_000);
      vi.advanceTimersByTime(100);
      await settle();
      for (const _ of this.turns) this.do({ what: "end", which: 0, other: 100 });
      this.goOn();
    }
    expect([...live.driver.world.state.workflows.open.keys()]).toEqual([]);
    for (const { key, over, owner } of this.stages) expect(over.length + owner.heard.length, key).toBe(1);
  }
}
