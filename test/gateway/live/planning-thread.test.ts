/** The planning thread, told a journal and asked: how it answers when there is time, and when there is none. */

import { afterAll, expect, test } from "vitest";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { FromThread, ToThread } from "../../../src/gateway/live/thread-protocol.ts";
import type { Unloadable } from "../../../src/gateway/live/unloadable.ts";
import { cluster, dag } from "../../support/build.ts";
import { runPlain } from "../../support/run-plain.ts";

const models = ["llama-3.1-8b", "phi-4-14.7b", "qwen2.5-32b"];
const threadFile = new URL("../../../src/gateway/live/planning-thread.ts", import.meta.url);

/** What a thread is told of a workflow that has come and of which nothing has begun. */
const { lines, header } = (() => {
  const flow = dag("a, b, c, d -> e, f, g -> h, i, j -> k", (id) => {
    const tokens = 60 * (id.charCodeAt(0) - 90);
    return { model: models[id.charCodeAt(0) % 3]!, output: { estimate: tokens, actual: tokens, limit: 2000 } };
  });
  const { events, ...rest } = runPlain({ workflows: [flow], cluster: cluster("h100 a100 l40s", { maxResident: 1 }) });
  const begun = events.findIndex(({ kind }) => kind === "plan" || kind === "stage-place");
  const told = events.slice(0, begun).map((event) => JSON.stringify(event));
  return { lines: told.join("\n"), header: JSON.stringify(rest.header) };
})();

const worker = new Worker(threadFile);
afterAll(() => worker.terminate());

function tell(message: ToThread): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  worker.postMessage(message);
}

async function ask(policy: string, dueMs: number, unloadable: readonly Unloadable[] = []): Promise<FromThread> {
  tell({ kind: "begin", policy, hardestWaitUs: 60_000_000, header, caches: [] });
  tell({ kind: "follow", lines });
  expect(await once(worker, "message")).toEqual([{ kind: "ready" }]);
  tell({ kind: "plan", id: 1, nowUs: 0, memory: undefined, unloadable, dueMs });
  const [answer] = (await once(worker, "message")) as [FromThread];
  return { ...answer, tookUs: 0 } as FromThread;
}

test("a search answers with the best so far when its time is over: due at once, with what it began from", async () => {
  const searched = await ask("foresight", Infinity);
  const due = await ask("foresight", 0);
  const unsearched = await ask("foresight-search", Infinity);
  expect(due).toEqual(unsearched);
  expect(due).toMatchObject({ kind: "planned", id: 1 });
  expect(searched).toMatchObject({ kind: "planned", id: 1 });
  expect(searched).not.toEqual(due);
});

test("what an engine does not load for a while is not planned there", async () => {
  const enginesFor = async (unloadable: readonly Unloadable[]): Promise<readonly string[]> => {
    const answer = await ask("round-robin", Infinity, unloadable);
    if (answer.kind !== "planned") throw new Error(JSON.stringify(answer));
    return answer.decisions.flatMap((each) => (each.kind === "place" ? each.shares.map(({ engine }) => engine) : []));
  };
  expect(new Set(await enginesFor([]))).toContain("engine-0");
  expect(new Set(await enginesFor(models.map((model) => ({ engine: "engine-0", model }))))).not.toContain("engine-0");
});
