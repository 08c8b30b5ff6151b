import { expect, test } from "vitest";
import { embeddedConfig } from "../../../src/gateway/config/embedded.ts";
import { loadConfig, loadConfigToServe } from "../../../src/gateway/config/load-config.ts";
import { toCluster } from "../../../src/gateway/config/to-cluster.ts";
import { dag, run } from "../../support/build.ts";
import { createHoldings } from "../../../src/model/holding.ts";

const files: Readonly<Record<string, string>> = {
  "fate.yaml": "engines: [{ kind: ollama, url: http://127.0.0.1:11434 }]",
  "other.yaml": "engines: [{ kind: vllm, url: http://127.0.0.1:8000 }]",
};
const missing = (code: string): NodeJS.ErrnoException => Object.assign(new Error("no"), { code });
const readOf =
  (known: Readonly<Record<string, string>>, code = "ENOENT") =>
  (path: string): Promise<string> =>
    known[path] === undefined ? Promise.reject(missing(code)) : Promise.resolve(known[path]);

test("the named file, else fate.yaml, else the built-in configuration", async () => {
  const kinds = async (...options: Parameters<typeof loadConfig>): Promise<readonly string[]> =>
    (await loadConfig(...options)).engines.map(({ kind }) => kind);
  expect(await kinds({ path: "other.yaml", env: {}, read: readOf(files) })).toEqual(["vllm"]);
  expect(await kinds({ env: {}, read: readOf(files) })).toEqual(["ollama"]);
  expect(await kinds({ env: {}, read: readOf({}) })).toEqual(["emulated", "emulated", "emulated", "emulated"]);
  expect(await kinds({ env: { FATE__ENGINES__0__KIND: "openai" }, read: readOf(files) })).toEqual(["openai"]);
});

test("a file that is named must be there, and one that is there must be readable", async () => {
  await expect(loadConfig({ path: "no.yaml", env: {}, read: readOf(files) })).rejects.toThrow(
    "no.yaml: found no such file, expected a file that can be read",
  );
  await expect(loadConfig({ env: {}, read: readOf({}, "EACCES") })).rejects.toThrow(
    "fate.yaml: found a file that this user may not read",
  );
});

test("a gateway does not start with a file whose variables are not set; others may read it", async () => {
  const read = readOf({ "fate.yaml": "engines:\n  - { kind: ollama, url: http://127.0.0.1:11434, apiKeyEnv: KEY }" });
  expect((await loadConfig({ env: {}, read })).engines).toHaveLength(1);
  await expect(loadConfigToServe({ env: {}, read })).rejects.toThrow(
    "fate.yaml: line 2: engines[0].apiKeyEnv: found KEY, which is not set, expected a variable that is set to the key of engine ollama",
  );
  expect(await loadConfigToServe({ env: { KEY: "k" }, read })).toMatchObject({ where: "fate.yaml" });
  const set = { FATE__ENGINES__0__API_KEY_ENV: "OTHER", KEY: "k" };
  await expect(loadConfigToServe({ env: set, read })).rejects.toThrow(
    "environment: FATE__ENGINES__0__API_KEY_ENV: found OTHER, which is not set",
  );
});

test("nor with an emulated engine that has room for nothing it is to serve", async () => {
  const read = readOf({
    "fate.yaml": "engines:\n  - { kind: emulated, gpus: 2, models: [llama-3.1-405b, qwen3-235b-a22b] }",
  });
  await expect(loadConfigToServe({ env: {}, read })).rejects.toThrow(
    "fate.yaml: line 2: engines[0].models: found llama-3.1-405b, qwen3-235b-a22b, of which none fits on the 2 x h100-80g of engine emulated, expected a smaller model",
  );
});

test("the built-in cluster leaves something to schedule", () => {
  const config = embeddedConfig();
  const { cluster, models, assumptions } = toCluster(config);
  expect(assumptions).toEqual([]);
  expect(models).toHaveLength(5);
  const holdings = createHoldings(cluster, models);
  expect(holdings).toHaveLength(4);
  for (const { engine, memoryBytes, models: held } of holdings) {
    expect([...held.keys()]).toEqual(engine.models);
    const together = [...held.values()].reduce((sum, { footprintBytes }) => sum + footprintBytes, 0);
    expect(together).toBeGreaterThan(memoryBytes);
  }
  for (const { id } of models) expect(holdings.filter(({ models: held }) => held.has(id)).length).toBeGreaterThan(1);
  // Every context fits wherever its model may run.
  for (const { models: held } of holdings)
    for (const [id, { kvCapacityTokens }] of held)
      expect(kvCapacityTokens).toBeGreaterThanOrEqual(
        config.models.find((model) => model.id === id)?.contextTokens ?? 0,
      );
  expect(new Set(config.engines.map(({ speed }) => speed))).toEqual(new Set([20]));
});

test("the policy that is the default serves all five models on the built-in cluster, by the laws", () => {
  const { cluster, models } = toCluster(embeddedConfig());
  const ids = models.map(({ id }) => id);
  const drawn = dag(`${ids.map((_, index) => `s${index}`).join(", ")} -> merge`, (id) => ({
    model: ids[Number(id.slice(1))] ?? "llama-3.1-8b",
  }));
  const { events } = run({ workflows: [drawn], cluster, models, policy: "fate" });
  const served = events.flatMap((event) => (event.kind === "stage-end" ? [event.stage] : []));
  expect(served).toHaveLength(6);
});
