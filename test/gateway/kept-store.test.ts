import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/gateway/config/parse-config.ts";
import { layGround, type Ground } from "../../src/gateway/ground.ts";
import { openKeptStore } from "../../src/gateway/kept-store.ts";
import { StoreFault } from "../../src/store/store.ts";

/** A port at which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A gateway's ground on which waiting takes no time. */
async function groundOf(store: string, url?: string): Promise<{ ground: Ground; lines: string[]; waits: number[] }> {
  const env = { DATABASE_URL: url ?? `postgres://fate:secret@127.0.0.1:${await freePort()}/fate` };
  const engines = `engines: [{ id: e, kind: vllm, url: "http://127.0.0.1:9", gpu: h100-80g }]`;
  const lines: string[] = [];
  const waits: number[] = [];
  const laid = layGround(parseConfig(`${engines}\nstore: ${store}`, "test", env), env, (line) => lines.push(line));
  let passedUs = 0;
  const after: Ground["time"]["after"] = (ms, what) => {
    waits.push(ms);
    passedUs += ms * 1000;
    queueMicrotask(what);
    return { stop: () => {} };
  };
  return { ground: { ...laid, time: { ...laid.time, nowUs: () => passedUs, after } }, lines, waits };
}

const faultOf = (opening: Promise<unknown>): Promise<unknown> =>
  opening.then(
    () => expect.unreachable("it was opened"),
    (error: unknown) => error,
  );

test("a database that is not there is asked for again for half a minute, and then it is told what to do", async () => {
  const { ground, lines, waits } = await groundOf("{ kind: postgres }");
  const fault = await faultOf(openKeptStore(ground, new AbortController().signal));
  expect(fault).toBeInstanceOf(StoreFault);
  expect(fault).toMatchObject({ kind: "unavailable" });
  expect(String(fault)).toMatch(/ECONNREFUSED.*\(tried for 30 s\); start the database, or mend its address$/);
  expect(waits).toEqual(Array.from({ length: 30 }, () => 1000));
  expect(lines.filter((line) => line.includes("store-unavailable"))).toHaveLength(30);
  expect(`${lines.join("")}${String(fault)}`).not.toContain("secret");
});

test("whoever waits for a database can be told to stop", async () => {
  const { ground, waits } = await groundOf("{ kind: postgres }");
  expect(await faultOf(openKeptStore(ground, AbortSignal.abort()))).toMatchObject({ kind: "unavailable" });
  expect(waits).toEqual([]);
});

test("what is wrong otherwise is told at once", async () => {
  const { ground, waits } = await groundOf("{ kind: postgres }", "mysql://127.0.0.1/fate");
  expect(await faultOf(openKeptStore(ground, new AbortController().signal))).toMatchObject({ kind: "broken" });
  expect(waits).toEqual([]);
});
