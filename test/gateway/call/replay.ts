/** Plays a client's calls through readers and sessions as a gateway would, and draws what came of them in one line. */

import { strict as assert } from "node:assert";
import { isFault, type CallShape, type Surface } from "../../../src/gateway/call/call.ts";
import { readIdentity, type ReadIdentity } from "../../../src/gateway/call/read-identity.ts";
import { readShape } from "../../../src/gateway/call/read-shape.ts";
import { createSessions, type Placement, type Sessions } from "../../../src/gateway/call/sessions.ts";

export const limits = { idleMs: 1000, maxWorkflows: 10, maxStages: 50 };

export type Request = {
  readonly surface?: Surface;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
};

export type Replay = {
  readonly sessions: Sessions;
  /** A call comes; the name is for the drawing only. */
  readonly call: (name: string, request: Request) => Placement;
  readonly end: (...names: readonly string[]) => void;
  /** A call that is answered before the next one comes. */
  readonly turn: (name: string, request: Request) => void;
  readonly workflowOf: (name: string) => string;
  /** Each stage after its parents, such as `plan; plan -> a; plan -> b; a, b -> merge`. */
  readonly drawn: () => string;
};

export function replay(config = limits): Replay {
  const sessions = createSessions(config);
  const placed = new Map<string, Placement>();
  const call = (name: string, { surface = "chat", headers = {}, body }: Request): Placement => {
    const sent: unknown = JSON.parse(JSON.stringify(body));
    const placement = sessions.place("default", identityOf(headers, sent), shapeOf(surface, sent), 0);
    placed.set(name, placement);
    return placement;
  };
  const find = (name: string): Placement => {
    const placement = placed.get(name);
    assert.ok(placement, `no call is named ${name}`);
    return placement;
  };
  const end = (...names: readonly string[]): void => {
    for (const name of names) sessions.ended(find(name).workflow, find(name).stage, 0);
  };
  return {
    sessions,
    call,
    end,
    turn: (name, request) => {
      call(name, request);
      end(name);
    },
    workflowOf: (name) => find(name).workflow,
    drawn: () => draw(placed),
  };
}

function draw(placed: ReadonlyMap<string, Placement>): string {
  const names = new Map([...placed].map(([name, { workflow, stage }]) => [`${workflow}/${stage}`, name]));
  const lines = [...placed].map(([name, { workflow, parents }]) => {
    const before = parents.map(({ stage }) => names.get(`${workflow}/${stage}`));
    return before.length === 0 ? name : `${before.join(", ")} -> ${name}`;
  });
  return lines.join("; ");
}

export function shapeOf(surface: Surface, body: unknown): CallShape {
  const shape = readShape(surface, body);
  assert.ok(!isFault(shape), JSON.stringify(shape));
  return shape;
}

export function identityOf(headers: Readonly<Record<string, string>>, body: unknown = {}): ReadIdentity {
  const identity = readIdentity(headers, body);
  assert.ok(!isFault(identity), JSON.stringify(identity));
  return identity;
}
