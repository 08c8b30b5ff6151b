/** Stages that turn out not to run, and what that means for those behind them. */

import { expect, test } from "vitest";
import type { Journal } from "../../src/journal/journal.ts";
import type { JournalEvent } from "../../src/model/event.ts";
import type { Branch, ModelStage, Segment, Stage } from "../../src/model/workflow.ts";
import { policies } from "../../src/policy/policies.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { cluster, dag, firstUs, llm, run } from "../support/build.ts";

const taken: Branch = { chance: 0.4, runs: true };
const left: Branch = { chance: 0.4, runs: false };

/** These stages of a drawing are branches. */
function branching(branches: Readonly<Record<string, Branch>>): (id: string) => Partial<ModelStage> {
  return (id) => {
    const branch = branches[id];
    return branch === undefined ? {} : { branch };
  };
}

function stagesOf({ events }: Journal, kind: JournalEvent["kind"]): string[] {
  return events.flatMap((event) =>
    event.kind === kind && "stage" in event && typeof event.stage === "string" ? [event.stage] : [],
  );
}

test("a branch that is not taken is skipped when its parents have ended, and what follows goes on at once", () => {
  const journal = run({ workflows: [dag("a -> b, c -> d", branching({ b: left, c: taken }))] });
  expect(stagesOf(journal, "stage-skip")).toEqual(["w/b"]);
  expect(stagesOf(journal, "stage-end")).toEqual(["w/a", "w/c", "w/d"]);
  expect(firstUs(journal, "stage-skip", "w/b")).toBe(firstUs(journal, "stage-end", "w/a"));
  expect(firstUs(journal, "stage-ready", "w/d")).toBe(firstUs(journal, "stage-end", "w/c"));
  expect(journal.events.at(-1)?.kind).toBe("workflow-end");
});

test("what only skipped stages lead to is skipped with them, what others lead to is not", () => {
  const stages = [
    ...dag("a -> b -> c -> d", branching({ b: left })).stages,
    llm("e", {
      parents: [
        { stage: "d", bytes: 1 },
        { stage: "a", bytes: 1 },
      ],
    }),
  ];
  const journal = run({ workflows: [{ ...dag("x"), stages }] });
  expect(stagesOf(journal, "stage-skip")).toEqual(["w/b", "w/c", "w/d"]);
  expect(stagesOf(journal, "stage-end")).toEqual(["w/a", "w/e"]);
  expect(firstUs(journal, "stage-ready", "w/e")).toBe(firstUs(journal, "stage-end", "w/a"));
});

test("a branch behind skipped stages is skipped whatever it would have done", () => {
  const journal = run({ workflows: [dag("a -> b -> c", branching({ b: left, c: taken }))] });
  expect(stagesOf(journal, "stage-skip")).toEqual(["w/b", "w/c"]);
});

test("a tool may be skipped, and so may a first stage and with it everything", () => {
  const tool: Stage = {
    id: "t",
    kind: "tool",
    parents: [],
    priority: 0,
    estimateUs: 5,
    actualUs: 5,
    branch: left,
  };
  const stages = [tool, llm("a", { parents: [{ stage: "t", bytes: 1 }] })];
  const { events } = run({ workflows: [{ ...dag("x"), arrivalUs: 3, stages }] });
  expect(events.map(({ kind, atUs }) => [kind, atUs])).toEqual([
    ["workflow-arrive", 3],
    ["stage-reveal", 3],
    ["stage-reveal", 3],
    ["stage-skip", 3],
    ["stage-skip", 3],
    ["workflow-end", 3],
  ]);
});

test("an online workflow reveals a stage and skips it at the same instant", () => {
  const journal = run({ workflows: [dag("a -> b -> c", branching({ b: left }), { reveal: "online" })] });
  const kinds = journal.events.map((event) => event.kind);
  const end = kinds.indexOf("stage-end");
  expect(kinds.slice(end)).toEqual([
    "stage-end",
    "stage-reveal",
    "stage-skip",
    "stage-reveal",
    "stage-skip",
    "workflow-end",
  ]);
});

test("nothing is read of a skipped stage: no bytes, and no tokens where its output was expected", () => {
  const prompt = (...outputs: string[]): readonly Segment[] => [
    { kind: "own", tokens: 500 },
    ...outputs.map((stage) => ({ kind: "output", stage }) as const),
  ];
  const change = (id: string): Partial<ModelStage> => {
    if (id === "b") return { branch: left, prompt: prompt("a") };
    return id === "d" ? { prompt: prompt("b", "c"), allow: { engines: ["engine-1"] } } : {};
  };
  const journal = run({ cluster: cluster("h100 h100"), workflows: [dag("a -> b, c -> d", change)] });
  const ready = journal.events.find((event) => event.kind === "stage-ready" && event.stage === "w/d");
  expect(ready).toMatchObject({ chainTokens: [500, 0, 100] });
  const moved = journal.events.flatMap((event) => (event.kind === "transfer-start" ? [event.parent] : []));
  expect(moved).not.toContain("w/b");
  const taking = journal.events.find((event) => event.kind === "prefill-start" && event.stage === "w/d");
  expect(taking).toMatchObject({ promptTokens: 600 });
});

test("a policy sees the chance until the branch is decided, and then a stage that is ready or has ended", () => {
  const seen: unknown[] = [];
  const watching: Policy = (view) => {
    const nodes = [...(view.workflows.open.get("w")?.stages.values() ?? [])];
    seen.push(nodes.map(({ stage, status, skipped }) => [stage.chance, status, skipped]));
    expect(JSON.stringify(nodes.map(({ stage }) => stage))).not.toContain("runs");
    return policies["round-robin"].plan(view);
  };
  run({
    workflows: [dag("a -> b, c, d", branching({ b: left, c: taken, d: { chance: 1, runs: true } }))],
    policy: { plan: watching, summary: "" },
  });
  expect(seen[0]).toEqual([
    [undefined, "ready", false],
    [0.4, "waiting", false],
    [0.4, "waiting", false],
    [undefined, "waiting", false],
  ]);
  expect(seen[1]).toEqual([
    [undefined, "ended", false],
    [0.4, "ended", true],
    [undefined, "ready", false],
    [undefined, "ready", false],
  ]);
});

test("branches that are sure to run leave no trace", () => {
  const plain = run({ workflows: [dag("a -> b -> c")] });
  const sure = run({ workflows: [dag("a -> b -> c", branching({ b: { chance: 1, runs: true } }))] });
  expect(JSON.stringify(sure.events)).toBe(JSON.stringify(plain.events));
});

test("tens of thousands of stages in a row are skipped at once", () => {
  const stages = Array.from({ length: 20_000 }, (_, index) =>
    llm(`s${index}`, {
      parents: index === 0 ? [] : [{ stage: `s${index - 1}`, bytes: 0 }],
      ...(index === 1 ? { branch: left } : {}),
    }),
  );
  const journal = run({ workflows: [{ ...dag("x"), stages }] });
  expect(stagesOf(journal, "stage-skip")).toHaveLength(19_999);
});
