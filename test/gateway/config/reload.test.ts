import { expect, test } from "vitest";
import type { Config } from "../../../src/gateway/config/config.ts";
import { parseConfig } from "../../../src/gateway/config/parse-config.ts";
import { compareConfigs } from "../../../src/gateway/config/reload.ts";

const parse = (text = "", engines = '{ kind: ollama, url: "http://h:1" }'): Config =>
  parseConfig(`engines: [${engines}]\n${text}`, "fate.yaml");
const sentences = (before: Config, after: Config): readonly string[] =>
  compareConfigs(before, after).changes.map(({ sentence }) => sentence);

test("nothing changes where nothing has changed", () => {
  expect(compareConfigs(parse(), parse())).toEqual({ changes: [], next: parse(), needsRestart: false });
});

test("engines come, go and change while others stay", () => {
  const before = parse("", '{ id: a, kind: vllm, url: "http://h:1" }, { id: b, kind: vllm, url: "http://h:2" }');
  const after = parse(
    "",
    '{ id: b, kind: vllm, url: "http://h:2", gpus: 2 }, { id: c, kind: vllm, url: "http://h:3" }',
  );
  const { changes, next, needsRestart } = compareConfigs(before, after);
  expect(changes.map(({ section, id, kind, live }) => [section, id, kind, live])).toEqual([
    ["engines", "a", "removed", true],
    ["engines", "c", "added", true],
    ["engines", "b", "changed", true],
  ]);
  expect(changes.map(({ sentence }) => sentence)).toEqual([
    "engine a: leaves; calls that run there end there, those that wait go elsewhere",
    "engine c: is new",
    "engine b: gpus is 2, was 1",
  ]);
  expect(next).toEqual(after);
  expect(needsRestart).toBe(false);
});

test.each([
  ["policy: greedy-finish", "policy: foresight gives way to greedy-finish with the next plan"],
  ["queue: { maxWaiting: 5 }", "queue: maxWaiting is 5, was 1024"],
  ["limits: { bodyBytes: 2048, stallMs: 7 }", "limits: bodyBytes is 2048, was 33554432; stallMs is 7, was 120000"],
  ["planning: { debounceMs: 0 }", "planning: debounceMs is 0, was 2"],
  [
    "health: { failures: 5 }",
    "health: failures is 5, was 3; engines that are watched already keep theirs until they change or leave",
  ],
  ["tenants: [{ id: t }]", "tenant t: is new"],
  ["hosts: [{ id: other }]", "host other: is new"],
  ["models: [{ id: qwen3-8b }]", "model qwen3-8b: is new"],
  ["discovery: { file: more.yaml }", "discovery: file is more.yaml, was not set"],
])("%s is taken over", (text, sentence) => {
  const { changes, next, needsRestart } = compareConfigs(parse(), parse(text));
  expect(changes.map((change) => change.sentence)).toEqual([sentence]);
  expect(needsRestart).toBe(false);
  expect(next).toEqual(parse(text));
});

test.each([
  ["listen: { port: 1 }", "listen: port is 1, was 7373; the port stays open as it is until a restart"],
  [
    "journal: { path: j }",
    "journal: to is file, was store; path is j, was not set; the journal goes on where it is until a restart",
  ],
  ["seed: 2", "seed: is 2, was 1; luck is drawn from the old seed until a restart"],
  [
    "identity: { maxStages: 5 }",
    "identity: maxStages is 5, was 512; sessions are told apart as before until a restart",
  ],
  [
    "declared: { maxOpen: 1 }",
    "declared: maxOpen is 1, was 256; declared workflows keep their bounds and tools until a restart",
  ],
  [
    "traces: { endpoint: http://h:1/x }",
    "traces: endpoint is http://h:1/x, was not set; spans go where they went until a restart",
  ],
  ["store: { keepRuns: 5 }", "store: keepRuns is 5, was 10000; what is kept stays where it is until a restart"],
  ["log: { level: debug }", "log: level is debug, was info; the log stays as it is until a restart"],
  ["limits: { connections: 9 }", "limits: connections is 9, was 2048; connections stay as they are until a restart"],
  ["metrics: false", "metrics: is false, was true; /metrics stays as it is until a restart"],
])("%s waits for a restart", (text, sentence) => {
  const { changes, next, needsRestart } = compareConfigs(parse(), parse(text));
  expect(changes.map((change) => change.sentence)).toEqual([sentence]);
  expect(needsRestart).toBe(true);
  expect(next).toEqual(parse());
});

test("a key is told by its id, never by its hash", () => {
  const keyed = (digit: string): Config => parse(`keys: [{ id: k, sha256: ${digit.repeat(64)} }]`);
  expect(sentences(keyed("a"), keyed("b"))).toEqual(["key k: has changed"]);
  expect(sentences(keyed("a"), parse())).toEqual(["key k: is no longer valid"]);
});

test("engines in another order are a change, since order decides ties", () => {
  const [a, b] = ['{ id: a, kind: vllm, url: "http://h:1" }', '{ id: b, kind: vllm, url: "http://h:2" }'];
  expect(sentences(parse("", `${a}, ${b}`), parse("", `${b}, ${a}`))).toEqual(["engines: stand in another order"]);
});
