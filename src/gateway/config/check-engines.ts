/** What must hold for engines, each by its kind and all together. */

import { meant } from "../../trace/closest.ts";
import type { Path } from "../../trace/path.ts";
import type { Config, EngineConfig, EngineKind } from "./config.ts";
import { fault, repeated, type Fault } from "./fault.ts";
import { unknownGpu } from "./fill-in.ts";
import { gpuNames, meantGpu } from "./gpu-of.ts";

/** Of the configuration's engines the first `count`, which are those of the file. */
export function* checkEngines(config: Config, count: number): Generator<Fault> {
  const engines = config.engines.slice(0, count);
  const hosts = new Set(config.hosts.map(({ id }) => id));
  yield* repeated(
    engines.map(({ id }, index) => [id, ["engines", index, "id"]]),
    "an id of its own",
  );
  yield* repeated(engines.flatMap(addressesOf), "an address that no other engine has");
  for (const [index, engine] of engines.entries()) {
    const path = ["engines", index];
    yield* checkPlace(engine, path);
    yield* checkEngine(engine, hosts, path);
  }
  if (config.discovery.dns.length === 0 && config.discovery.file === undefined) yield* checkRoles(engines);
}

/** The descriptions that found addresses are filled into. */
export function* checkDiscovered(config: Config): Generator<Fault> {
  const hosts = new Set(config.hosts.map(({ id }) => id));
  for (const [index, { engine }] of config.discovery.dns.entries()) {
    const path = ["discovery", "dns", index, "engine"];
    if (startsItself(engine.kind))
      yield fault([...path, "kind"], engine.kind, "a kind of server that listens by itself, such as vllm");
    if (engine.url !== undefined) yield fault([...path, "url"], engine.url, "no url: the name tells it");
    if (engine.servers.length > 0) yield fault([...path, "servers"], "servers", "none: each address is one server");
    yield* checkEngine(engine, hosts, path);
  }
}

/** Kinds that the gateway runs in its own process where no address is given. */
export function startsItself(kind: EngineKind): boolean {
  return kind === "emulated" || kind === "llama";
}

/** The pattern has let through what looks like an address; this one parses it. */
export function* checkAddress(url: string, path: Path): Generator<Fault> {
  if (!URL.canParse(url))
    yield fault(path, JSON.stringify(url.slice(0, 60)), "an address such as http://127.0.0.1:8000");
}

function addressesOf({ url, servers }: EngineConfig, index: number): readonly (readonly [string, Path])[] {
  return [
    ...(url === undefined ? [] : [[url, ["engines", index, "url"]] as const]),
    ...servers.map((server, at) => [server.url, ["engines", index, "servers", at, "url"]] as const),
  ];
}

function* checkPlace(engine: EngineConfig, path: Path): Generator<Fault> {
  const { kind, url, servers, files, models } = engine;
  if (url !== undefined) yield* checkAddress(url, [...path, "url"]);
  for (const [at, server] of servers.entries()) yield* checkAddress(server.url, [...path, "servers", at, "url"]);
  if (servers.length > 0 && kind !== "vllm") yield fault([...path, "servers"], `servers of ${kind}`, "kind vllm");
  if (servers.length > 0 && url !== undefined) yield fault([...path, "url"], "url and servers", "one of them");
  if (servers.length === 0 && url === undefined && !startsItself(kind))
    yield fault([...path, "url"], "nothing", "where it listens, such as http://127.0.0.1:8000");
  if (kind === "emulated" && url === undefined && models.length === 0)
    yield fault([...path, "models"], "none", "what it is to serve, as it has nothing of its own");
  if (kind === "llama" && Object.keys(files).length === 0)
    yield fault([...path, "files"], "none", "the path of a GGUF file for each model");
  if (kind === "llama" && url !== undefined)
    yield fault([...path, "url"], "url of llama", "none, as the gateway itself runs it; llama-cpp is a server");
}

