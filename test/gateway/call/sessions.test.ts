import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CallShape } from "../../../src/gateway/call/call.ts";
import type { ReadIdentity } from "../../../src/gateway/call/read-identity.ts";
import { createSessions, type Placement, type Sessions } from "../../../src/gateway/call/sessions.ts";
import { limits } from "./replay.ts";

const shape: CallShape = { model: "m", stream: false, chain: [], promptTokens: 1, lastTokens: 1, sequences: 1 };
const secondUs = 1_000_000;

function come(sessions: Sessions, identity: Partial<ReadIdentity>, nowUs = 0, tenant = "t"): Placement {
  return sessions.place(tenant, { workflow: "w", final: false, ...identity }, shape, nowUs);
}

function finish(sessions: Sessions, { workflow, stage }: Placement, nowUs = 0): void {
  sessions.ended(workflow, stage, nowUs);
}

function parentsOf({ parents }: Placement): string[] {
  return parents.map(({ stage }) => stage);
}

describe("names", () => {
  test("a workflow is its tenant's", () => {
    const sessions = createSessions(limits);
    const mine = come(sessions, {}, 0, "mine");
    finish(sessions, mine);
    const yours = come(sessions, {}, 0, "yours");
    expect([mine.workflow, yours.workflow, yours.opens, parentsOf(yours)]).toEqual(["mine/w", "yours/w", true, []]);
  });

  test.each([
    [
      ["a", "b/c"],
      ["a/b", "c"],
    ],
    [
      ["a", "w#2"],
      ["a", "w"],
    ],
    [
      ["a", "w%23"],
      ["a", "w#"],
    ],
    [
      ["a", "#1"],
      ["a", undefined],
    ],
  ])("%j and %j are kept apart", (...ids) => {
    const sessions = createSessions({ ...limits, maxStages: 1 });
    const names = ids.flatMap(([tenant = "", workflow]) =>
      [1, 2].map(() =>
        sessions.place(tenant, { ...(workflow === undefined ? {} : { workflow }), final: false }, shape, 0),
      ),
    );
    expect(new Set(names.map(({ workflow }) => workflow)).size).toBe(4);
  });

  test("a stage's name holds no slash, and one that is used twice is numbered", () => {
    const sessions = createSessions(limits);
    const stages = ["a/b", "a/b", undefined, "a#2", "a", "a"].map(
      (stage) => come(sessions, stage === undefined ? {} : { stage }).stage,
    );
    expect(stages).toEqual(["a%2Fb", "a%2Fb#2", "#3", "a%232", "a", "a#2"]);
  });

  test("a workflow that is over and comes again has another name", () => {
    const sessions = createSessions(limits);
    const names = [1, 2, 3].map(() => {
      const placement = come(sessions, { final: true });
      finish(sessions, placement);
      return placement.workflow;
    });
    expect(names).toEqual(["t/w", "t/w#2", "t/w#3"]);
  });

  test("no name comes twice, also when the id is long forgotten", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 80 }), (ids) => {
        const sessions = createSessions({ ...limits, maxWorkflows: 1 });
        const names = ids.map((id) => {
          const placement = come(sessions, { workflow: `w${id}`, final: true });
          finish(sessions, placement);
          return placement.workflow;
        });
        expect(new Set(names).size).toBe(ids.length);
      }),
      { numRuns: 100, examples: [[[0, 0, 0, 1, 2, 3, 4, 5, 0]]] },
    );
  });
});

describe("named parents", () => {
  test("those that are not known or have not ended are dropped and counted", () => {
    const sessions = createSessions(limits);
    const ended = come(sessions, { stage: "ended" });
    finish(sessions, ended);
    come(sessions, { stage: "running" });
    const call = come(sessions, { stage: "call", parents: ["ended", "running", "unknown", "call"] });
    expect(parentsOf(call)).toEqual(["ended"]);
    expect(sessions.droppedParents).toBe(3);
  });

  test("a name that was used twice means the later one", () => {
    const sessions = createSessions(limits);
    for (const bytes of [10, 20]) {
      const { workflow, stage } = come(sessions, { stage: "draft", parents: [] });
      sessions.ended(workflow, stage, 0, { outputBytes: bytes });
    }
    expect(come(sessions, { parents: ["draft"] }).parents).toEqual([{ stage: "draft#2", bytes: 20 }]);
  });
});

describe("inferred parents", () => {
  test("are at most sixteen, the latest", () => {
    const sessions = createSessions(limits);
    const calls = Array.from({ length: 20 }, () => come(sessions, {}));
    for (const call of calls) finish(sessions, call);
    expect(parentsOf(come(sessions, {}))).toEqual(calls.slice(4).map(({ stage }) => stage));
  });

  test("a call that failed is nobody's, and who tries again has what it had", () => {
    const sessions = createSessions(limits);
    const first = come(sessions, {});
    finish(sessions, first);
    const failed = come(sessions, {});
    sessions.ended(failed.workflow, failed.stage, 0, { failed: true });
    expect(parentsOf(come(sessions, {}))).toEqual([first.stage]);
  });
});

