import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { parseArguments } from "../../src/cli/arguments.ts";
import { runCommand } from "../../src/cli/run.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { createOwnership } from "../../src/gateway/declared/ownership.ts";
import { fate } from "../cli/support.ts";
import { createHandTime } from "../gateway/declared/hand-time.ts";
import { serve } from "../gateway/declared/serve.ts";
import { world, type Reply } from "../gateway/declared/support.ts";

const folder = mkdtempSync(join(tmpdir(), "fate-run-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "workflow.yaml");
writeFileSync(
  file,
  `inputs: { topic: null, depth: 1 }
stages:
  - { id: a, kind: llm, model: big, prompt: "{{ inputs.topic }} {{ inputs.depth }}" }
  - { id: b, kind: llm, model: big, prompt: "no", when: "inputs.depth > 5" }
  - { id: c, kind: llm, model: big, prompt: "{{ stages.a.text }}{{ stages.b.text }}" }
`,
);

type Ran = { readonly code: number; readonly out: string; readonly notes: readonly string[] };

async function run(words: readonly string[], change: Partial<Terminal> = {}): Promise<Ran> {
  let out = "";
  const notes: string[] = [];
  const terminal: Terminal = {
    out: (text) => void (out += text),
    note: (line) => void notes.push(line),
    progress: () => {},
    endProgress: () => {},
    color: false,
    columns: Infinity,
    signal: new AbortController().signal,
    nowMs: () => 0,
    ...change,
  };
  const code = await runCommand.run({ ...parseArguments(words, runCommand), terminal });
  return { code: code ?? 0, out, notes };
}

const echo = ({ text }: { readonly text: string }): Reply => `<${text}>`;

test("a workflow is run and followed; a single result is printed as it is", async () => {
  await using served = await serve(world(echo).options);
  const inputs = ["--input", "topic=green tea", "--input", "depth=2"];
  const { code, out, notes } = await run([file, ...inputs, "--url", served.url]);
  expect([code, out]).toEqual([0, "<<green tea 2>>\n"]);
  expect(notes).toEqual([
    "workflow run-1",
    "  a starts on e0",
    "  b is skipped",
    "  a ended after 0.0 s, 10 tokens in, 13 out",
    "  c starts on e0",
    "  c ended after 0.0 s, 10 tokens in, 15 out",
  ]);
});

test("--json prints the whole run, and a failed one ends with code 1", async () => {
  await using served = await serve(world(() => 400).options);
  const words = [file, "--input", "topic=tea", "--url", served.url];
  const { code, out } = await run([...words, "--json"]);
  expect([code, JSON.parse(out)]).toMatchObject([1, { status: "failed", error: { stage: "a" } }]);
  expect((await run(words)).out).toBe("failed: the engine answered 400: no\n");
});

test("an interrupt cancels the workflow", async () => {
  const made = world(() => new Promise<string>(() => {}));
  await using served = await serve(made.options);
  const abort = new AbortController();
  const note = (line: string): void => {
    if (line === "  a starts on e0") abort.abort();
  };
  const running = run([file, "topic=tea", "--url", served.url], { signal: abort.signal, note });
  await expect(running).rejects.toThrow("aborted");
  expect(made.driver.told.at(-1)).toBe("cancel");
});

test.each<[readonly string[], string]>([
  [[file], "inputs.topic: found null, expected a value: this input must be given"],
  [
    [file, "topic=a", "topci=b"],
    "inputs.topci: found an input that nothing reads, expected one of topic, depth; did you mean topic?",
  ],
  [[file, "topic"], 'found "topic", expected an input such as topic=tea'],
  [[file, "topic=a", "topic=b"], "the input topic is given twice"],
  [[join(folder, "nowhere.yaml")], "found no such file, expected a readable file"],
])("%s is refused before anything is sent", async (words, message) => {
  await expect(run([...words, "--url", "http://127.0.0.1:9"])).rejects.toThrow(message);
});

test("what only the gateway can tell, and a gateway that is not there", async () => {
  const served = await serve({ ...world(echo).options, models: () => [] });
  const words = [file, "topic=a", "--url", served.url];
  await expect(run(words)).rejects.toThrow("expected a model that this gateway knows (none)");
  await served[Symbol.asyncDispose]();
  await expect(run(words)).rejects.toThrow("; fate serve starts one");
});

test.each([
  [undefined, "wants a key, found no key: FATE_TEST_KEY is not set"],
  ["wrong", "wants a key, found the key in FATE_TEST_KEY, which is none of its keys"],
])(
  "with the key %s, a gateway that wants one leads to the variable that is read, and nothing else",
  async (key, message) => {
    const gateway = createServer((_, response) => response.writeHead(401).end('{"error":{"message":"No."}}'));
    await once(gateway.listen(0, "127.0.0.1"), "listening");
    vi.stubEnv("FATE_TEST_KEY", key);
    const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    const { code, out, notes } = await fate("run", file, "topic=a", "--url", url, "--key-env", "FATE_TEST_KEY");
    vi.unstubAllEnvs();
    gateway.close();
    expect([code, out, notes]).toEqual([1, "", `fate: the gateway at ${url} ${message}\n`]);
  },
);

test("a gateway that is not there is no fault of fate's", async () => {
  const { code, notes } = await fate("run", file, "topic=a", "--url", "http://127.0.0.1:9");
  expect([code, notes]).toEqual([1, "fate: no gateway answers at http://127.0.0.1:9; fate serve starts one\n"]);
});

test("a workflow is followed over a restart of the gateway, and what is done is not done again", async () => {
  const time = createHandTime();
  const store = createMemoryStore({ nowMs: () => time.nowUs() / 1000 });
  const lease = (owner: string) =>
    createOwnership({ store, time, owner, address: () => "http://127.0.0.1", leaseMs: 1000 });
  const first = world(({ text }) => (text === "tea 1" ? "x" : new Promise<string>(() => {})));
  const owner = lease("a");
  await owner.start();
  const served = await serve({ ...first.options, store, ownership: owner });
  const begun = Promise.withResolvers<void>();
  const notes: string[] = [];
  const note = (line: string): void => {
    notes.push(line);
    if (line.includes("c starts")) begun.resolve();
  };
  const running = run([file, "topic=tea", "--url", served.url], { note });
  await begun.promise;
  await served[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();

  const next = lease("b");
  await next.start();
  const second = world(() => "y");
  await using again = await serve({ ...second.options, store, ownership: next }, Number(new URL(served.url).port));
  expect(await again.declared.recover()).toBe(1);
  const { code, out } = await running;
  expect([code, out]).toEqual([0, "y\n"]);
  expect(second.caller.calls).toHaveLength(1);
  expect(notes.filter((line) => line.startsWith("fate: waits"))).toHaveLength(1);
});
