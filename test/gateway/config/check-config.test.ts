import { expect, test } from "vitest";
import { parseConfig } from "../../../src/gateway/config/parse-config.ts";
import { refusal } from "../../trace/documents.ts";

const minimal = "engines:\n  - kind: ollama\n    url: http://127.0.0.1:11434/\n";
const parse = (text: string): ReturnType<typeof parseConfig> => parseConfig(text, "fate.yaml");

const engine = (text: string): string => `engines:\n  - { kind: vllm, url: "http://10.0.0.1:8000", ${text} }\n`;
const people = "tenants: [{ id: research }]\n";
const hash = "0a".repeat(32);

test.each([
  ["an unknown section", `${minimal}quee: {}`, "line 4: quee: found an unknown key", "did you mean queue?"],
  ["an unknown key", engine("gpuz: 2"), "line 2: engines[0].gpuz: found an unknown key", "did you mean gpu?"],
  ["an unknown kind", "engines: [{ kind: vlm }]", 'line 1: engines[0].kind: found "vlm"', '"vllm" or "sglang"'],
  ["no engine", "policy: fate", "engines: found none", "at least one engine"],
  ["nothing at all", "", "engines: found none", "at least one engine"],
  ["a list", "[]", "found a list of 0", "a map with keys such as engines"],
  ["no YAML", "engines: [", "line 1:", "YAML"],
  [
    "a path in an address",
    "engines: [{ kind: ollama, url: http://h:1/v1 }]",
    'url: found "http://h:1/v1"',
    "without path",
  ],
  ["a password in an address", "engines: [{ kind: ollama, url: http://a:b@h:1 }]", "url: found", "user or password"],
  ["an address of something else", "engines: [{ kind: ollama, url: ftp://h:1 }]", "url: found", "http://"],
  ["an address with no such port", "engines: [{ kind: ollama, url: http://h:99999 }]", "url: found", "http://"],
  ["no address", "engines: [{ kind: vllm }]", "engines[0].url: found nothing", "where it listens"],
  [
    "one address twice",
    `${minimal}  - { kind: openai, url: "http://127.0.0.1:11434" }`,
    "line 4: engines[1].url",
    "no other",
  ],
  [
    "one id twice",
    `${engine("id: a")}  - { kind: ollama, url: "http://h:1", id: a }`,
    'engines[1].id: found "a" again',
    "",
  ],
  ["a port out of range", `${minimal}listen: { port: 65536 }`, "line 4: listen.port: found 65536", "0 to 65535"],
  ["an unknown policy", `policy: fat\n${minimal}`, 'line 1: policy: found "fat"', "did you mean fate?"],
  ["an unknown GPU", engine("gpu: h100-81g"), 'engines[0].gpu: found "h100-81g"', "did you mean h100-80g?"],
  [
    "an undescribed host",
    `hosts: [{ id: rack }]\n${engine("host: rak")}`,
    'engines[0].host: found "rak"',
    "did you mean rack?",
  ],
  ["a name that tells nothing", engine("models: [foo]"), 'line 2: engines[0].models[0]: found "foo"', "such as foo-8b"],
  [
    "an unknown likeness",
    `models: [{ id: foo, like: qwen3-8bb }]\n${minimal}`,
    "models[0].like",
    "did you mean qwen3-8b?",
  ],
  ["an alias twice", `models: [{ id: a, aliases: [b] }, { id: b }]\n${minimal}`, 'models[1].id: found "b" again', ""],
  [
    "a resident not served",
    engine("models: [qwen3-8b], resident: [qwen3-4b]"),
    "engines[0].resident[0]",
    "under models",
  ],
  ["too many residents", engine("resident: [qwen3-8b, qwen3-4b]"), "engines[0].resident: found 2", "maxResident, 1"],
  [
    "an unknown tenant",
    `keys: [{ id: k, sha256: ${hash}, tenant: reserch }]\n${people}${minimal}`,
    "keys[0].tenant",
    "research?",
  ],
  [
    "one key twice",
    `keys: [{ id: k, sha256: ${hash} }, { id: l, sha256: ${hash} }]\n${minimal}`,
    "keys[1].sha256",
    "its own",
  ],
  ["a key as such", `keys: [{ id: k, sha256: fk-secret }]\n${minimal}`, "keys[0].sha256", "`fate key`"],
  ["a pair without a partner", engine("role: prefill"), "engines[0].role: found prefill by nixl", "decode engine"],
  [
    "a role nobody can play",
    "engines: [{ kind: ollama, url: http://h:1, role: decode }]",
    "engines[0].role",
    "cannot hand over",
  ],
  ["a kind by almost its name", "engines: [{ kind: vlm }]", 'engines[0].kind: found "vlm"', "; did you mean vllm?"],
  ["a GPU by almost its name", engine("gpu: h1000"), "engines[0].gpu", "cpu; did you mean h100-80g?"],
  ["a GPU without its memory", engine("gpu: RTX4090"), "engines[0].gpu", "cpu; did you mean rtx-4090-24g?"],
  ["plain text", "engines", 'fate.yaml: found "engines"', "expected a map with keys such as engines"],
  ["an emulated engine of nothing", "engines: [{ kind: emulated }]", "engines[0].models: found none", "to serve"],
  ["a speed", engine("speed: 2"), "engines[0].speed: found 2", "emulated"],
  [
    "servers that cannot sleep",
    "engines: [{ kind: sglang, servers: [{ url: http://h:1, model: qwen3-8b }] }]",
    "servers",
    "vllm",
  ],
  [
    "a wait beyond the end",
    `${minimal}queue: { giveUpMs: 10 }`,
    "queue.hardestWaitMs: found 30000",
    "at most giveUpMs, 10",
  ],
  [
    "a tool twice",
    `${minimal}declared: { tools: [{ name: a, url: http://h/x }, { name: a, url: http://h/y }] }`,
    "tools[1]",
    "",
  ],
  [
    "several gateways over one file",
    `${minimal}replicas: { url: "http://10.0.0.1:7373" }`,
    "replicas: found several gateways over a store of kind sqlite",
    "store: { kind: postgres }",
  ],
  ["a socket that is none", engine("kvEvents: { endpoint: http://h:1 }"), "kvEvents.endpoint", "tcp://"],
  [
    "discovery with an address",
    'discovery: { dns: [{ name: n, port: 1, engine: { kind: vllm, url: "http://h:1" } }] }',
    "engine.url",
    "",
  ],
])("refuses %s", (_, text, where, expected) => {
  const message = refusal(() => parse(text));
  expect(message).toContain("fate.yaml: ");
  expect(message).toContain(where);
  expect(message).toContain(expected);
});

