import { expect, test } from "vitest";
import { parseArguments } from "../../src/cli/arguments.ts";
import { createDoctorCommand } from "../../src/cli/doctor.ts";
import type { Sight } from "../../src/gateway/adapter/adapter.ts";
import { EngineFault } from "../../src/gateway/adapter/engine-fault.ts";
import type { Surroundings } from "../../src/gateway/config/inspect/surroundings.ts";

const coded = (code: string): Error => Object.assign(new Error("no"), { code });
const startMs = Date.parse("2026-01-01T00:00:00Z");

type World = Partial<Surroundings> & {
  readonly files?: Readonly<Record<string, string>>;
  readonly sights?: Readonly<Record<string, Sight | Error>>;
  readonly disposed?: string[];
};

/** A world in which everything is as it should be, but for what a test says. */
function worldOf({ files = {}, sights = {}, disposed = [], ...rest }: World): Surroundings {
  return {
    env: {},
    read: (path) => (files[path] === undefined ? Promise.reject(coded("ENOENT")) : Promise.resolve(files[path])),
    createAdapter: (engine) => ({
      engine: engine.id,
      abilities: { loads: false, metrics: true, priorities: false },
      upstream: (model) => ({ origin: engine.url ?? "", model, headers: { authorization: "Bearer secret" } }),
      look: () => {
        const sight = sights[engine.id] ?? { models: engine.models.map(({ id }) => id), running: 0 };
        return sight instanceof Error ? Promise.reject(sight) : Promise.resolve(sight);
      },
      load: () => Promise.reject(new Error("not asked")),
      unload: () => Promise.reject(new Error("not asked")),
      [Symbol.asyncDispose]: () => {
        disposed.push(engine.id);
        return Promise.resolve();
      },
    }),
    probe: () => Promise.resolve({ status: 200, date: new Date(startMs).toUTCString() }),
    reach: () => Promise.resolve(),
    tryListen: () => Promise.resolve(),
    tryWrite: () => Promise.resolve(),
    tryRead: () => Promise.resolve(),
    resolve: () => Promise.resolve(["10.0.0.1"]),
    steadyMs: () => 0,
    epochMs: () => startMs,
    ...rest,
  };
}

async function doctor(world: Surroundings, ...words: readonly string[]): Promise<{ code: number; out: string }> {
  let out = "";
  const doctorCommand = createDoctorCommand(() => world);
  const { values, words: rest } = parseArguments(words, doctorCommand);
  const terminal = {
    out: (text: string) => (out += text),
    note: () => {},
    progress: () => {},
    endProgress: () => {},
    color: false,
    columns: Infinity,
    signal: new AbortController().signal,
    nowMs: () => 0,
  };
  return { code: (await doctorCommand.run({ values, words: rest, terminal })) ?? 0, out };
}

/** With one engine of kind vLLM, called `e`, and more keys of it. */
const one = (more = "", sections = ""): Record<string, string> => ({
  "fate.yaml": `engines: [{ id: e, kind: vllm, url: "http://10.0.0.9:8000", gpu: h100-80g, ${more} }]\n${sections}`,
});

test("a healthy gateway has nothing to mend", async () => {
  const disposed: string[] = [];
  const world = worldOf({ files: one("models: [qwen3-8b]"), disposed });
  expect(await doctor(world)).toEqual({
    code: 0,
    out: [
      "ok       fate.yaml: 1 engine, 1 model, policy foresight\n",
      "ok       access: 127.0.0.1:7373, for everyone on this machine\n",
      "ok       port: 7373 is free\n",
      "ok       journal: in the store\n",
      "ok       store: .fate/store.db\n",
      "ok       engine e: answers in 0 ms, has 1 model\n",
    ].join(""),
  });
  expect(disposed).toEqual(["e"]);
});

