/** From what the file says to the whole configuration: the defaults that depend on an engine's kind or on other entries. */

import { parseAs } from "../../trace/shape.ts";
import { isLoopback, toHostName, toOrigin } from "./addresses.ts";
import type {
  Config,
  EngineConfig,
  EngineKind,
  HostConfig,
  KvEventsConfig,
  JournalConfig,
  ModelConfig,
  StoreConfig,
  TenantConfig,
} from "./config.ts";
import { configShape, type ConfigEntry, type ModelEntry } from "./config-shape.ts";
import { most, type EngineEntry } from "./engine-shape.ts";
import type { Environment } from "./environment.ts";
import { knownModel, looksLikeEmbedding } from "./guess-model.ts";

/** The GPU kind of an engine of which no GPU is named. */
export const unknownGpu = "unknown";

/** What servers of a kind do unless they are told otherwise. */
const habits: { readonly [kind in EngineKind]: { readonly maxSequences: number; readonly maxResident: number } } = {
  vllm: { maxSequences: 256, maxResident: 1 },
  sglang: { maxSequences: 256, maxResident: 1 },
  "llama-cpp": { maxSequences: 4, maxResident: 1 },
  ollama: { maxSequences: 1, maxResident: 3 },
  openai: { maxSequences: 32, maxResident: most.models },
  emulated: { maxSequences: 64, maxResident: 4 },
  llama: { maxSequences: 1, maxResident: 1 },
};

const defaultHandOff: { readonly [kind in EngineKind]?: "nixl" | "bootstrap" } = {
  vllm: "nixl",
  emulated: "nixl",
  sglang: "bootstrap",
};
const usualBootstrapPort = 8998;
const usualJournal = ".fate/journal.ndjson";

/** Declared entries keep their positions; what is only named follows behind them. */
export function fillIn(entry: ConfigEntry, env: Environment = {}): Config {
  const { version: _, journal, store, replicas, ...rest } = entry;
  const keeping: StoreConfig = { ...store, kind: store.kind ?? (env[store.urlEnv] ? "postgres" : "sqlite") };
  const engines = toEngines(entry.engines);
  const dns = entry.discovery.dns.map((each) => ({
    ...each,
    engine: toEngine({ ...each.engine, host: each.engine.host ?? toHostName(each.name) }, each.engine.id ?? each.name),
  }));
  const all = [...engines, ...dns.map(({ engine }) => engine)];
  const given = [...entry.engines, ...entry.discovery.dns.map(({ engine }) => engine)];
  return {
    ...rest,
    journal: toJournal(journal, keeping),
    store: keeping,
    ...(replicas === undefined ? {} : { replicas: { ...replicas, url: toOrigin(replicas.url) } }),
    tenants: [...entry.tenants, ...defaultTenant(entry.tenants)],
    hosts: [...entry.hosts, ...impliedHosts(given, all, entry.hosts)],
    models: [...entry.models.map(toModelConfig), ...impliedModels(all, entry.models)],
    engines,
    discovery: { ...entry.discovery, dns },
  };
}

/** What outlives the process is kept in the store, the journal too, unless a file is named. */
function toJournal({ write, path, ...bounds }: ConfigEntry["journal"], { kind }: StoreConfig): JournalConfig {
  if (!write) return { to: "none", ...bounds };
  if (path === undefined && kind !== "memory") return { to: "store", ...bounds };
  return { to: "file", path: path ?? usualJournal, ...bounds };
}

/** Engines of another file, as if they had stood in this one. Nothing is checked. */
export function addEntries(config: Config, entries: readonly EngineEntry[]): Config {
  const added = toEngines(entries, config.engines);
  const hosts = [...config.hosts, ...impliedHosts(entries, added, config.hosts)];
  return {
    ...config,
    hosts,
    engines: [...config.engines, ...added],
    models: [...config.models, ...impliedModels(added, config.models)],
  };
}

/** Engines that are found later, with the hosts and models that they name. One whose id is taken is left out. */
export function addEngines(config: Config, found: readonly EngineConfig[]): Config {
  const taken = new Set(config.engines.map(({ id }) => id));
  const added = found.filter(({ id }) => !taken.has(id) && taken.add(id));
  return {
    ...config,
    hosts: [...config.hosts, ...impliedHosts([], added, config.hosts)],
    engines: [...config.engines, ...added],
    models: [...config.models, ...impliedModels(added, config.models)],
  };
}

function toEngines(entries: readonly EngineEntry[], others: readonly EngineConfig[] = []): readonly EngineConfig[] {
  const taken = new Set([...others, ...entries].flatMap(({ id }) => id ?? []));
  return entries.map((entry) => {
    const id = entry.id ?? freeName(entry.kind, taken);
    taken.add(id);
    return toEngine(entry, id);
  });
}

