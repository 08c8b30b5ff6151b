import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { examineConfig, parseConfig } from "../../../src/gateway/config/parse-config.ts";
import { attempt, broken } from "../../trace/documents.ts";
import { configDocument } from "./documents.ts";
import { portionOf } from "../../support/portion.ts";

const minimal = "engines:\n  - kind: ollama\n    url: http://127.0.0.1:11434/\n";
const parse = (text: string): ReturnType<typeof parseConfig> => parseConfig(text, "fate.yaml");

test("three lines are enough, and everything else has its default", () => {
  expect(parse(minimal)).toStrictEqual({
    listen: { host: "127.0.0.1", port: 7373, openWithoutKey: false },
    policy: "foresight",
    seed: 1,
    keys: [],
    tenants: [{ id: "default", maxOpen: 2048, priority: 0 }],
    hosts: [
      {
        id: "local",
        loadBytesPerSecond: 5e9,
        loadLatencyUs: 800_000,
        localBytesPerSecond: 20e9,
        nicBytesPerSecond: 10e9,
      },
    ],
    models: [],
    engines: [
      {
        id: "ollama",
        kind: "ollama",
        url: "http://127.0.0.1:11434",
        servers: [],
        host: "local",
        gpu: "unknown",
        gpus: 1,
        role: "both",
        models: [],
        resident: [],
        maxResident: 3,
        maxSequences: 1,
        memoryShare: 0.9,
        labels: [],
        sendsPriority: false,
        speed: 1,
        files: {},
      },
    ],
    discovery: { dns: [] },
    queue: { maxWaiting: 1024, hardestWaitMs: 30_000, giveUpMs: 120_000 },
    limits: {
      bodyBytes: 32 * 2 ** 20,
      heldBytes: 2 ** 30,
      bodyValues: 1_000_000,
      headerBytes: 16 * 2 ** 10,
      connections: 2048,
      slowClientMs: 30_000,
      stallMs: 120_000,
      answerMs: 7_200_000,
    },
    identity: { idleMs: 300_000, maxWorkflows: 10_000, maxStages: 512 },
    planning: { inPlaceStages: 4, debounceMs: 2, deadlineMs: 250 },
    health: { everyMs: 2000, timeoutMs: 1000, failures: 3, openMs: 10_000 },
    journal: { to: "store", maxBytes: 32 * 2 ** 20, keep: 32 },
    store: {
      kind: "sqlite",
      path: ".fate/store.db",
      urlEnv: "DATABASE_URL",
      keepRuns: 10_000,
      keepDays: 30,
      journalBytes: 2 ** 30,
    },
    declared: { maxOpen: 256, maxStages: 1000, maxItems: 10_000, maxEdges: 50_000, tools: [] },
    metrics: true,
    traces: { headersFromEnv: {}, serviceName: "fate", ratio: 1 },
    log: { level: "info", format: "text" },
  });
});

test.each(["examples/fate.yaml", "examples/fate-home.yaml"])("%s reads", (file) => {
  expect(examineConfig(readFileSync(file, "utf8"), file).faults).toEqual([]);
});

test("engines of one kind are numbered, and take no name that is given", () => {
  const { engines } = parse(`engines:
  - { kind: vllm, url: "http://10.0.0.1:8000" }
  - { kind: vllm, url: "http://10.0.0.2:8000" }
  - { kind: openai, id: vllm-2, url: "http://10.0.0.3:8000" }`);
  expect(engines.map(({ id }) => id)).toEqual(["vllm", "vllm-3", "vllm-2"]);
});

test("an address tells its host, and loopback is the machine itself", () => {
  const { engines, hosts } = parse(`hosts: [{ id: gpu-box, nicBytesPerSecond: 1e9 }]
engines:
  - { kind: vllm, url: "http://localhost:8000" }
  - { kind: vllm, url: "http://[::1]:8001" }
  - { kind: vllm, url: "http://GPU-box:8000" }
  - { kind: vllm, url: "http://[fd00::7]:8000" }`);
  expect(engines.map(({ host }) => host)).toEqual(["local", "local", "gpu-box", "fd00--7"]);
  expect(hosts.map(({ id, nicBytesPerSecond }) => [id, nicBytesPerSecond])).toEqual([
    ["gpu-box", 1e9],
    ["local", 10e9],
    ["fd00--7", 10e9],
  ]);
});

