/** Engines found by a name and in a file. */

import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { toEngineAt, watchDns } from "../../../src/gateway/adapter/discovery-dns.ts";
import { watchEngineFile } from "../../../src/gateway/adapter/discovery-file.ts";
import type { EngineConfig } from "../../../src/gateway/config/config.ts";
import { createHandTimers } from "./hand-timers.ts";
import { engine } from "./scripted-server.ts";

const refused = (code: string): Error => Object.assign(new Error("dns"), { code });

test("addresses come and go; a failure changes nothing", async () => {
  const timers = createHandTimers();
  const log: unknown[] = [];
  const answers = [
    ["10.0.0.2", "10.0.0.1", "10.0.0.1", "fd00::1"],
    refused("ENOTFOUND"),
    [],
    ["10.0.0.2", "10.0.0.3"],
    ["10.0.0.3", "10.0.0.2"],
    ["fd00::1"],
  ];
  using watch = watchDns({
    config: { name: "vllm.svc", everyMs: 100 },
    resolve: () => {
      const answer = answers.shift();
      return answer instanceof Error
        ? Promise.reject(answer)
        : ((answer && Promise.resolve(answer)) ?? new Promise(() => {}));
    },
    onChange: (change) => log.push(change),
    onFault: (reason) => log.push(reason),
    timers,
  });
  await timers.pass(250);
  expect(watch.addresses()).toEqual(["10.0.0.1", "10.0.0.2"]);
  await timers.pass(20_000);
  expect(log).toEqual([
    { added: ["10.0.0.1", "10.0.0.2"], removed: [] },
    "vllm.svc: found ENOTFOUND, expected its addresses",
    "vllm.svc: found no address, expected at least one",
    { added: ["10.0.0.3"], removed: ["10.0.0.1"] },
    { added: ["fd00::1"], removed: ["10.0.0.2", "10.0.0.3"] },
    "vllm.svc: found no answer within 10000 ms, expected its addresses",
  ]);
  watch[Symbol.dispose]();
  expect(timers.waiting()).toBe(0);
});

test("an engine at an address", () => {
  const pattern = { engine: engine({ id: "pool" }), port: 8000 };
  expect(toEngineAt(pattern, "10.0.0.1")).toMatchObject({ id: "pool@10.0.0.1:8000", url: "http://10.0.0.1:8000" });
  const secure = { engine: engine({ id: "pool", url: "https://x" }), port: 443 };
  expect(toEngineAt(secure, "fd00::1")).toMatchObject({ id: "pool@[fd00::1]:443", url: "https://[fd00::1]:443" });
});

function parseIds(text: string, path: string): readonly EngineConfig[] {
  if (text.includes("!")) throw new Error(`${path}: line 1: found "!", expected ids`);
  return text.split(/\s+/).flatMap((word) => {
    const [id = "", gpu = "h100"] = word.split(":");
    return id === "" ? [] : [engine({ id, gpu })];
  });
}

test("a file is read again when it changes; a bad one changes nothing", async () => {
  const timers = createHandTimers();
  const log: unknown[] = [];
  let text: string | Error = refused("ENOENT");
  let reads = 0;
  let onEvent = (): void => {};
  let closed = false;
  const watch = watchEngineFile({
    path: "engines.yaml",
    parse: parseIds,
    timers,
    read: () => (reads++, text instanceof Error ? Promise.reject(text) : Promise.resolve(text)),
    watch: (_, call) => ((onEvent = call), { [Symbol.dispose]: () => (closed = true) }),
    onChange: ({ added, removed }) => log.push([added.map(({ id }) => id), removed]),
    onFault: (reason) => log.push(reason),
  });
  const write = async (next: string): Promise<void> => {
    text = next;
    for (let event = 0; event < 5; event++) onEvent();
    await timers.pass(1000);
  };
  await timers.pass(1000);
  await write("a b");
  expect(reads).toBe(2);
  await write("a !");
  await write("a !");
  await write("a b");
  await write("b:a100 c");
  expect(watch.engines().map(({ id }) => id)).toEqual(["b", "c"]);
  // Nobody tells of this change, but after half a minute the file is read anyway.
  text = "c";
  await timers.pass(31_000);
  expect(log).toEqual([
    "dns",
    [["a", "b"], []],
    'engines.yaml: line 1: found "!", expected ids',
    [
      ["b", "c"],
      ["a", "b"],
    ],
    [[], ["b"]],
  ]);
  await watch[Symbol.asyncDispose]();
  onEvent();
  expect([closed, timers.waiting()]).toEqual([true, 0]);
});

test("a real file that another takes the place of", async () => {
  const folder = mkdtempSync(join(tmpdir(), "engines-"));
  try {
    const path = join(folder, "engines.yaml");
    writeFileSync(path, "a");
    const changes: EngineConfig["id"][][] = [];
    let tell = (): void => {};
    const next = (): Promise<void> => new Promise((resolve) => (tell = resolve));
    let told = next();
    await using watch = watchEngineFile({
      path,
      parse: parseIds,
      onChange: ({ added }) => {
        changes.push(added.map(({ id }) => id));
        tell();
      },
      onFault: (reason) => changes.push([reason]),
    });
    await told;
    told = next();
    writeFileSync(`${path}.new`, "a b");
    renameSync(`${path}.new`, path);
    await told;
    expect(changes).toEqual([["a"], ["b"]]);
    expect(watch.engines()).toHaveLength(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
