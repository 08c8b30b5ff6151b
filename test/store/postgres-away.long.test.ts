import postgres from "postgres";
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { afterAll, describe, expect, test } from "vitest";
import { openPostgres } from "../../src/store/postgres/open-postgres.ts";
import { startPostgres } from "../support/postgres.ts";
import { holding, run } from "./store-conformance.ts";

const server = await startPostgres();
afterAll(() => server?.[Symbol.asyncDispose](), 60_000);
const newUrl = async (): Promise<string> => (await server?.createDatabase()) ?? "";

/** A way to the database that can be cut, or swallow what goes over it. */
class Cable implements AsyncDisposable {
  readonly #open = new Set<Socket>();
  #swallows = false;
  #server: Server | undefined;

  async attach(url: string): Promise<string> {
    const target = new URL(url);
    const port = Number(target.port);
    this.#server = createServer((near) => {
      const far = connect(port, target.hostname);
      for (const socket of [near, far]) {
        this.#open.add(socket);
        socket.on("error", () => {}).on("close", () => this.#open.delete(socket));
      }
      near.on("data", (bytes) => this.#swallows || far.write(bytes)).on("close", () => far.destroy());
      far.on("data", (bytes) => this.#swallows || near.write(bytes)).on("close", () => near.destroy());
    }).listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    target.port = String((this.#server.address() as AddressInfo).port);
    return target.href;
  }

  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  swallow(swallows: boolean): void {
    this.#swallows = swallows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server?.close();
    await Promise.resolve();
  }
}

describe.skipIf(server === undefined)("a Postgres database that is not always there", () => {
  test("several gateways that start at once find the tables made once", async () => {
    const url = await newUrl();
    const stores = await Promise.all([1, 2, 3].map(() => openPostgres({ url })));
    const answers = await Promise.all(stores.map((store) => store.createRun(run("r"))));
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(1);
    await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
  });

  test("a newer version of the tables is refused; who only looks makes none", async () => {
    const url = await newUrl();
    await expect(openPostgres({ url, readOnly: true })).rejects.toMatchObject({ kind: "broken" });
    await (await openPostgres({ url }))[Symbol.asyncDispose]();
    await (await openPostgres({ url, readOnly: true }))[Symbol.asyncDispose]();
    const beside = postgres(url, { max: 1 });
    await beside`insert into fate_migrations values (9, 'x')`;
    await beside.end();
    await expect(openPostgres({ url })).rejects.toMatchObject({
      kind: "broken",
      message: expect.stringContaining("use a newer fate"),
    });
  });

  test("a text that Postgres does not take is refused alone", async () => {
    await using store = await openPostgres({ url: await newUrl() });
    const [good, bad, other] = await Promise.allSettled([
      store.createRun(run("good")),
      store.createRun(run("bad", { definition: "\u0000" })),
      store.createRun(run("other")),
    ]);
    expect([good?.status, bad?.status, other?.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await store.listRuns("t", 10)).map(({ id }) => id).sort()).toEqual(["good", "other"]);
  });

  test("who takes a run up waits for no stage that is being saved, and misses none", async () => {
    const url = await newUrl();
    await using first = await openPostgres({ url });
    await using second = await openPostgres({ url });
    for (let round = 0; round < 30; round++) {
      const id = `r${round}`;
      await first.createRun(run(id));
      const stages = Array.from({ length: 5 }, (_, index) => ({ stage: `s${index}`, record: "1" }));
      const [taken, ...saved] = await Promise.all([
        second.takeUpRuns(`b${round}`, 100),
        ...stages.map((stage) => first.saveStage(id, holding, stage)),
      ]);
      const got =
        taken.find((each) => each.id === id) ??
        (await second.takeUpRuns(`b${round}`, 100)).find((each) => each.id === id);
      // What was saved is in what was taken up, and nothing else is.
      expect(got?.stages.map(({ stage }) => stage)).toEqual(
        stages.map(({ stage }) => stage).filter((_, index) => saved[index] === "saved"),
      );
      await second.endRun(id, { owner: `b${round}`, generation: 1 }, { status: "succeeded", endedMs: 1 });
    }
  });

  test("gateways whose batches get into each other's way both come through", async () => {
    const url = await newUrl();
    await using first = await openPostgres({ url });
    await using second = await openPostgres({ url });
    for (let round = 0; round < 20; round++) {
      const keys = Array.from({ length: 8 }, (_, index) => `${round} ${index}`);
      const submit = (store: typeof first, side: string, order: readonly string[]) =>
        order.map((key) => store.createRun(run(`${side} ${key}`, { key })));
      const answers = await Promise.all([...submit(first, "a", keys), ...submit(second, "b", keys.toReversed())]);
      expect(answers.filter((answer) => answer === undefined)).toHaveLength(keys.length);
    }
  });

  test("while the database is away verbs are unavailable; once it is back they are carried out; nothing is half-written", async () => {
    await using store = await openPostgres({ url: await newUrl() });
    await store.createRun(run("r"));
    await server?.stop();
    await expect(store.createRun(run("away"))).rejects.toMatchObject({ name: "StoreFault", kind: "unavailable" });
    await expect(store.takeLease("l", "a", "", 1000)).rejects.toMatchObject({ kind: "unavailable" });
    await server?.start();
    await expect
      .poll(() => store.createRun(run("back")).catch(() => "not yet"), { timeout: 20_000 })
      .not.toBe("not yet");
    expect(await store.readRun("r")).toMatchObject({ id: "r" });
    expect((await store.listRuns("t", 10)).map(({ id }) => id).sort()).toEqual(["back", "r"]);
  });

  test("connections that are cut at any moment lose nothing that was acknowledged, and leave nothing half-written", async () => {
    await using cable = new Cable();
    const url = await newUrl();
    await using store = await openPostgres({ url: await cable.attach(url) });
    const acknowledged: string[] = [];
    let blocks = 0;
    const segment = (await store.beginSegment(1, 0)) ?? -1;
    for (let round = 0; round < 150; round++) {
      const ids = Array.from({ length: 10 }, (_, index) => `${round} ${index}`);
      // Listened to from the start: what is left of the last cut may refuse one before the next.
      const verbs = Promise.allSettled([
        ...ids.map((id) => store.createRun(run(id)).then(() => acknowledged.push(id))),
        store.appendJournal(1, { segment, index: blocks, lines: "x\n".repeat(1000) }).then(() => blocks++),
        store.takeLease("l", "a", "", 1e6),
        store.listRuns("t", 10),
      ]);
      for (let turn = 0; turn < round % 15; turn++) await new Promise(setImmediate);
      cable.cut();
      for (const { status, reason } of (await verbs) as { status: string; reason?: unknown }[])
        if (status === "rejected") expect(reason).toMatchObject({ kind: "unavailable" });
    }
    await using beside = await openPostgres({ url });
    const found = new Set((await beside.listRuns("t", 10_000)).map(({ id }) => id));
    expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(100);
    const [row] = await beside.listSegments();
    expect(row?.blocks).toBeGreaterThanOrEqual(blocks);
    expect((await beside.readSeals(segment))?.blocks).toHaveLength(row?.blocks ?? 0);
    expect(row?.bytes).toBe((row?.blocks ?? 0) * 2000);
  });

  test("what gets no answer is given up on, and a new connection is made", async () => {
    await using cable = new Cable();
    await using store = await openPostgres({ url: await cable.attach(await newUrl()) });
    await store.takeLease("l", "a", "", 100_000);
    cable.swallow(true);
    await expect(store.renewLease("l", "a", 1, 100_000)).rejects.toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("no answer for 2000 ms"),
    });
    cable.swallow(false);
    expect(await store.renewLease("l", "a", 1, 100_000)).toBe(true);
  });
});