test("models that engines name are there with what their names tell", () => {
  const { models, engines } = parse(`models: [{ id: mine, like: qwen3-8b, aliases: [yours] }]
engines:
  - kind: vllm
    url: http://10.0.0.1:8000
    models: [mine, { id: llama-3.1-8b, as: meta-llama/Llama-3.1-8B }, nomic-embed-text-137m]`);
  expect(models.map(({ id, like, embeds }) => [id, like, embeds])).toEqual([
    ["mine", "qwen3-8b", false],
    ["llama-3.1-8b", "llama-3.1-8b", false],
    ["nomic-embed-text-137m", undefined, true],
  ]);
  expect(engines[0]?.models.map(({ as }) => as)).toEqual(["mine", "meta-llama/Llama-3.1-8B", "nomic-embed-text-137m"]);
});

test("servers in sleep mode and files tell the models", () => {
  const { engines } = parse(`engines:
  - kind: vllm
    servers: [{ url: "http://10.0.0.1:1", model: llama-3.1-8b }, { url: "http://10.0.0.1:2", model: qwen3-8b }]
  - { kind: llama, files: { tiny-1b: models/tiny.gguf } }`);
  expect(
    engines.map(({ models, maxResident, host, gpu }) => [models.map(({ id }) => id), maxResident, host, gpu]),
  ).toEqual([
    [["llama-3.1-8b", "qwen3-8b"], 1, "10.0.0.1", "unknown"],
    [["tiny-1b"], 1, "local", "cpu"],
  ]);
});

test("a pair hands over as its servers do", () => {
  const { engines } = parse(`engines:
  - { kind: sglang, role: prefill, url: "http://10.0.0.1:1" }
  - { kind: sglang, role: decode, url: "http://10.0.0.2:1" }`);
  expect(engines.map(({ handOff, bootstrapPort }) => [handOff, bootstrapPort])).toEqual([
    ["bootstrap", 8998],
    ["bootstrap", undefined],
  ]);
});

test.each([
  ["", { to: "store" }],
  ["journal: { write: false }", { to: "none" }],
  ["journal: { path: j }", { to: "file", path: "j" }],
  ["store: { kind: memory }", { to: "file", path: ".fate/journal.ndjson" }],
  ["journal: { write: false, path: j }", { to: "none" }],
])("where the journal goes: %s", (more, goes) => {
  expect(parse(`${minimal}${more}`).journal).toStrictEqual({ maxBytes: 32 * 2 ** 20, keep: 32, ...goes });
});

test("all sections and entries tell their faults at once", () => {
  const { faults } = examineConfig(
    "seed: x\nengines:\n  - kind: vlm\n  - { kind: vllm, gpus: 0 }\n  - { kind: ollama, url: http://h:1 }\nlgo: 1\nlog: { level: loud }\n",
    "fate.yaml",
  );
  expect(faults.map(({ place }) => place)).toEqual([
    "line 6: lgo",
    "line 1: seed",
    "line 3: engines[0].kind",
    "line 4: engines[1].gpus",
    "line 7: log.level",
  ]);
});

test("what stands behind an alias is found where it is written", () => {
  const text = "engines:\n  - &one\n    kind: vllm\n    url: http://h:1\n    gpu: x\n  - *one\n";
  const { faults } = examineConfig(text, "fate.yaml");
  expect(faults.map(({ place }) => place)).toEqual([
    "line 4: engines[1].url",
    "line 5: engines[0].gpu",
    "line 5: engines[1].gpu",
  ]);
});

test("all clashes come at once", () => {
  const { faults } = examineConfig("policy: x\nengines: [{ kind: vllm, gpu: x, host: x }]\n", "fate.yaml");
  expect(faults.map(({ place }) => place)).toEqual([
    "line 1: policy",
    "line 2: engines[0].url",
    "line 2: engines[0].host",
    "line 2: engines[0].gpu",
  ]);
});

test("drawn documents parse; broken ones parse or have faults with a place and what to write", () => {
  fc.assert(
    fc.property(configDocument, broken(configDocument), (good, bad) => {
      expect(examineConfig(JSON.stringify(good), "f").faults).toEqual([]);
      const { config, faults } = examineConfig(JSON.stringify(bad), "f");
      expect(config === undefined).toBe(faults.length > 0);
      for (const { expected, found } of faults) expect(Math.min(expected.length, found.length)).toBeGreaterThan(0);
      expect(attempt(() => parseConfig(JSON.stringify(bad), "f")).ok).toBe(config !== undefined);
    }),
    { numRuns: portionOf(150) },
  );
});

test("any text is a configuration or an InputError", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `${minimal}${text}`),
      ),
      (text) => {
        attempt(() => parseConfig(text, "f"));
      },
    ),
    { numRuns: portionOf(200) },
  );
});