function freeName(kind: string, taken: ReadonlySet<string>): string {
  let name = kind;
  for (let number = 2; taken.has(name); number++) name = `${kind}-${number}`;
  return name;
}

function toEngine(entry: EngineEntry, id: string): EngineConfig {
  const { url, host, gpu, handOff, bootstrapPort, kvEvents, kvBytes, apiKeyEnv, ...rest } = entry;
  const habit = habits[entry.kind];
  const hands = handOff ?? (entry.role === "both" ? undefined : defaultHandOff[entry.kind]);
  const gate = bootstrapPort ?? (hands === "bootstrap" && entry.role === "prefill" ? usualBootstrapPort : undefined);
  return {
    ...rest,
    id,
    ...(url === undefined ? {} : { url: toOrigin(url) }),
    servers: entry.servers.map((server) => ({ ...server, url: toOrigin(server.url) })),
    host: host ?? impliedHost(entry),
    gpu: gpu ?? (entry.kind === "emulated" ? "h100-80g" : entry.kind === "llama" ? "cpu" : unknownGpu),
    models: toServed(entry),
    maxResident: entry.maxResident ?? habit.maxResident,
    maxSequences: entry.maxSequences ?? habit.maxSequences,
    ...(kvBytes === undefined ? {} : { kvBytes }),
    ...(apiKeyEnv === undefined ? {} : { apiKeyEnv }),
    ...(hands === undefined ? {} : { handOff: hands }),
    ...(gate === undefined ? {} : { bootstrapPort: gate }),
    ...(kvEvents === undefined ? {} : { kvEvents: toKvEvents(kvEvents) }),
  };
}

function toKvEvents({ endpoint, replay, topic }: NonNullable<EngineEntry["kvEvents"]>): KvEventsConfig {
  return { endpoint, topic, ...(replay === undefined ? {} : { replay }) };
}

/** What the list says; where there is none, what servers and files are for. */
function toServed({ models, servers, files }: EngineEntry): EngineConfig["models"] {
  if (models.length > 0)
    return models.map((model) => (typeof model === "string" ? { id: model, as: model } : { ...model }));
  const ids = new Set([...servers.map(({ model }) => model), ...Object.keys(files)]);
  return [...ids].map((id) => ({ id, as: id }));
}

function impliedHost({ url, servers }: EngineEntry): string {
  const address = url ?? servers[0]?.url;
  if (address === undefined || !URL.canParse(address)) return "local";
  const { hostname } = new URL(address);
  if (isLoopback(hostname)) return "local";
  return toHostName(hostname);
}

/** Hosts that nobody describes since only an address tells them. One that is named must be described. */
function impliedHosts(
  given: readonly EngineEntry[],
  engines: readonly EngineConfig[],
  described: readonly HostConfig[],
): readonly HostConfig[] {
  const known = new Set(described.map(({ id }) => id));
  const implied = new Set(engines.flatMap(({ host }, index) => (given[index]?.host === undefined ? host : [])));
  return [...implied].filter((id) => !known.has(id)).map((id) => ({ ...defaults.host, id }));
}

function impliedModels(
  engines: readonly EngineConfig[],
  described: readonly { readonly id: string }[],
): readonly ModelConfig[] {
  const known = new Set(described.map(({ id }) => id));
  const named = new Set(engines.flatMap(({ models, resident }) => [...models.map(({ id }) => id), ...resident]));
  return [...named].filter((id) => !known.has(id)).map(defaultModel);
}

/** A model of which only the name is known. */
export function defaultModel(id: string): ModelConfig {
  return toModelConfig({ ...defaults.model, id });
}

function toModelConfig({ like, parameters, weightBytes, embeds, ...rest }: ModelEntry): ModelConfig {
  const alike = like ?? (knownModel(rest.id) === undefined ? undefined : rest.id);
  return {
    ...rest,
    embeds: embeds ?? looksLikeEmbedding(rest.id),
    ...(alike === undefined || (like === undefined && parameters !== undefined) ? {} : { like: alike }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(weightBytes === undefined ? {} : { weightBytes }),
  };
}

function defaultTenant(given: readonly TenantConfig[]): readonly TenantConfig[] {
  return given.some(({ id }) => id === "default") ? [] : [defaults.tenant];
}

/** An entry of each list that says nothing but its name. */
const defaults = (() => {
  const { hosts, models, tenants } = parseAs(
    configShape,
    { hosts: [{ id: "default" }], models: [{ id: "default" }], tenants: [{ id: "default" }] },
    "defaults",
  );
  const [host] = hosts;
  const [model] = models;
  const [tenant] = tenants;
  if (host === undefined || model === undefined || tenant === undefined) throw new Error("a shape has lost an entry");
  return { host, model, tenant };
})();