test("variables do not make a map of a file that is none", () => {
  expect(refusal(() => parseConfig("[1, 2]", "fate.yaml", { FATE_LISTEN_PORT: "0" }))).toBe(
    "fate.yaml: found a list of 2, expected a map with keys such as engines",
  );
});

test("listening beyond loopback asks for a key or for the word", () => {
  const open = `listen: { host: 0.0.0.0 }\n${minimal}`;
  expect(refusal(() => parse(open))).toBe(
    'fate.yaml: line 1: listen.host: found "0.0.0.0", which others can reach, and no keys, expected 127.0.0.1, or a key ' +
      "under keys (fate key makes one), or openWithoutKey: true if anyone may call",
  );
  expect(parse(`keys: [{ id: k, sha256: ${hash} }]\n${open}`).keys).toEqual([
    { id: "k", sha256: hash, tenant: "default" },
  ]);
  expect(parse(`listen: { host: "::", openWithoutKey: true }\n${minimal}`).listen.openWithoutKey).toBe(true);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "1", "127.0.0.1.example.com", "fate.local", "::2", "0:1"])
    expect(refusal(() => parse(`listen: { host: "${host}" }\n${minimal}`))).toContain("which others can reach");
  for (const host of ["localhost", "127.0.0.2", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"])
    expect(parse(`listen: { host: "${host}" }\n${minimal}`).listen.host).toBe(host);
});