test("without a file it looks at the built-in configuration, whose engines need no looking at", async () => {
  const { code, out } = await doctor(worldOf({}));
  expect(code).toBe(0);
  expect(out).toContain("ok       the built-in configuration: 4 engines, 5 models, policy foresight\n");
  expect(out).toContain("ok       engine h200: emulated, which the gateway itself starts\n");
});

test("a file that cannot be used is told with all its faults, and nothing is asked", async () => {
  const world = worldOf({
    files: { "f.yaml": "seed: x\nengines: [{ kind: vlm }]\n" },
    tryListen: () => Promise.reject(coded("X")),
  });
  expect(await doctor(world, "--config", "f.yaml")).toEqual({
    code: 2,
    out:
      'refused  f.yaml: line 1: seed: found "x"; write a whole number from 0 to 4294967295\n' +
      'refused  f.yaml: line 2: engines[0].kind: found "vlm"; write "vllm" or "sglang" or "llama-cpp" or "ollama" or "openai" or "emulated" or "llama"; did you mean vllm?\n',
  });
  expect(await doctor(worldOf({}), "--config", "no.yaml")).toEqual({
    code: 2,
    out: "refused  no.yaml: found no such file; write a file that can be read\n",
  });
});

const faultOf = (kind: "unreachable" | "status"): EngineFault =>
  new EngineFault({ kind, engine: "e", request: "GET /v1/models", found: "status 404", expected: "models" });