describe("the end of a workflow", () => {
  test("comes with the last stage after the final call", () => {
    const sessions = createSessions(limits);
    const before = come(sessions, {});
    const final = come(sessions, { final: true });
    finish(sessions, final);
    expect(sessions.sweep(0)).toEqual([]);
    finish(sessions, before);
    expect(sessions.sweep(0)).toEqual(["t/w"]);
    expect(sessions.sweep(0)).toEqual([]);
    expect(come(sessions, {})).toMatchObject({ workflow: "t/w#2", opens: true, parents: [] });
  });

  test("comes when nothing was heard for long, counted from the end of the last stage", () => {
    const sessions = createSessions({ ...limits, idleMs: 1000 });
    const call = come(sessions, {}, 0);
    expect(sessions.sweep(100 * secondUs)).toEqual([]);
    finish(sessions, call, 100 * secondUs);
    expect(sessions.sweep(100.999 * secondUs)).toEqual([]);
    expect(sessions.sweep(101 * secondUs)).toEqual(["t/w"]);
    expect(sessions.open).toBe(0);
  });

  test("is put off by a call", () => {
    const sessions = createSessions({ ...limits, idleMs: 1000 });
    finish(sessions, come(sessions, {}, 0), 0);
    const again = come(sessions, {}, secondUs / 2);
    finish(sessions, again, secondUs / 2);
    expect([again.opens, sessions.sweep(secondUs)]).toEqual([false, []]);
  });

  test("told twice or by a stranger changes nothing", () => {
    const sessions = createSessions(limits);
    const call = come(sessions, {});
    come(sessions, { final: true });
    finish(sessions, call);
    finish(sessions, call);
    sessions.ended("t/w", "stranger", 0);
    sessions.ended("t/stranger", "#1", 0);
    expect([sessions.sweep(0), sessions.open]).toEqual([[], 1]);
  });
});

describe("bounds", () => {
  test("a workflow with too many stages goes on as a new one, and the old one is over when its stages are", () => {
    const sessions = createSessions({ ...limits, maxStages: 2 });
    const [first, second, third] = [come(sessions, {}), come(sessions, {}), come(sessions, {})];
    expect([second.workflow, third.workflow, third.opens]).toEqual(["t/w", "t/w#2", true]);
    finish(sessions, first);
    finish(sessions, third);
    expect(sessions.sweep(0)).toEqual([]);
    finish(sessions, second);
    expect(sessions.sweep(0)).toEqual(["t/w"]);
    finish(sessions, come(sessions, {}));
    expect(come(sessions, {}).workflow).toBe("t/w#3");
    expect(sessions.sweep(0)).toEqual(["t/w#2"]);
  });

  test("with too many workflows the one that is idle longest is ended", () => {
    const sessions = createSessions({ ...limits, maxWorkflows: 2 });
    const [a, b] = [come(sessions, { workflow: "a" }), come(sessions, { workflow: "b" })];
    finish(sessions, b);
    finish(sessions, a);
    expect(come(sessions, { workflow: "c" }).single).toBe(false);
    expect([sessions.sweep(0), sessions.open]).toEqual([["t/b"], 2]);
  });

  test("if none is idle the call is a workflow of its own", () => {
    const sessions = createSessions({ ...limits, maxWorkflows: 1 });
    const a = come(sessions, { workflow: "a" });
    const alone = come(sessions, { workflow: "b", stage: "s", parents: ["x"] });
    expect(alone).toEqual({ workflow: "t/#1", opens: true, stage: "s", parents: [], single: true });
    finish(sessions, alone);
    const { open, droppedParents, turnedSingle } = sessions;
    expect([open, droppedParents, turnedSingle]).toEqual([1, 1, 1]);
    expect(come(sessions, { workflow: "a" }).workflow).toBe(a.workflow);
  });

  test("a child session is found through its parent also in the workflow that goes on", () => {
    const sessions = createSessions({ ...limits, maxStages: 2 });
    const child: Partial<ReadIdentity> = { workflow: "root", thread: "child", sessionThread: true };
    const grandchild: Partial<ReadIdentity> = { workflow: "child", thread: "grandchild", sessionThread: true };
    const calls = [{ workflow: "root" }, child, grandchild, { workflow: "root" }, { workflow: "grandchild" }];
    const names = calls.map((identity) => come(sessions, identity).workflow);
    expect(names).toEqual(["t/root", "t/root", "t/root#2", "t/root#2", "t/root#3"]);
    expect(come(sessions, { workflow: "grandchild" }).workflow).toBe("t/root#3");
  });

  test("a child session belongs where it was seen last, whatever becomes of where it was before", () => {
    const sessions = createSessions(limits);
    const child: Partial<ReadIdentity> = { thread: "child", sessionThread: true };
    const before = come(sessions, { ...child, workflow: "before", final: true });
    come(sessions, { ...child, workflow: "now" });
    finish(sessions, before);
    const grandchild = come(sessions, { workflow: "child", thread: "grandchild", sessionThread: true });
    expect([sessions.sweep(0), grandchild.workflow]).toEqual([["t/before"], "t/now"]);
  });
});