const roles = (prefill: string, decode: string): string => `engines:
  - { url: "http://h:1", role: prefill, ${prefill} }
  - { url: "http://h:2", role: decode, ${decode} }`;

test.each([
  ["a pair that hands over in two ways", roles("kind: vllm", "kind: sglang"), "engines[0].role: found prefill by nixl"],
  [
    "nixl where it is not",
    roles("kind: sglang, handOff: nixl", "kind: vllm"),
    "engines[0].handOff: found nixl on sglang",
  ],
  ["bootstrap where it is not", engine("handOff: bootstrap"), "engines[0].handOff: found bootstrap on vllm"],
  ["a port for nothing", engine("bootstrapPort: 1"), "engines[0].bootstrapPort: found 1, expected handOff: bootstrap"],
  [
    "priorities that nobody takes",
    "engines: [{ kind: ollama, url: http://h:1, sendsPriority: true }]",
    "engines[0].sendsPriority: found priorities for ollama",
  ],
  [
    "events that nobody publishes",
    'engines: [{ kind: openai, url: http://h:1, kvEvents: { endpoint: "tcp://h:1" } }]',
    "engines[0].kvEvents: found kvEvents of openai",
  ],
  [
    "an address beside servers",
    engine("servers: [{ url: http://h:2, model: qwen3-8b }]"),
    "engines[0].url: found url and servers",
  ],
  [
    "files that nobody runs",
    engine("files: { qwen3-8b: x.gguf }"),
    "engines[0].files: found files of vllm, expected kind llama",
  ],
  ["a llama without a file", "engines: [{ kind: llama }]", "engines[0].files: found none"],
  [
    "a llama with an address",
    "engines: [{ kind: llama, url: http://h:1, files: { a-1b: x } }]",
    "engines[0].url: found url of llama",
  ],
  [
    "a model without a file",
    "engines: [{ kind: llama, files: { a-1b: x }, models: [b-1b] }]",
    'engines[0].models[0]: found "b-1b"',
  ],
  [
    "a server of a model not served",
    "engines: [{ kind: vllm, servers: [{ url: http://h:2, model: qwen3-8b }], models: [qwen3-4b] }]",
    'engines[0].servers[0].model: found "qwen3-8b"',
  ],
  [
    "two servers of a model",
    "engines: [{ kind: vllm, servers: [{ url: http://h:2, model: qwen3-8b }, { url: http://h:3, model: qwen3-8b }] }]",
    'engines[0].servers[1].model: found "qwen3-8b" again',
  ],
  ["a model twice", engine("models: [qwen3-8b, qwen3-8b]"), 'engines[0].models[1]: found "qwen3-8b" again'],
  [
    "an alias for a model",
    `models: [{ id: a-1b, aliases: [b] }]\n${engine("models: [b]")}`,
    'engines[0].models[0]: found "b", an alias for clients, expected a-1b',
  ],
  [
    "a look longer than the time between looks",
    `${minimal}health: { everyMs: 500 }`,
    "health.timeoutMs: found 1000, expected at most everyMs, 500",
  ],
])("refuses %s, and says so", (_, text, message) => {
  expect(refusal(() => parse(text))).toContain(message);
});

test("what may be a secret is not repeated", () => {
  for (const text of [
    `keys: [{ id: k, sha256: fk-secret }]\n${minimal}`,
    engine("apiKeyEnv: sk-secret"),
    "engines: [{ kind: ollama, url: http://a:secret@h:1 }]",
    `${minimal}traces: { endpoint: "http://a:secret@h:1/v1/traces" }`,
  ])
    expect(refusal(() => parse(text))).not.toContain("secret");
});