const cases: readonly (readonly [name: string, world: World, line: string, code: number])[] = [
  ["a taken port", { tryListen: () => Promise.reject(coded("EADDRINUSE")) }, "fault    port: 7373 is taken; stop", 1],
  [
    "a port that a gateway holds",
    {
      tryListen: () => Promise.reject(coded("EADDRINUSE")),
      probe: (url) => Promise.resolve({ status: url === "http://127.0.0.1:7373/fate/status" ? 200 : 404 }),
    },
    "note     port: a gateway already serves at 7373; a second one needs",
    0,
  ],
  [
    "a port that a gateway with keys holds, on all addresses",
    {
      files: one("", "listen: { host: '::', openWithoutKey: true }"),
      tryListen: () => Promise.reject(coded("EADDRINUSE")),
      probe: (url) => Promise.resolve({ status: url === "http://[::1]:7373/fate/status" ? 401 : 404 }),
    },
    "note     port: a gateway already serves at 7373",
    0,
  ],
  [
    "a taken port at which nobody answers",
    { tryListen: () => Promise.reject(coded("EADDRINUSE")), probe: () => Promise.reject(coded("ECONNRESET")) },
    "fault    port: 7373 is taken; stop",
    1,
  ],
  [
    "a port of the system",
    { tryListen: () => Promise.reject(coded("EACCES")) },
    "fault    port: 7373 is not for this user",
    1,
  ],
  [
    "a foreign address",
    { tryListen: () => Promise.reject(coded("EADDRNOTAVAIL")) },
    "fault    port: cannot listen on 127.0.0.1 (EADDRNOTAVAIL)",
    1,
  ],
  [
    "a journal that cannot be",
    { files: one("", "journal: { path: .fate/journal.ndjson }"), tryWrite: () => Promise.reject(coded("EACCES")) },
    "fault    journal: .fate/journal.ndjson cannot be written (EACCES)",
    1,
  ],
  [
    "a store that cannot be",
    { files: one(), tryWrite: () => Promise.reject(coded("EACCES")) },
    "fault    store: .fate/store.db cannot be written (EACCES); set store.path, or its rights",
    1,
  ],
  [
    "a store of another program",
    { files: one(), tryStore: () => Promise.reject(new Error(".fate/store.db: made by another program")) },
    "fault    store: .fate/store.db: made by another program\n",
    1,
  ],
  [
    "a store that is not there yet",
    {
      files: one(),
      tryRead: () => Promise.reject(coded("ENOENT")),
      tryStore: () => Promise.reject(new Error("asked")),
    },
    "ok       store: .fate/store.db\n",
    0,
  ],
  [
    "a database that lets nobody in",
    {
      env: { DATABASE_URL: "postgres://u:secret@db/d" },
      files: one(),
      tryStore: () => Promise.reject(new Error("the Postgres database: password authentication failed")),
    },
    "fault    store: the Postgres database: password authentication failed\n",
    1,
  ],
  [
    "a store in memory",
    { files: one("", "store: { kind: memory }") },
    "note     store: in memory: declared workflows end with the process",
    0,
  ],
  [
    "a database",
    { env: { DATABASE_URL: "postgres://u:secret@db/d" }, files: one() },
    "ok       store: db:5432 answers\n",
    0,
  ],
  [
    "a database that is away",
    {
      env: { DATABASE_URL: "postgres://u:secret@[::1]:9/d" },
      files: one(),
      reach: () => Promise.reject(coded("ECONNREFUSED")),
    },
    "fault    store: nothing answers at ::1:9 (ECONNREFUSED); start it, or mend DATABASE_URL\n",
    1,
  ],
  [
    "another database",
    { env: { DATABASE_URL: "mysql://u:secret@db/d" }, files: one() },
    "fault    store: DATABASE_URL holds no address of a database; postgres://USER:PASSWORD@HOST/DATABASE\n",
    1,
  ],
  [
    "replicas without their key",
    { env: { DATABASE_URL: "postgres://db/d" }, files: one("", 'replicas: { url: "http://10.0.0.1:7373" }') },
    "refused  fate.yaml: line 2: replicas.keyEnv: found FATE_REPLICAS_KEY, which is not set; write a variable that is set",
    2,
  ],
  ["no journal", { files: one("", "journal: { write: false }") }, "note     journal: none is written", 0],
  [
    "a missing variable",
    { files: one("apiKeyEnv: KEY") },
    "refused  fate.yaml: line 1: engines[0].apiKeyEnv: found KEY, which is not set; write a variable that is set to the key of engine e\n",
    2,
  ],
  [
    "a variable whose key cannot be sent",
    { env: { KEY: "secret secret" }, files: one("apiKeyEnv: KEY") },
    "refused  fate.yaml: line 1: engines[0].apiKeyEnv: found KEY, which holds spaces or other odd characters; write",
    2,
  ],
  [
    "a database without an address",
    { files: one("", "store: { kind: postgres }") },
    "refused  fate.yaml: line 2: store.urlEnv: found DATABASE_URL, which is not set; write a variable that is set",
    2,
  ],
  [
    "a header of a tool that is not sent for want of a variable",
    { files: one("", 'declared: { tools: [{ name: t, url: "http://t.test/", headersFromEnv: { x-key: KEY } }] }') },
    "fault    tool t: the variable KEY is not set; export KEY=...\n",
    1,
  ],
  [
    "an emulated engine with room for none of its models",
    { files: { "fate.yaml": "engines:\n  - { kind: emulated, gpu: rtx-4090-24g, models: [llama-3.1-70b] }" } },
    "refused  fate.yaml: line 2: engines[0].models: found llama-3.1-70b, which does not fit on the 1 x rtx-4090-24g of engine emulated; write a smaller model",
    2,
  ],
  [
    "an engine without its key",
    { files: one("apiKeyEnv: KEY") },
    "note     engine e: not asked, as its key is missing",
    2,
  ],
  [
    "a variable with a typing error",
    { env: { FATE_LISTEN_PROT: "1" } },
    "warning  variable FATE_LISTEN_PROT: it has no meaning; did you mean FATE_LISTEN_PORT?",
    0,
  ],
  [
    "an open gateway",
    { files: one("", "listen: { host: 0.0.0.0, openWithoutKey: true }") },
    "warning  access: 0.0.0.0:7373, for anyone who can reach it, without a key",
    0,
  ],
  [
    "a tenant without a key",
    { files: one("", `tenants: [{ id: t }]\nkeys: [{ id: k, sha256: ${"0a".repeat(32)} }]`) },
    "note     tenant t: no key belongs to it",
    0,
  ],
  [
    "keys of several tenants, none an operator's",
    {
      files: one(
        "",
        `tenants: [{ id: t }]\nkeys: [{ id: k, sha256: ${"0a".repeat(32)} }, { id: l, sha256: ${"0b".repeat(32)}, tenant: t }]`,
      ),
    },
    "note     page: it shows nobody what goes on; mark an operator's key operator: true",
    0,
  ],
  [
    "an engine that is away",
    { sights: { e: coded("ECONNREFUSED") } },
    "fault    engine e: no answer at http://10.0.0.9:8000 (ECONNREFUSED); start it",
    1,
  ],
  [
    "an engine that is not there",
    { sights: { e: faultOf("unreachable") } },
    "fault    engine e: no answer at http://10.0.0.9:8000",
    1,
  ],
  [
    "an engine of another kind",
    { sights: { e: faultOf("status") } },
    "fault    engine e: http://10.0.0.9:8000 answers unlike vllm (GET /v1/models: status 404)",
    1,
  ],
  [
    "a model that is not there",
    { files: one("models: [{ id: qwen3-8b, as: q }]"), sights: { e: { models: ["qwen3-4b"] } } },
    "fault    engine e: it does not have qwen3-8b (as q)",
    1,
  ],
  [
    "a model that is not named",
    { files: one("models: [qwen3-8b]"), sights: { e: { models: ["qwen3-8b", "x"] } } },
    "note     engine e: it also has x",
    0,
  ],
  ["no models", { sights: { e: { models: [] } } }, "warning  engine e: it has no models", 0],
  [
    "a resident that is not",
    { files: one("models: [qwen3-8b], resident: [qwen3-8b]"), sights: { e: { models: ["qwen3-8b"], resident: [] } } },
    "note     engine e: qwen3-8b is not loaded now",
    0,
  ],
  [
    "what it holds",
    { sights: { e: { models: ["a-8b"], resident: ["a-8b"] } } },
    "ok       engine e: answers in 0 ms, holds a-8b",
    0,
  ],
  ["no load figures", { sights: { e: { models: ["a-8b"] } } }, "note     engine e: it tells no load figures", 0],
  ["a clock behind", { epochMs: () => startMs + 12_000 }, "warning  engine e: its clock is 12 s behind", 0],
  ["a clock ahead", { epochMs: () => startMs - 7000 }, "warning  engine e: its clock is 7 s ahead", 0],
  [
    "no KV events",
    { files: one('kvEvents: { endpoint: "tcp://10.0.0.9:5557" }'), reach: () => Promise.reject(coded("ECONNREFUSED")) },
    "fault    engine e: no KV events at tcp://10.0.0.9:5557 (ECONNREFUSED)",
    1,
  ],
  [
    "too little memory",
    { files: one("models: [llama-3.1-405b]") },
    "note     assumed: engine e: what it serves takes",
    0,
  ],
  [
    "an assumption of what it shows",
    { sights: { e: { models: ["acme-8b"] } } },
    "note     assumed: model acme-8b: taken for 8 billion parameters",
    0,
  ],
  [
    "a model nobody can serve",
    { files: one("models: [qwen3-8b]", "models: [{ id: qwen3-4b }]") },
    "warning  model qwen3-4b: no engine can serve it",
    0,
  ],
  [
    "a name that does not resolve",
    {
      files: one("", "discovery: { dns: [{ name: n, port: 1, engine: { kind: vllm } }] }"),
      resolve: () => Promise.reject(coded("ENOTFOUND")),
    },
    "fault    discovery: n does not resolve (ENOTFOUND)",
    1,
  ],
  [
    "engines of a name",
    { files: one("", "discovery: { dns: [{ name: n, port: 1, engine: { kind: vllm } }] }") },
    "ok       engine n@10.0.0.1:1: answers",
    0,
  ],
  [
    "a discovery file that is away",
    { files: one("", "discovery: { file: m.yaml }") },
    "fault    discovery: m.yaml cannot be read (ENOENT)",
    1,
  ],
  [
    "a discovery file with a fault",
    { files: { ...one("", "discovery: { file: m.yaml }"), "m.yaml": "engines: [{ kind: vllm }]" } },
    "fault    discovery: m.yaml: line 1: engines[0].url: found nothing",
    1,
  ],
  [
    "engines of a file",
    {
      files: {
        ...one("", "discovery: { file: m.yaml }"),
        "m.yaml": 'engines: [{ id: f, kind: vllm, url: "http://h:1" }]',
      },
    },
    "ok       engine f: answers",
    0,
  ],
  [
    "a model file that is away",
    {
      files: { "fate.yaml": "engines: [{ kind: llama, files: { x-1b: x.gguf } }]" },
      tryRead: () => Promise.reject(coded("ENOENT")),
    },
    "fault    engine llama: x.gguf cannot be read (ENOENT)",
    1,
  ],
];

