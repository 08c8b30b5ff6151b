import fc from "fast-check";
import { expect, test } from "vitest";
import { parse as parseYamlText } from "yaml";
import { readFileSync } from "node:fs";
import { parseClusterFile, readCluster } from "../../src/trace/cluster-file.ts";
import { attempt, broken, type Json, refusal } from "./documents.ts";
import { portionOf } from "../support/portion.ts";

const example = parseYamlText(readFileSync("examples/cluster.yaml", "utf8")) as Json;

/** Two hosts with two devices each and an engine on every device, changed by the test. */
function small(change: (cluster: SmallCluster) => void): string {
  const host = (id: string): SmallHost => ({
    id,
    loadBytesPerSecond: 1e9,
    localBytesPerSecond: 1e9,
    nicBytesPerSecond: 1e9,
  });
  const cluster: SmallCluster = {
    version: 1,
    id: "c",
    hosts: [host("h0"), host("h1")],
    devices: ["h0", "h0", "h1", "h1"].map((on, index) => ({ id: `d${index}`, host: on, gpu: "a100-80g" })),
    engines: [0, 1, 2, 3].map((index) => ({ id: `e${index}`, devices: [`d${index}`] })),
  };
  change(cluster);
  return JSON.stringify(cluster);
}

type SmallHost = { id: string; loadBytesPerSecond: number; localBytesPerSecond: number; nicBytesPerSecond: number } & {
  zone?: string;
};
type SmallCluster = {
  version: number;
  id: string;
  hosts: SmallHost[];
  devices: { id: string; host: string; gpu: string }[];
  engines: Record<string, unknown>[];
  links?: unknown[];
  zones?: unknown[];
  gpus?: unknown[];
};

const parse = (text: string): ReturnType<typeof parseClusterFile> => parseClusterFile(text, "c.json");

test("the example reads", () => {
  const cluster = readCluster("examples/cluster.yaml");
  expect(cluster.gpus.map((gpu) => gpu.id)).toEqual(["h100-80g", "l40s-48g"]);
  expect(cluster.engines.map((engine) => engine.resident)).toEqual([["llama-3.1-8b", "phi-4-14.7b"], ["embed-1.2b"]]);
});

test("what is left out has its default", () => {
  const cluster = parse(small(() => undefined));
  expect(cluster.engines[0]).toStrictEqual({
    id: "e0",
    devices: ["d0"],
    role: "both",
    batching: { kind: "batched", maxSequences: 256, prefillTokens: 8192, chunkedPrefill: true },
    resident: [],
    maxResident: 1,
    memoryShare: 0.9,
    labels: [],
  });
  expect({ links: cluster.links, zones: cluster.zones }).toEqual({ links: [], zones: [] });
  expect(cluster).not.toHaveProperty("version");
});

test("contention is left out unless said, and is one of two words", () => {
  const said = (contention: string): string => small((cluster) => Object.assign(cluster, { contention }));
  expect(parse(small(() => undefined))).not.toHaveProperty("contention");
  expect(parse(said("none")).contention).toBe("none");
  expect(refusal(() => parse(said("fair")))).toBe('c.json: contention: found "fair", expected "serial" or "none"');
});

test("models of the workload are known too", () => {
  const text = small(({ engines }) => Object.assign(engines[0] ?? {}, { resident: ["mine"] }));
  const mine = { id: "mine", weightBytes: 1e9, activeParameters: 1e9, layers: 1, hiddenSize: 1 };
  const model = { ...mine, attentionHeads: 1, headSize: 1, kvBytesPerToken: 1, precision: "bf16" } as const;
  expect(refusal(() => parse(text))).toContain(
    'engines[0].resident[0]: found "mine", expected a model of the catalogue',
  );
  expect(attempt(() => parseClusterFile(text, "c.json", [model])).ok).toBe(true);
});

const engine = (change: Record<string, unknown>): string =>
  small(({ engines }) => Object.assign(engines[0] ?? {}, change));

test("an engine may mix models, if it batches", () => {
  const batching = { kind: "batched", mixesModels: true };
  expect(parse(engine({ batching })).engines[0]?.batching).toEqual({
    kind: "batched",
    maxSequences: 256,
    prefillTokens: 8192,
    chunkedPrefill: true,
    mixesModels: true,
  });
  expect(refusal(() => parse(engine({ batching: { ...batching, kind: "exclusive" } })))).toContain(
    "engines[0].batching.mixesModels",
  );
  expect(refusal(() => parse(engine({ batching: { ...batching, mixesModels: "yes" } })))).toContain(
    'engines[0].batching.mixesModels: found "yes"',
  );
});

