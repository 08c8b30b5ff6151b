/**
 * What must hold in a cluster beyond the shape of its file: ids are unique, references resolve, each engine is one group
 * of equal devices with room for what it holds, and prefill engines have decode engines to hand over to.
 */

import type { Cluster, Device, Engine, GpuKind, Host, Zone } from "../model/cluster.ts";
import type { Model, ModelId } from "../model/model.ts";
import { meant } from "./closest.ts";
import { type Place, refuse, stepInto } from "./place.ts";
import { validateIds, validateModel } from "./validate-workload.ts";

/** Where memory shares add up to the whole of a device, they may miss it by this much in binary. */
const shareTolerance = 1e-9;

export function validateCluster(cluster: Cluster, models: ReadonlyMap<ModelId, Model>, place: Place): void {
  const zones = indexById(cluster.zones, stepInto(place, "zones"));
  const hosts = indexById(cluster.hosts, stepInto(place, "hosts"));
  const gpus = indexById(cluster.gpus, stepInto(place, "gpus"));
  const devices = indexById(cluster.devices, stepInto(place, "devices"));
  indexById(cluster.engines, stepInto(place, "engines"));

  each(cluster.zones, stepInto(place, "zones"), (zone, at) =>
    validateNames(zone.models, models, stepInto(at, "models")),
  );
  each(cluster.hosts, stepInto(place, "hosts"), (host, at) => {
    if (host.zone !== undefined) resolve(host.zone, zones, "a zone", stepInto(at, "zone"));
  });
  each(cluster.devices, stepInto(place, "devices"), (device, at) => {
    resolve(device.host, hosts, "a host", stepInto(at, "host"));
    resolve(device.gpu, gpus, "a GPU kind of the catalogue or of gpus", stepInto(at, "gpu"));
  });
  validateLinks(cluster, hosts, stepInto(place, "links"));
  each(cluster.engines, stepInto(place, "engines"), (engine, at) => {
    validateNames(engine.models, models, stepInto(at, "models"));
    validateNames(engine.resident, models, stepInto(at, "resident"));
    const group = validateGroup(engine, devices, stepInto(at, "devices"));
    const gpu = resolve(group.gpu, gpus, "a GPU kind", at);
    const zone = zones.get(hosts.get(group.host)?.zone ?? "");
    validateHolding(engine, { gpu, zone, models }, at);
  });
  validateShares(cluster.engines, stepInto(place, "engines"));
  validateRoles(cluster.engines, stepInto(place, "engines"));
}

function each<T>(entries: readonly T[], place: Place, visit: (entry: T, at: Place) => void): void {
  for (const [index, entry] of entries.entries()) visit(entry, stepInto(place, index));
}

function indexById<T extends { readonly id: string }>(entries: readonly T[], place: Place): ReadonlyMap<string, T> {
  validateIds(entries.map((entry, index) => [entry.id, stepInto(stepInto(place, index), "id")] as const));
  return new Map(entries.map((entry) => [entry.id, entry]));
}

function resolve<T>(id: string, known: ReadonlyMap<string, T>, what: string, place: Place): T {
  const entry = known.get(id);
  if (entry !== undefined) return entry;
  return refuse(place, JSON.stringify(id), `${what}${meant(id, known.keys())}`);
}

function validateNames(names: readonly string[] | undefined, models: ReadonlyMap<ModelId, Model>, place: Place): void {
  if (names === undefined) return;
  validateIds(names.map((name, index) => [name, stepInto(place, index)] as const));
  each(names, place, (name, at) => validateModel(name, models, at));
}

function validateLinks(cluster: Cluster, hosts: ReadonlyMap<string, Host>, place: Place): void {
  const seen = new Set<string>();
  each(cluster.links, place, (link, at) => {
    resolve(link.from, hosts, "a host", stepInto(at, "from"));
    resolve(link.to, hosts, "a host", stepInto(at, "to"));
    if (link.from === link.to) refuse(at, `a link from ${link.from} to itself`, "two hosts");
    const pair = JSON.stringify([link.from, link.to]);
    if (seen.has(pair)) refuse(at, `a second link from ${link.from} to ${link.to}`, "one link a direction");
    seen.add(pair);
  });
}

/** The first device of the engine, all others being like it. */
function validateGroup(engine: Engine, devices: ReadonlyMap<string, Device>, place: Place): Device {
  validateIds(engine.devices.map((device, index) => [device, stepInto(place, index)] as const));
  const group = engine.devices.map((id, index) => resolve(id, devices, "a device", stepInto(place, index)));
  const [first] = group;
  if (first === undefined) return refuse(place, "no devices", "at least one");
  each(group, place, (device, at) => {
    if (device.host !== first.host)
      refuse(at, `${device.id} on ${device.host}`, `a device on ${first.host}, as the first`);
    if (device.gpu !== first.gpu) refuse(at, `${device.id}, a ${device.gpu}`, `a ${first.gpu}, as the first`);
  });
  return first;
}

type Surroundings = {
  readonly gpu: GpuKind;
  readonly zone: Zone | undefined;
  readonly models: ReadonlyMap<ModelId, Model>;
};

function validateHolding(engine: Engine, { gpu, zone, models }: Surroundings, place: Place): void {
  const residentPlace = stepInto(place, "resident");
  if (engine.maxResident > 1 && engine.kvBytes === undefined)
    refuse(stepInto(place, "kvBytes"), "nothing", "KV memory per model, as maxResident is above 1");
  if (engine.resident.length > engine.maxResident)
    refuse(residentPlace, `${engine.resident.length} models`, `at most maxResident, ${engine.maxResident}`);
  each(engine.resident, residentPlace, (model, at) => {
    if (engine.models?.includes(model) === false) refuse(at, model, "a model that `models` of the engine names");
    if (zone?.models?.includes(model) === false) refuse(at, model, `a model that zone ${zone.id} allows`);
  });
  const roomBytes = gpu.memoryBytes * engine.devices.length * engine.memoryShare;
  const kvBytes = engine.kvBytes ?? 0;
  const need = (id: ModelId): number => (models.get(id)?.weightBytes ?? 0) + kvBytes;
  each(engine.models ?? [], stepInto(place, "models"), (model, at) => {
    if (need(model) > roomBytes) refuse(at, `${model}, ${need(model)} bytes`, `at most ${Math.floor(roomBytes)} bytes`);
  });
  const needed = engine.resident.reduce((sum, model) => sum + need(model), 0);
  if (needed > roomBytes || kvBytes > roomBytes)
    refuse(residentPlace, `${Math.max(needed, kvBytes)} bytes to hold`, `at most ${Math.floor(roomBytes)} bytes`);
}

/** Engines may divide a device, but not oversell it. */
function validateShares(engines: readonly Engine[], place: Place): void {
  const given = new Map<string, number>();
  each(engines, place, (engine, at) => {
    for (const device of engine.devices) {
      const share = (given.get(device) ?? 0) + engine.memoryShare;
      if (share > 1 + shareTolerance)
        refuse(stepInto(at, "memoryShare"), `${share} of ${device} together with other engines`, "at most 1");
      given.set(device, share);
    }
  });
}

function validateRoles(engines: readonly Engine[], place: Place): void {
  for (const [role, partner] of [
    ["prefill", "decode"],
    ["decode", "prefill"],
  ] as const) {
    const index = engines.findIndex((engine) => engine.role === role);
    if (index !== -1 && !engines.some((engine) => engine.role === partner))
      refuse(
        stepInto(stepInto(place, index), "role"),
        `${role} without any ${partner} engine`,
        `a ${partner} engine too`,
      );
  }
}
