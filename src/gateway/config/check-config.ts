/** What must hold in a configuration beyond its shape: names resolve, ids are unique, amounts agree, nothing stands open. */

import { knownModels } from "../../catalogue/models.ts";
import { policies } from "../../policy/policies.ts";
import { meant } from "../../trace/closest.ts";
import type { Path } from "../../trace/path.ts";
import { isLoopback } from "./addresses.ts";
import type { Config } from "./config.ts";
import type { ConfigEntry } from "./config-shape.ts";
import { checkAddress, checkDiscovered, checkEngines } from "./check-engines.ts";
import { fault, repeated, type Fault } from "./fault.ts";
import { isTelling, knownModel } from "./guess-model.ts";

const catalogueNames = knownModels.map(({ id }) => id);

/** `entry` is what the file itself says: only that can be told where it stands. */
export function* checkConfig(config: Config, entry: ConfigEntry): Generator<Fault> {
  yield* checkListen(config);
  if (!Object.hasOwn(policies, config.policy))
    yield fault(
      ["policy"],
      JSON.stringify(config.policy),
      `a policy that fate policies lists${meant(config.policy, Object.keys(policies))}`,
    );
  yield* checkPeople(config);
  yield* repeated(idsOf(entry.hosts, "hosts"), "an id of its own");
  yield* checkModels(config, entry);
  if (entry.engines.length === 0 && entry.discovery.file === undefined && entry.discovery.dns.length === 0)
    yield fault(["engines"], "none", "at least one engine such as { kind: ollama, url: http://127.0.0.1:11434 }");
  yield* checkEngines(config, entry.engines.length);
  yield* checkDiscovered(config);
  yield* checkQueue(config);
  yield* checkTools(config);
  yield* checkReplicas(config);
  if (config.traces.endpoint !== undefined) yield* checkAddress(config.traces.endpoint, ["traces", "endpoint"]);
}

function* checkListen({ listen, keys }: Config): Generator<Fault> {
  if (isLoopback(listen.host) || keys.length > 0 || listen.openWithoutKey) return;
  yield fault(
    ["listen", "host"],
    `${JSON.stringify(listen.host)}, which others can reach, and no keys`,
    "127.0.0.1, or a key under keys (fate key makes one), or openWithoutKey: true if anyone may call",
  );
}

function* checkPeople({ keys, tenants }: Config): Generator<Fault> {
  yield* repeated(idsOf(keys, "keys"), "an id of its own");
  yield* repeated(idsOf(tenants, "tenants"), "an id of its own");
  const known = new Set(tenants.map(({ id }) => id));
  const seen = new Set<string>();
  for (const [index, { sha256, tenant }] of keys.entries()) {
    if (seen.has(sha256)) yield fault(["keys", index, "sha256"], "the hash of another key", "a key of its own");
    seen.add(sha256);
    if (!known.has(tenant))
      yield fault(
        ["keys", index, "tenant"],
        JSON.stringify(tenant),
        `default or a tenant under tenants${meant(tenant, known)}`,
      );
  }
}

function* checkModels({ models }: Config, entry: ConfigEntry): Generator<Fault> {
  const declared = models.slice(0, entry.models.length);
  const names = models.flatMap((model, index) =>
    index < declared.length
      ? [
          [model.id, ["models", index, "id"]] as const,
          ...model.aliases.map((alias, at) => [alias, ["models", index, "aliases", at]] as const),
        ]
      : [],
  );
  yield* repeated(names, "a name that no other model goes by");
  const taken = new Set(declared.flatMap(({ id, aliases }) => [id, ...aliases]));
  for (const [index, { like }] of declared.entries())
    if (like !== undefined && knownModel(like) === undefined)
      yield fault(
        ["models", index, "like"],
        JSON.stringify(like),
        `a model of the catalogue${meant(like, catalogueNames)}`,
      );
  for (const { id } of models.slice(declared.length)) {
    const owner = declared.find(({ aliases }) => aliases.includes(id));
    if (owner !== undefined)
      yield fault(
        whereNamed(id, entry),
        `${JSON.stringify(id)}, an alias for clients`,
        `${owner.id}, which it stands for`,
      );
    else if (!isTelling(id))
      yield fault(
        whereNamed(id, entry),
        JSON.stringify(id),
        `a model under models, one of the catalogue, or a name that tells its size, such as ${id}-8b${meant(id, [...taken, ...catalogueNames])}`,
      );
  }
}

/** The first engine of the file that names it. */
function whereNamed(id: string, entry: ConfigEntry): Path {
  for (const [index, engine] of entry.engines.entries()) {
    const at = engine.models.findIndex((model) => (typeof model === "string" ? model : model.id) === id);
    if (at !== -1) return ["engines", index, "models", at];
    const server = engine.servers.findIndex(({ model }) => model === id);
    if (server !== -1) return ["engines", index, "servers", server, "model"];
    const resident = engine.resident.indexOf(id);
    if (resident !== -1) return ["engines", index, "resident", resident];
    if (Object.hasOwn(engine.files, id)) return ["engines", index, "files", id];
  }
  return ["discovery", "dns"];
}

function* checkQueue({ queue, health }: Config): Generator<Fault> {
  if (queue.hardestWaitMs > queue.giveUpMs)
    yield fault(["queue", "hardestWaitMs"], `${queue.hardestWaitMs}`, `at most giveUpMs, ${queue.giveUpMs}`);
  if (health.timeoutMs > health.everyMs)
    yield fault(["health", "timeoutMs"], `${health.timeoutMs}`, `at most everyMs, ${health.everyMs}`);
}

function* checkReplicas({ store, replicas }: Config): Generator<Fault> {
  if (replicas !== undefined && store.kind !== "postgres")
    yield fault(
      ["replicas"],
      `several gateways over a store of kind ${store.kind}`,
      `store: { kind: postgres }, and the database's address in ${store.urlEnv}`,
    );
}

function* checkTools({ declared: { tools } }: Config): Generator<Fault> {
  yield* repeated(
    tools.map(({ name }, index) => [name, ["declared", "tools", index, "name"]]),
    "a name of its own",
  );
  for (const [index, { url }] of tools.entries()) yield* checkAddress(url, ["declared", "tools", index, "url"]);
}

function idsOf(
  entries: readonly { readonly id: string }[],
  section: string,
): readonly (readonly [value: string, path: Path])[] {
  return entries.map(({ id }, index) => [id, [section, index, "id"]]);
}