test.each([
  [
    "an unknown host",
    small(({ devices }) => Object.assign(devices[1] ?? {}, { host: "h2" })),
    'devices[1].host: found "h2", expected a host',
  ],
  [
    "an unknown GPU",
    small(({ devices }) => Object.assign(devices[0] ?? {}, { gpu: "a100-40g" })),
    'devices[0].gpu: found "a100-40g", expected a GPU kind of the catalogue or of gpus; did you mean a100-80g?',
  ],
  ["an unknown zone", small(({ hosts }) => Object.assign(hosts[0] ?? {}, { zone: "z" })), 'hosts[0].zone: found "z"'],
  ["an unknown device", engine({ devices: ["d9"] }), 'engines[0].devices[0]: found "d9", expected a device'],
  [
    "a group over two hosts",
    engine({ devices: ["d0", "d2"] }),
    "engines[0].devices[1]: found d2 on h1, expected a device on h0",
  ],
  [
    "an engine twice",
    small(({ engines }) => engines.push({ id: "e0", devices: ["d0"] })),
    'engines[4].id: found "e0" again',
  ],
  [
    "a device sold twice",
    small(({ engines }) => engines.push({ id: "e4", devices: ["d0"] })),
    "engines[4].memoryShare: found 1.8 of d0",
  ],
  [
    "a link twice",
    small((cluster) => (cluster.links = [0, 1].map(() => ({ from: "h0", to: "h1", bytesPerSecond: 1 })))),
    "links[1]: found a second link from h0 to h1",
  ],
  [
    "a link to itself",
    small((cluster) => (cluster.links = [{ from: "h0", to: "h0", bytesPerSecond: 1 }])),
    "links[0]: found a link from h0 to itself",
  ],
  [
    "several residents without KV memory",
    engine({ maxResident: 2 }),
    "engines[0].kvBytes: found nothing, expected KV memory",
  ],
  [
    "more residents than may be",
    engine({ resident: ["embed-1.2b", "llama-3.1-8b"] }),
    "engines[0].resident: found 2 models, expected at most maxResident, 1",
  ],
  ["residents that do not fit", engine({ resident: ["llama-3.1-70b"] }), "engines[0].resident: found 14"],
  [
    "an allowed model that does not fit",
    engine({ models: ["llama-3.1-70b"] }),
    "engines[0].models[0]: found llama-3.1-70b, 14",
  ],
  [
    "a resident that may not be",
    engine({ models: ["embed-1.2b"], resident: ["llama-3.1-8b"] }),
    "engines[0].resident[0]: found llama-3.1-8b, expected a model that `models`",
  ],
  ["prefill without decode", engine({ role: "prefill" }), "engines[0].role: found prefill without any decode engine"],
  ["decode without prefill", engine({ role: "decode" }), "engines[0].role: found decode without any prefill engine"],
  [
    "no rate",
    small(({ hosts }) => Object.assign(hosts[0] ?? {}, { nicBytesPerSecond: 0 })),
    "hosts[0].nicBytesPerSecond: found 0, expected a number above 0",
  ],
])("refuses %s", (_, text, message) => {
  expect(refusal(() => parse(text))).toContain(`c.json: ${message}`);
});

test("a group of different GPUs is refused", () => {
  const mixed = small(({ devices, engines }) => {
    Object.assign(devices[1] ?? {}, { gpu: "h100-80g" });
    Object.assign(engines[0] ?? {}, { devices: ["d0", "d1"] });
  });
  expect(refusal(() => parse(mixed))).toContain("engines[0].devices[1]: found d1, a h100-80g, expected a a100-80g");
});

test("a fault in a file of several lines has its line, of shape and of sense", () => {
  const lines = JSON.stringify(
    JSON.parse(small(({ devices }) => void Object.assign(devices[1] ?? {}, { host: "h2" }))),
    undefined,
    2,
  );
  const at = lines.split("\n").findIndex((line) => line.includes('"h2"')) + 1;
  expect(refusal(() => parse(lines))).toBe(
    `c.json: line ${at}: devices[1].host: found "h2", expected a host; did you mean h0?`,
  );
  expect(refusal(() => parseClusterFile("version: 1\nid: c\nhosts: []\n", "c.yaml"))).toMatch(
    /^c\.yaml: line 3: hosts: found 0 entries/,
  );
});

test("a zone keeps models out", () => {
  const zoned = small((cluster) => {
    cluster.zones = [{ id: "z", models: ["embed-1.2b"] }];
    Object.assign(cluster.hosts[0] ?? {}, { zone: "z" });
    Object.assign(cluster.engines[0] ?? {}, { resident: ["llama-3.1-8b"] });
  });
  expect(refusal(() => parse(zoned))).toContain(
    "engines[0].resident[0]: found llama-3.1-8b, expected a model that zone z allows",
  );
});

test("a broken document is a cluster or an InputError", () => {
  fc.assert(
    fc.property(broken(fc.constant(example)), (document) => {
      attempt(() => parse(JSON.stringify(document)));
    }),
    { numRuns: portionOf(2000) },
  );
});
