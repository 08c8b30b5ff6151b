import { PassThrough } from "node:stream";
import type { ServerResponse } from "node:http";
import { request } from "undici";
import { describe, expect, test } from "vitest";
import { generateKey, hashKey } from "../../../src/gateway/config/keys.ts";
import { createJournalStream } from "../../../src/gateway/http/journal-stream.ts";
import { JournalParser } from "../../../src/journal/parse.ts";
import type { JournalEvent } from "../../../src/model/event.ts";
import { createRenumber } from "../../../src/view/renumber.ts";
import { createScene } from "../../../src/view/scene/scene.ts";
import { explainPlace } from "../../../src/view/scene/why.ts";
import { chat, chatPath, send } from "./client.ts";
import { engine, entryOf, openBench } from "./gateway.ts";

describe("GET /fate/journal", () => {
  test("tells what is open and then what happens, as a journal of its own", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")]);
    for (let call = 0; call < 5; call++) await send(bench.url, chatPath, chat(`Hello. ${"word ".repeat(300)}`));
    const stream = await follow(`${bench.url}/fate/journal`);
    await send(bench.url, chatPath, chat(`Hello. ${"word ".repeat(300)}`));
    const events = await stream.until(({ kind }) => kind === "decode-end");
    expect(events.filter(({ kind }) => kind === "workflow-arrive")).toHaveLength(1);
    const scene = createScene(stream.header(), events);
    expect(scene.header).toMatchObject({ clock: "wall", policy: bench.gateway.status().policy });
    expect(
      scene.lanes.engines.flatMap(({ lanes }) => lanes.flat()).some(({ activity }) => activity === "prefill"),
    ).toBe(true);
    for (const event of events) {
      if (event.kind !== "stage-place") continue;
      const chosen = explainPlace(scene.tape, event.sequence)?.candidates.filter((candidate) => candidate.chosen) ?? [];
      expect(chosen.map(({ engine: id, cost }) => [id, cost])).toEqual(
        event.shares.map(({ engine: id, cost }) => [id, cost]),
      );
    }
    stream.close();
    await bench.idle();
  });

  test("ends when the world is another, so that whoever looks on begins again", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")]);
    const stream = await follow(`${bench.url}/fate/journal`);
    await bench.gateway.reload(bench.config([entryOf(one, "other")]));
    await stream.end();
    const again = await follow(`${bench.url}/fate/journal`);
    expect(again.header().cluster.engines.map(({ id }) => id)).toEqual(["other"]);
    again.close();
  });

  test("asks for a key where the gateway has keys, and lets no page of another site in", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], `keys: [{ id: me, sha256: ${hashKey(generateKey())} }]`);
    expect((await send(bench.url, "/fate/journal")).status).toBe(401);
    expect((await send(bench.url, "/fate/journal", {}, {}, "POST")).status).toBe(405);
    await using open = await openBench([entryOf(one, "one")]);
    expect((await send(open.url, "/fate/journal", undefined, { origin: "http://evil.example" })).status).toBe(403);
  });
});

describe("of those who look on", () => {
  test("one that does not read is cut off, and told nothing more", () => {
    let tell: (lines: string) => void = () => {};
    let stopped = 0;
    const stream = createJournalStream((take) => {
      tell = take;
      take("x".repeat(1000));
      return () => void (stopped += 1);
    });
    const slow = fakeResponse();
    stream(slow);
    for (let piece = 0; piece < 20 && !slow.destroyed; piece++) tell("y".repeat(1024 * 1024));
    expect(slow.destroyed).toBe(true);
    slow.emit("close");
    expect(stopped).toBe(1);
  });

  test("there are so many at most, and a place is free again when one leaves", () => {
    const stream = createJournalStream(() => () => {});
    const all = Array.from({ length: 17 }, () => fakeResponse());
    for (const response of all) stream(response);
    expect(all.map(({ statusCode }) => statusCode)).toEqual([...Array.from({ length: 16 }, () => 200), 503]);
    all[0]?.emit("close");
    const next = fakeResponse();
    stream(next);
    expect(next.statusCode).toBe(200);
  });
});

/** What is used of a response, over a pipe that nobody reads. */
function fakeResponse(): ServerResponse {
  const pipe = new PassThrough({ highWaterMark: 1 });
  return Object.assign(pipe, {
    statusCode: 0,
    headersSent: false,
    writeHead(this: { statusCode: number }, status: number) {
      this.statusCode = status;
    },
  }) as unknown as ServerResponse;
}

/** Reads along; positions are those of the gateway's own journal, so they are counted anew. */
async function follow(url: string) {
  const answer = await request(url);
  expect(answer.statusCode).toBe(200);
  const parser = new JournalParser("live");
  const chunks = answer.body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const events: JournalEvent[] = [];
  const renumber = createRenumber();
  const read = async (): Promise<boolean> => {
    const { done, value } = await chunks.next();
    if (done === true) return false;
    parser.feed(renumber(value.toString("utf8")), (event) => events.push(event));
    return true;
  };
  await read();
  return {
    header: () => {
      if (parser.header === undefined) throw new Error("no header came");
      return parser.header;
    },
    until: async (wanted: (event: JournalEvent) => boolean) => {
      while (!events.some(wanted) && (await read()));
      return events;
    },
    end: async () => {
      while (await read());
    },
    close: () => void answer.body.destroy(),
  };
}
