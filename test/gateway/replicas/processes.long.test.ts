/** Three gateways as processes over one Postgres: whatever becomes of the planner and of the database, every call is answered once. */

import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EmulatedEngine } from "../../../src/emulate/start-engine.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { contentOf } from "../faults/storm.ts";
import { chat, chatPath, send } from "../http/client.ts";
import { engine, entryOf, model } from "../http/gateway.ts";
import { callAll, startGroup, statusOf, untilOnePlans, type Group } from "./processes.ts";

const calls = 150;
const atOnce = 24;
/** Together they take fewer than are called at once, so that some always wait. */
const maxSequences = 6;

let postgres: TestPostgres | undefined;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]();
});

type Surroundings = AsyncDisposable & { readonly group: Group; readonly engines: readonly EmulatedEngine[] };

async function surroundings(server: TestPostgres): Promise<Surroundings> {
  const engines = await Promise.all(["one", "two"].map((id) => engine({ id, seed: 7, speed: 4, maxSequences })));
  const entries = engines.map((each, index) => entryOf(each, `e${index}`, `, maxSequences: ${maxSequences}, speed: 4`));
  const group = await startGroup(3, entries, await server.createDatabase());
  return {
    group,
    engines,
    [Symbol.asyncDispose]: async () => {
      await group[Symbol.asyncDispose]();
      await Promise.all(engines.map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

/** All are answered, each with its own answer. */
async function expectAnswers(answered: Awaited<ReturnType<typeof callAll>>): Promise<void> {
  expect(answered.filter(({ status }) => status !== 200)).toEqual([]);
  expect(new Set(answered.map(({ mark }) => mark)).size).toBe(calls);
  await using plain = await engine({ id: "one", seed: 7 });
  for (const { mark, text } of answered.slice(0, 20)) {
    const body = chat(`Tell me of ${mark}. `.repeat(4), { max_tokens: 32, ignore_eos: true });
    expect(contentOf(text, false)).toBe(contentOf((await send(plain.url, chatPath, body)).text, false));
  }
}

/** Its id. On a busy machine the store may be too slow to promise anything: then a client is told to come again, and does. */
async function submitPatiently(url: string, workflow: object): Promise<string> {
  let { status, text } = await send(url, "/v1/workflows", workflow);
  for (let again = 0; status === 503 && again < 100; again++) {
    await setTimeout(50);
    ({ status, text } = await send(url, "/v1/workflows", workflow));
  }
  expect(status).toBe(201);
  return (JSON.parse(text) as { readonly id: string }).id;
}

const marksOf = (name: string): string[] => Array.from({ length: calls }, (_, index) => `${name}-${index}`);

describe("three gateways over Postgres", () => {
  test("the planner is killed: another plans, and only calls in its own hands break", async (context) => {
    if (postgres === undefined) return context.skip();
    await using all = await surroundings(postgres);
    const planner = await untilOnePlans(all.group);
    let done = 0;
    const answered = await callAll(all.group, marksOf("killed"), atOnce, () => {
      done += 1;
      if (done !== calls / 3) return;
      planner.alive = false;
      planner.child.kill("SIGKILL");
    });
    await expectAnswers(answered);
    expect(answered.filter(({ broken }) => broken > 0).length).toBeLessThanOrEqual(2 * atOnce);
    const next = await untilOnePlans(all.group);
    expect((await statusOf(next)).replica).toMatchObject({ epoch: 2, plans: true, gateways: 1 });
  });

  test("the planner is stopped, and wakes: nothing breaks, nothing is refused", async (context) => {
    if (postgres === undefined) return context.skip();
    await using all = await surroundings(postgres);
    const planner = await untilOnePlans(all.group);
    let done = 0;
    const answered = await callAll(all.group, marksOf("stopped"), atOnce, () => {
      done += 1;
      if (done !== calls / 3) return;
      planner.child.kill("SIGSTOP");
      void setTimeout(2500).then(() => planner.child.kill("SIGCONT"));
    });
    await expectAnswers(answered);
    expect(answered.filter(({ broken }) => broken > 0)).toEqual([]);
    const next = await untilOnePlans(all.group, 2);
    expect((await statusOf(next)).replica?.epoch).toBe(2);
    expect(next.url).not.toBe(planner.url);
  });

  test("the planner is killed with workflows in its hands: the others carry them to their ends", async (context) => {
    if (postgres === undefined) return context.skip();
    await using all = await surroundings(postgres);
    const planner = await untilOnePlans(all.group);
    const prompt = "Tell me of {{ stages.a.text }}.";
    const workflow = {
      stages: [
        { id: "a", kind: "llm", model, prompt: "Tell me.", maxTokens: 32 },
        { id: "b", kind: "llm", model, prompt, maxTokens: 32 },
        { id: "c", kind: "llm", model, prompt, maxTokens: 32 },
      ],
    };
    const submitted = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const member = all.group.members[index % 3] ?? planner;
        return submitPatiently(member.url, workflow);
      }),
    );
    planner.alive = false;
    planner.child.kill("SIGKILL");
    const other = all.group.members.find(({ alive }) => alive);
    const unfinished = new Set(submitted);
    const statuses: string[] = [];
    for (let rounds = 0; rounds < 600 && unfinished.size > 0; rounds++) {
      for (const id of unfinished) {
        const { status, text } = await send(other?.url ?? "", `/v1/workflows/${id}`);
        // Whoever carried it is gone, and nobody has taken it up yet.
        if (status === 503) continue;
        const run = JSON.parse(text) as { readonly status: string };
        if (run.status === "running") continue;
        statuses.push(run.status);
        unfinished.delete(id);
      }
      await setTimeout(50);
    }
    expect(statuses).toEqual(submitted.map(() => "succeeded"));
  });

  test("Postgres is restarted: calls go on, and new durable work is told to come again", async (context) => {
    if (postgres === undefined) return context.skip();
    const server = postgres;
    await using all = await surroundings(server);
    await untilOnePlans(all.group);
    const [member] = all.group.members;
    const workflow = { name: "w", stages: [{ id: "s", kind: "llm", model, prompt: "Tell me.", maxTokens: 4 }] };
    const submit = async (): Promise<number> =>
      member === undefined ? 0 : (await send(member.url, "/v1/workflows", workflow)).status;
    const before = await submit();
    let done = 0;
    const { promise: restarted, resolve } = Promise.withResolvers<number>();
    const restart = async (): Promise<void> => {
      await server.stop();
      const during = await submit();
      await setTimeout(1500);
      await server.start();
      resolve(during);
    };
    const answered = await callAll(all.group, marksOf("restarted"), atOnce, () => {
      done += 1;
      if (done === calls / 3) void restart();
    });
    await expectAnswers(answered);
    expect(answered.filter(({ broken }) => broken > 0)).toEqual([]);
    expect([before, await restarted]).toEqual([201, 503]);
    await untilOnePlans(all.group);
    let after = 0;
    for (let tries = 0; tries < 100 && after !== 201; tries++) {
      after = await submit();
      if (after !== 201) await setTimeout(50);
    }
    expect(after).toBe(201);
  });
});