test("an engine whose files are away is not said to be well", async () => {
  const files = { "fate.yaml": "engines: [{ kind: llama, files: { x-1b: x.gguf, y-1b: y.gguf } }]" };
  const tryRead = (path: string): Promise<void> =>
    path === "x.gguf" ? Promise.reject(coded("ENOENT")) : Promise.resolve();
  const { out } = await doctor(worldOf({ files, tryRead }));
  expect(out.split("\n").filter((line) => line.includes("engine llama"))).toEqual([
    "fault    engine llama: x.gguf cannot be read (ENOENT); mend the path or its rights",
  ]);
});

test.each(cases)("%s", async (_, world, line, code) => {
  const found = await doctor(worldOf({ files: one(), ...world }));
  expect(found.out).toContain(line);
  expect(found.code).toBe(code);
  expect(found.out).not.toContain("secret");
});

test("a server that cannot sleep is named by its model, whether it looks well or not", async () => {
  const files = {
    "fate.yaml":
      'engines: [{ id: e, kind: vllm, servers: [{ url: "http://h:1", model: qwen3-8b }, { url: "http://h:2", model: qwen3-4b }] }]',
  };
  const probe: Surroundings["probe"] = (url) =>
    Promise.resolve({ status: url === "http://h:2/is_sleeping" ? 404 : 200 });
  const line = "fault    engine e: the server of qwen3-4b cannot sleep (status 404); start it with --enable-sleep-mode";
  for (const sights of [{}, { e: coded("ECONNREFUSED") }]) {
    const { out, code } = await doctor(worldOf({ files, probe, sights }));
    expect(out.split("\n").filter((each) => each.startsWith(line))).toHaveLength(1);
    expect(code).toBe(1);
  }
});

test("a slow look is told, by the steady clock", async () => {
  let nowMs = 0;
  const { out } = await doctor(worldOf({ files: one(), steadyMs: () => (nowMs += 900) }));
  expect(out).toContain("engine e: a look takes 900 ms");
});

test("variables that are set are no matter, and an assumption is told once", async () => {
  const files = one("apiKeyEnv: KEY, models: [acme-8b]");
  const { out, code } = await doctor(worldOf({ files, env: { KEY: "secret" } }));
  expect(code).toBe(0);
  expect(out).not.toContain("KEY");
  expect(out.match(/assumed: model acme-8b/g)).toHaveLength(1);
});

test("--json has the same findings", async () => {
  const { out } = await doctor(worldOf({ files: one("models: [qwen3-8b]") }), "--json");
  expect(JSON.parse(out)).toContainEqual({ level: "fine", about: "port", what: "7373 is free" });
});
