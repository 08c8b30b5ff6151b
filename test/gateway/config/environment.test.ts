import fc from "fast-check";
import { expect, test } from "vitest";
import { examineConfig, parseConfig } from "../../../src/gateway/config/parse-config.ts";
import { attempt, refusal } from "../../trace/documents.ts";

const file = "engines: [{ kind: ollama, url: http://127.0.0.1:11434 }]\nqueue: { maxWaiting: 5 }\n";
const parse = (env: Record<string, string | undefined>): ReturnType<typeof parseConfig> =>
  parseConfig(file, "fate.yaml", env);

test("short names go over the file", () => {
  const config = parse({
    FATE_LISTEN_HOST: "localhost",
    FATE_LISTEN_PORT: "0",
    FATE_POLICY: "greedy-finish",
    FATE_SEED: "7",
    FATE_JOURNAL: "7.ndjson",
    FATE_LOG_LEVEL: "debug",
    FATE_LOG_FORMAT: "json",
    FATE_DEBUG: "1",
    PATH: "/bin",
  });
  expect(config.listen).toEqual({ host: "localhost", port: 0, openWithoutKey: false });
  expect([config.policy, config.seed, config.journal.path, config.log]).toEqual([
    "greedy-finish",
    7,
    "7.ndjson",
    { level: "debug", format: "json" },
  ]);
});

test("every key has a name, lists by position, maps by key", () => {
  const config = parse({
    FATE__QUEUE__MAX_WAITING: "2048",
    FATE__QUEUE__giveupms: "60000",
    FATE__ENGINES__0__GPU: "l4-24g",
    FATE__ENGINES__0__MODELS: "[llama-3.1-8b, { id: qwen3-8b, as: q }]",
    FATE__ENGINES__0__MODELS__1__AS: "other",
    FATE__ENGINES__1__KIND: "emulated",
    FATE__ENGINES__1__MODELS: "[qwen3-8b]",
    FATE__DECLARED__TOOLS: "[{ name: t, url: http://h/x }]",
    FATE__DECLARED__TOOLS__0__HEADERS_FROM_ENV__authorization: "TOKEN",
    FATE__METRICS: "false",
  });
  expect(config.queue).toEqual({ maxWaiting: 2048, hardestWaitMs: 30_000, giveUpMs: 60_000 });
  expect(config.engines.map(({ id, gpu, models }) => [id, gpu, models.map(({ as }) => as)])).toEqual([
    ["ollama", "l4-24g", ["llama-3.1-8b", "other"]],
    ["emulated", "h100-80g", ["qwen3-8b"]],
  ]);
  expect(config.declared.tools[0]?.headersFromEnv).toEqual({ authorization: "TOKEN" });
  expect(config.metrics).toBe(false);
});

test("a database's address makes its kind the default, wherever it stands", () => {
  const kind = (env: Record<string, string>, store = ""): string => parseConfig(`${file}${store}`, "f", env).store.kind;
  const env = { DATABASE_URL: "postgres://h/d" };
  expect([kind({}), kind(env), kind({ DATABASE_URL: "" })]).toEqual(["sqlite", "postgres", "sqlite"]);
  expect(kind(env, "store: { kind: memory }\n")).toBe("memory");
  expect(kind({ ...env, FATE__STORE__KIND: "sqlite" })).toBe("sqlite");
  expect(kind({ OTHER: "postgres://h/d" }, "store: { urlEnv: OTHER }\n")).toBe("postgres");
  const { replicas } = parseConfig(`${file}replicas: { url: "http://10.0.0.1:7373/" }\n`, "f", env);
  expect(replicas).toEqual({ url: "http://10.0.0.1:7373", leaseMs: 2000, keyEnv: "FATE_REPLICAS_KEY" });
  expect(parse({}).replicas).toBeUndefined();
});

test("a short name goes over a long one, whichever is at fault", () => {
  expect(parse({ FATE_SEED: "2", FATE__SEED: "1" }).seed).toBe(2);
  const { faults } = examineConfig(file, "fate.yaml", { FATE_SEED: "x", FATE__SEED: "1" });
  expect(faults.map(({ place }) => place)).toEqual(["FATE_SEED"]);
});

test.each([
  [
    { FATE_LISTEN_PORT: "http" },
    'environment: FATE_LISTEN_PORT: found "http", expected a whole number from 0 to 65535',
  ],
  [{ FATE_POLICY: "fat" }, 'environment: FATE_POLICY: found "fat", expected a policy'],
  [
    { FATE__QUEUE__MAX_WATING: "1" },
    "environment: FATE__QUEUE__MAX_WATING: found an unknown key MAX_WATING, expected one",
  ],
  [{ FATE__QUEUE__MAX_WATING: "1" }, "did you mean MAX_WAITING?"],
  [{ FATE__QUEUE: "5" }, "environment: FATE__QUEUE: found 5, expected an object"],
  [{ FATE__ENGINES__2__KIND: "vllm" }, "environment: FATE__ENGINES__2__KIND: found 2, expected a position from 0 to 1"],
  [{ FATE__SEED__X: "1" }, "environment: FATE__SEED__X: found a key X below a plain value"],
  [{ FATE__: "1" }, "environment: FATE__: found an unknown key"],
  [{ FATE__HOSTS: "[" }, "environment: FATE__HOSTS: found a fault"],
  [
    { FATE__KEYS: "[{ id: k, sha256: fk-secret }]" },
    "environment: FATE__KEYS: keys[0].sha256: found text of 9 characters",
  ],
  [{ FATE__ENGINES__1__URL: "http://h:1" }, "environment: FATE__ENGINES__1__URL: engines[1].kind: found nothing"],
  [{ FATE__ENGINES__0__PORT: "x" }, "environment: FATE__ENGINES__0__PORT: found an unknown key PORT"],
])("%j is refused by its name", (env, message) => {
  const faults = examineConfig(file, "fate.yaml", env).faults.map((error) => error.message);
  expect(faults.join("\n")).toContain(message);
});

test("a fault of the file keeps its line beside those of variables", () => {
  const { faults } = examineConfig(`${file}seed: x\n`, "fate.yaml", { FATE_LISTEN_PORT: "x" });
  expect(faults.map(({ place }) => place)).toEqual(["FATE_LISTEN_PORT", "line 3: seed"]);
});

test("any variable is taken or refused", () => {
  const word = fc.constantFrom(
    "QUEUE",
    "MAX_WAITING",
    "ENGINES",
    "0",
    "1",
    "URL",
    "MODELS",
    "__proto__",
    "constructor",
    "",
  );
  const name = fc.array(word, { maxLength: 4 }).map((words) => `FATE__${words.join("__")}`);
  fc.assert(
    fc.property(fc.dictionary(name, fc.oneof(fc.string(), fc.json()), { maxKeys: 3 }), (env) => {
      attempt(() => parse(env));
    }),
    { numRuns: 200 },
  );
  expect(refusal(() => parse({ FATE__ENGINES__0__FILES____proto__: "x" }))).toContain(
    "FATE__ENGINES__0__FILES____proto__",
  );
});
