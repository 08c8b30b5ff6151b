import { expect, test } from "vitest";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { counting, crashing } from "./crashing-store.ts";
import { toView } from "../../../src/gateway/declared/declared-run.ts";
import type { WorkflowDefinition } from "../../../src/gateway/declared/wire.ts";
import { leaseMs, openGateway, type TestGateway } from "./gateways.ts";
import { createHandTime, settle, type HandTime } from "./hand-time.ts";
import { shown, submissionOf, type Reply } from "./support.ts";

const llm = (id: string, prompt: string, rest: object = {}) =>
  ({ id, kind: "llm", model: "big", prompt, ...rest }) as const;

/** A plan, a map over it, one that fails and may, one that is skipped, what only that leads to, and a join of all. */
const definition: WorkflowDefinition = {
  stages: [
    llm("plan", "plan", { output: "lines" }),
    llm("read", "read {{ item }}", { over: "{{ stages.plan.json }}" }),
    llm("bad", "bad {{ stages.plan.text }}", { onError: "skip", retries: 0 }),
    llm("never", "never", { when: "stages.plan.text == ''" }),
    llm("after", "after {{ stages.never.text }}"),
    llm("join", "join {{ stages.read.json }} {{ stages.bad.status }} {{ stages.after.status }}"),
  ],
};
const outcome = [
  'plan ended: ["a","b"]',
  'read ended: ["<read a>","<read b>"]',
  "bad failed",
  "never skipped",
  "after skipped",
  'join ended: <join ["<read a>","<read b>"] failed skipped>',
];

const reply = ({ text }: { readonly text: string }): Reply =>
  text === "plan" ? "- a\n- b" : text.startsWith("bad") ? 400 : `<${text}>`;

const submission = submissionOf(definition, { key: "k", bodyHash: "h" });

async function liveUntilCrash(store: Store, time: HandTime): Promise<TestGateway> {
  const gateway = await openGateway({ owner: "a", store, time, reply });
  void gateway.runs.submit(submission);
  await settle();
  return gateway;
}

const stepsOfPlain = 1 + definition.stages.length + 1;
const crashes = Array.from({ length: stepsOfPlain }, (_, at) =>
  (["before", "after"] as const).map((how) => ({ at, how })),
).flat();

test.each(crashes)(
  "lost $how its store's call $at has an effect, a run goes on elsewhere and ends the same",
  async (crash) => {
    const time = createHandTime();
    const counted = counting(createMemoryStore({ nowMs: () => time.nowUs() / 1000 }));
    const store = crashing(counted.store, crash);
    const first = await liveUntilCrash(store, time);
    expect(store.isCrashed()).toBe(true);
    const told = first.runs.follow("a-1")?.log;
    const recorded = new Set((await counted.store.readRun("a-1"))?.stages.map(({ stage }) => stage));
    // What clients were told is in the store.
    const after = told?.after(0);
    for (const event of after?.kind === "events" ? after.events : [])
      if (event.kind === "stage-end" || event.kind === "stage-skip") expect(recorded).toContain(event.stage);

    await time.pass(leaseMs + 1);
    const second = await openGateway({ owner: "b", store: counted.store, time, reply });
    await second.runs.recover();
    // The client asks again, as it was not told or does not remember.
    const again = await second.runs.submit(submission);
    expect(again.kind).toBe(crash.at === 0 && crash.how === "before" ? "created" : "known");
    await time.pass(100);
    const id = "run" in again ? again.run.id : "";
    const run = await second.runs.find("t", id);
    expect(run === undefined ? [] : shown(toView(run))).toEqual(outcome);
    expect(run?.status).toBe("succeeded");
    expect([...counted.saved.values()]).toEqual(definition.stages.map(() => 1));
    for (const { text } of second.caller.calls) expect(recorded).not.toContain(text.split(" ")[0]);
    await Promise.all([first, second].map(({ runs }) => runs[Symbol.asyncDispose]()));
  },
);

test("the crashes reach every call", async () => {
  const time = createHandTime();
  const store = crashing(createMemoryStore({ nowMs: () => 0 }), { at: stepsOfPlain, how: "after" });
  const { runs } = await liveUntilCrash(store, time);
  expect([(await runs.find("t", "a-1"))?.status, store.isCrashed()]).toEqual(["succeeded", false]);
  await runs[Symbol.asyncDispose]();
});
