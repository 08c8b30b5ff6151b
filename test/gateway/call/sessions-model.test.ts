import fc from "fast-check";
import { expect, test } from "vitest";
import type { CallShape } from "../../../src/gateway/call/call.ts";
import type { ReadIdentity } from "../../../src/gateway/call/read-identity.ts";
import { createSessions, type Placement, type Sessions } from "../../../src/gateway/call/sessions.ts";
import { chainHash, type ChainLink } from "../../../src/model/prefix.ts";
import { NaiveSessions } from "./naive-sessions.ts";

const limits = { idleMs: 1, maxWorkflows: 3, maxStages: 6 };

type Model = { readonly naive: NaiveSessions; readonly calls: Placement[]; nowUs: number };
type Command = fc.Command<Model, Sessions>;

function chainOf(messages: readonly number[]): ChainLink[] {
  const chain: ChainLink[] = [];
  for (const message of messages) chain.push({ hash: chainHash(chain.at(-1)?.hash, String(message)), tokens: 1 });
  return chain;
}

class Call implements Command {
  readonly #identity: ReadIdentity;
  readonly #messages: readonly number[];

  constructor(identity: ReadIdentity, messages: readonly number[]) {
    this.#identity = identity;
    this.#messages = messages;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, sessions: Sessions): void {
    const chain = chainOf(this.#messages);
    const shape: CallShape = {
      model: "m",
      stream: false,
      chain,
      promptTokens: chain.length,
      lastTokens: chain.length,
      sequences: 1,
    };
    model.nowUs += 100;
    const placement = sessions.place("t", this.#identity, shape, model.nowUs);
    expect(placement).toEqual(model.naive.place("t", this.#identity, shape));
    model.calls.push(placement);
  }

  toString(): string {
    return `call ${JSON.stringify(this.#identity)} ${JSON.stringify(this.#messages)}`;
  }
}

class End implements Command {
  readonly #back: number;
  readonly #failed: boolean;

  constructor(back: number, failed: boolean) {
    this.#back = back;
    this.#failed = failed;
  }

  check({ calls }: Model): boolean {
    return calls.length > 0;
  }

  run(model: Model, sessions: Sessions): void {
    const call = model.calls[Math.max(0, model.calls.length - 1 - this.#back)] as Placement;
    model.nowUs += 100;
    sessions.ended(call.workflow, call.stage, model.nowUs, { failed: this.#failed });
    model.naive.ended(call.workflow, call.stage, model.nowUs, this.#failed);
  }

  toString(): string {
    return `end the ${this.#back}th last${this.#failed ? " as failed" : ""}`;
  }
}

class Sweep implements Command {
  readonly #laterUs: number;

  constructor(laterUs: number) {
    this.#laterUs = laterUs;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, sessions: Sessions): void {
    model.nowUs += this.#laterUs;
    expect(sessions.sweep(model.nowUs).sort()).toEqual(model.naive.sweep(model.nowUs).sort());
    const open = model.naive.flows.filter(({ over }) => !over).length;
    expect(sessions.open).toBe(open);
    expect(open).toBeLessThanOrEqual(limits.maxWorkflows);
  }

  toString(): string {
    return `sweep ${this.#laterUs} us later`;
  }
}

const name = fc.constantFrom("a", "b", "c", "d");
const identity = fc
  .record(
    {
      workflow: fc.constantFrom("v", "w", "a", "b"),
      thread: name,
      parentThread: name,
      sessionThread: fc.boolean(),
      stage: name,
      parents: fc.array(name, { maxLength: 3 }),
      final: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map((given): ReadIdentity => ({ ...given, final: given.final === true && given.stage === "d" }));
const messages = fc.array(fc.nat(2), { maxLength: 5 });
const busy = { size: "max" } as const;

test("sessions do as their plain description says", () => {
  const commands = fc.commands(
    [
      fc.tuple(identity, messages).map(([who, prompt]) => new Call(who, prompt)),
      fc.tuple(fc.constant({ workflow: "w", final: false }), messages).map(([who, prompt]) => new Call(who, prompt)),
      fc.tuple(fc.nat(5), fc.integer({ min: 0, max: 9 })).map(([back, luck]) => new End(back, luck === 0)),
      fc.tuple(fc.nat(2), fc.constant(false)).map(([back, failed]) => new End(back, failed)),
      fc.nat(1500).map((laterUs) => new Sweep(laterUs)),
    ],
    { maxCommands: 60, ...busy },
  );
  fc.assert(
    fc.property(commands, (sequence) => {
      fc.modelRun(
        () => ({ model: { naive: new NaiveSessions(limits), calls: [], nowUs: 0 }, real: createSessions(limits) }),
        sequence,
      );
    }),
    { numRuns: 200 },
  );
});
