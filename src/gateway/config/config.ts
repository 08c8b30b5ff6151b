/** What a gateway is told: the whole of `fate.yaml`, checked, with every default filled in. */

import type { EngineRole } from "../../model/cluster.ts";
import type { EngineId, HostId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { StoreKind } from "../../store/store.ts";

export type Config = {
  readonly listen: ListenConfig;
  /** A name of the policy table. */
  readonly policy: string;
  /** Decides the policy's luck. */
  readonly seed: number;
  /** Empty: everyone on the same machine may call, as the tenant `default`. */
  readonly keys: readonly KeyConfig[];
  readonly tenants: readonly TenantConfig[];
  readonly hosts: readonly HostConfig[];
  readonly models: readonly ModelConfig[];
  readonly engines: readonly EngineConfig[];
  readonly discovery: DiscoveryConfig;
  readonly queue: QueueConfig;
  readonly limits: LimitsConfig;
  readonly identity: IdentityConfig;
  readonly planning: PlanningConfig;
  readonly health: HealthConfig;
  readonly journal: JournalConfig;
  readonly store: StoreConfig;
  /** Absent: this gateway is the only one. */
  readonly replicas?: ReplicasConfig;
  readonly declared: DeclaredConfig;
  readonly metrics: boolean;
  readonly traces: TracesConfig;
  readonly log: LogConfig;
};

export type ListenConfig = {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Serve beyond loopback although no key is asked for. */
  readonly openWithoutKey: boolean;
};

export type KeyConfig = {
  readonly id: string;
  /** SHA-256 of the key, in lower-case hexadecimal. */
  readonly sha256: string;
  readonly tenant: string;
  /** May look at what all tenants do. Absent: if there is one tenant only. */
  readonly operator?: boolean;
};

export type TenantConfig = {
  readonly id: string;
  /** Calls that wait or run. */
  readonly maxOpen: number;
  readonly requestsPerMinute?: number;
  /** Added to the priority of each of its stages. */
  readonly priority: number;
};

export type HostConfig = {
  readonly id: HostId;
  readonly loadBytesPerSecond: number;
  readonly loadLatencyUs: number;
  readonly localBytesPerSecond: number;
  readonly nicBytesPerSecond: number;
};

export type ModelConfig = {
  readonly id: ModelId;
  /** Other names that clients may call it by. */
  readonly aliases: readonly string[];
  /** A model of the catalogue whose architecture it has; the same as `id` where that is known. */
  readonly like?: string;
  /** Where no catalogue model is like it: what its costs are worked out from. */
  readonly parameters?: number;
  readonly weightBytes?: number;
  readonly contextTokens: number;
  /** Expected length of an answer of which nothing else is known. */
  readonly outputTokens: number;
  readonly embeds: boolean;
};

export type EngineKind = "vllm" | "sglang" | "llama-cpp" | "ollama" | "openai" | "emulated" | "llama";

export type EngineConfig = {
  readonly id: EngineId;
  readonly kind: EngineKind;
  /** Origin of the server, such as `http://127.0.0.1:8000`. Absent for an engine that the gateway itself starts. */
  readonly url?: string;
  /** Several servers that share the devices, one model each, of which only one is awake: vLLM in sleep mode. */
  readonly servers: readonly ServerConfig[];
  readonly host: HostId;
  /** A GPU kind of the catalogue, and how many of it. */
  readonly gpu: string;
  readonly gpus: number;
  readonly role: EngineRole;
  /** What it may serve, and under which name it knows it. Empty: what it says it has. */
  readonly models: readonly { readonly id: ModelId; readonly as: string }[];
  readonly resident: readonly ModelId[];
  readonly maxResident: number;
  readonly maxSequences: number;
  readonly memoryShare: number;
  /** KV memory set aside per resident model; absent: all that weights leave. */
  readonly kvBytes?: number;
  readonly labels: readonly string[];
  /** Environment variable that holds the key to send along. */
  readonly apiKeyEnv?: string;
  readonly handOff?: "nixl" | "bootstrap";
  /** SGLang: where the decode side fetches from. */
  readonly bootstrapPort?: number;
  readonly kvEvents?: KvEventsConfig;
  /** Send each call's rank along as its priority: vLLM with `--scheduling-policy priority`. */
  readonly sendsPriority: boolean;
  /** How many times faster than its GPU it works: 1 but for emulated engines. */
  readonly speed: number;
  /** `llama`: model id to the path of its GGUF file. */
  readonly files: Readonly<Record<ModelId, string>>;
};

export type ServerConfig = { readonly url: string; readonly model: ModelId };

export type KvEventsConfig = {
  /** Such as `tcp://127.0.0.1:5557`. */
  readonly endpoint: string;
  readonly replay?: string;
  readonly topic: string;
};

export type DiscoveryConfig = {
  /** A YAML file of more engines, read again when it changes. */
  readonly file?: string;
  readonly dns: readonly DnsConfig[];
};

/** Every address that the name resolves to is an engine like `engine`. */
export type DnsConfig = {
  readonly name: string;
  readonly port: number;
  readonly everyMs: number;
  readonly engine: EngineConfig;
};

export type QueueConfig = {
  /** Calls that wait for a place, over all tenants. */
  readonly maxWaiting: number;
  /** A call that waited this long goes before everything else. */
  readonly hardestWaitMs: number;
  /** A call that waited this long is answered 503. */
  readonly giveUpMs: number;
};

export type LimitsConfig = {
  readonly bodyBytes: number;
  /** Of bodies, over all requests that are not answered yet. */
  readonly heldBytes: number;
  /** Objects, lists and keys in the JSON of a request. */
  readonly bodyValues: number;
  readonly headerBytes: number;
  readonly connections: number;
  /** For all headers, and for a whole body, to come. */
  readonly slowClientMs: number;
  /** Between two pieces of an answer of an engine. */
  readonly stallMs: number;
  /** For all of an answer of an engine. */
  readonly answerMs: number;
};

export type IdentityConfig = {
  /** A workflow of which nothing was heard this long is over. */
  readonly idleMs: number;
  readonly maxWorkflows: number;
  /** Per workflow: beyond that it goes on as a new one. */
  readonly maxStages: number;
};

export type PlanningConfig = {
  /** Up to so many ready stages are planned in place; more go to the planning thread. 0 plans everything in place. */
  readonly inPlaceStages: number;
  /** How long to gather what happens before a plan is made. */
  readonly debounceMs: number;
  /** After which a plan of the planning thread is no longer waited for. */
  readonly deadlineMs: number;
};

export type HealthConfig = {
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** Failures in a row that open the breaker. */
  readonly failures: number;
  /** How long it stays open before one look tries again. */
  readonly openMs: number;
};

export type JournalConfig = {
  readonly to: "file" | "store" | "none";
  /** Of the file, if it goes to one. */
  readonly path?: string;
  /** Of a file or a segment in the store, which is 8 MiB at most. */
  readonly maxBytes: number;
  /** How many full ones are kept. */
  readonly keep: number;
};

/** Where what must outlive the process is kept, and how much of what is over. */
export type StoreConfig = {
  readonly kind: StoreKind;
  /** Of the SQLite file. */
  readonly path: string;
  /** Environment variable that holds the address of the Postgres database, with its password. */
  readonly urlEnv: string;
  /** Declared workflows that are over. */
  readonly keepRuns: number;
  readonly keepDays: number;
  /** Of the journal, where it is in the store. */
  readonly journalBytes: number;
};

/** Several gateways over one Postgres, of which one plans. */
export type ReplicasConfig = {
  /** Where the other gateways reach this one. */
  readonly url: string;
  /** So long after the planner was last heard of, another may plan. */
  readonly leaseMs: number;
  /** Environment variable that holds the key by which gateways know one another. */
  readonly keyEnv: string;
};

export type DeclaredConfig = {
  readonly maxOpen: number;
  readonly maxStages: number;
  readonly maxItems: number;
  /** Parents of all stages of one workflow together. */
  readonly maxEdges: number;
  readonly tools: readonly ToolConfig[];
};

/** An address that declared workflows may call, by its name. */
export type ToolConfig = {
  readonly name: string;
  readonly url: string;
  readonly method: "GET" | "POST";
  /** Header name to environment variable. */
  readonly headersFromEnv: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
};

export type TracesConfig = {
  /** OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`. Absent: off. */
  readonly endpoint?: string;
  readonly headersFromEnv: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** Share of traces kept, of those that come without a decision. */
  readonly ratio: number;
};

export type LogConfig = {
  readonly level: "silent" | "error" | "warn" | "info" | "debug";
  readonly format: "json" | "text";
};