function* checkEngine(engine: EngineConfig, hosts: ReadonlySet<string>, path: Path): Generator<Fault> {
  const { kind, host, gpu, speed, files, kvEvents, sendsPriority } = engine;
  if (!hosts.has(host)) yield fault([...path, "host"], JSON.stringify(host), `a host under hosts${meant(host, hosts)}`);
  if (gpu !== unknownGpu && !gpuNames.includes(gpu))
    yield fault([...path, "gpu"], JSON.stringify(gpu), `one of ${gpuNames.join(", ")}${meantGpu(gpu)}`);
  if (speed !== 1 && kind !== "emulated") yield fault([...path, "speed"], `${speed}`, "1, as it is no emulated engine");
  if (Object.keys(files).length > 0 && kind !== "llama")
    yield fault([...path, "files"], `files of ${kind}`, "kind llama");
  if (kvEvents !== undefined && !publishesKv(kind))
    yield fault([...path, "kvEvents"], `kvEvents of ${kind}`, "kind vllm, sglang or emulated");
  if (sendsPriority && !takesPriority(kind))
    yield fault([...path, "sendsPriority"], `priorities for ${kind}`, "kind vllm or emulated");
  yield* checkModels(engine, path);
  yield* checkHandOff(engine, path);
}

function publishesKv(kind: EngineKind): boolean {
  return kind === "vllm" || kind === "sglang" || kind === "emulated";
}

function takesPriority(kind: EngineKind): boolean {
  return kind === "vllm" || kind === "emulated";
}

function* checkModels({ models, servers, files, resident, maxResident }: EngineConfig, path: Path): Generator<Fault> {
  yield* repeated(
    models.map(({ id }, at) => [id, [...path, "models", at]]),
    "each model once",
  );
  yield* repeated(
    resident.map((id, at) => [id, [...path, "resident", at]]),
    "each model once",
  );
  yield* repeated(
    servers.map(({ model }, at) => [model, [...path, "servers", at, "model"]]),
    "one server a model",
  );
  const served = new Set(models.map(({ id }) => id));
  if (resident.length > maxResident)
    yield fault([...path, "resident"], `${resident.length} models`, `at most maxResident, ${maxResident}`);
  for (const [at, id] of resident.entries())
    if (served.size > 0 && !served.has(id))
      yield fault([...path, "resident", at], JSON.stringify(id), `a model under models${meant(id, served)}`);
  for (const [at, { model }] of servers.entries())
    if (!served.has(model))
      yield fault(
        [...path, "servers", at, "model"],
        JSON.stringify(model),
        `a model under models${meant(model, served)}`,
      );
  if (Object.keys(files).length === 0 && servers.length === 0) return;
  for (const [at, { id }] of models.entries())
    if (!Object.hasOwn(files, id) && !servers.some(({ model }) => model === id))
      yield fault([...path, "models", at], JSON.stringify(id), "a model that has a server or a file here");
}

function* checkHandOff({ kind, role, handOff, bootstrapPort }: EngineConfig, path: Path): Generator<Fault> {
  if (role !== "both" && handOff === undefined)
    yield fault([...path, "role"], `${role} on ${kind}`, "both: it cannot hand over KV; vllm, sglang and emulated can");
  if (handOff === "nixl" && kind !== "vllm" && kind !== "emulated")
    yield fault([...path, "handOff"], `nixl on ${kind}`, "kind vllm or emulated");
  if (handOff === "bootstrap" && kind !== "sglang" && kind !== "emulated")
    yield fault([...path, "handOff"], `bootstrap on ${kind}`, "kind sglang or emulated");
  if (bootstrapPort !== undefined && handOff !== "bootstrap")
    yield fault([...path, "bootstrapPort"], `${bootstrapPort}`, "handOff: bootstrap with it");
}

/** A prefill engine needs somebody who decodes, by the same way of handing over, and the other way round. */
function* checkRoles(engines: readonly EngineConfig[]): Generator<Fault> {
  for (const [index, { role, handOff }] of engines.entries()) {
    if (role === "both" || handOff === undefined) continue;
    const partner = role === "prefill" ? "decode" : "prefill";
    if (!engines.some((other) => other.role === partner && other.handOff === handOff))
      yield fault(["engines", index, "role"], `${role} by ${handOff}`, `a ${partner} engine by ${handOff} too`);
  }
}
