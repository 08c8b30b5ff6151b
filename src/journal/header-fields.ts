/** The fields of a journal's first line, and what in it must refer to what. */

import type { Cluster, Engine, GpuKind, Host } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";
import type { JournalHeader } from "./journal.ts";
import {
  amount,
  anyNumber,
  choice,
  object,
  flag,
  list,
  map,
  optional,
  positive,
  required,
  text,
  whole,
  type Fault,
  type FieldsOf,
  type Shape,
} from "./shape.ts";

const id = required(text);
const ids = required(list(text));
const speed = required(amount);
const count = required(whole);

const gpu = {
  id,
  memoryBytes: count,
  memoryBytesPerSecond: speed,
  bf16FlopsPerSecond: speed,
  fp8FlopsPerSecond: optional(amount),
  peerBytesPerSecond: speed,
} satisfies FieldsOf<GpuKind>;

const host = {
  id,
  zone: optional(text),
  loadBytesPerSecond: speed,
  loadLatencyUs: speed,
  localBytesPerSecond: speed,
  localLatencyUs: speed,
  nicBytesPerSecond: speed,
} satisfies FieldsOf<Host>;

const batching: Shape = {
  type: "kinds",
  kinds: {
    exclusive: { kind: id, maxSequences: required(positive) },
    batched: {
      kind: id,
      maxSequences: required(positive),
      prefillTokens: count,
      chunkedPrefill: required(flag),
      prefillUs: optional(positive),
      admission: optional(choice("by-step")),
      mixesModels: optional(flag),
    },
  },
};

const engine = {
  id,
  devices: ids,
  role: required(choice("both", "prefill", "decode")),
  batching: required(batching),
  models: optional(list(text)),
  resident: ids,
  maxResident: count,
  memoryShare: speed,
  kvBytes: optional(whole),
  prefixTokens: optional(whole),
  labels: ids,
} satisfies FieldsOf<Engine>;

const cluster = {
  id,
  gpus: required(list(object(gpu))),
  hosts: required(list(object(host))),
  devices: required(list(object({ id, host: id, gpu: id }))),
  links: required(list(object({ from: id, to: id, bytesPerSecond: speed, latencyUs: speed }))),
  zones: required(list(object({ id, models: optional(list(text)), keepsOutputs: required(flag) }))),
  engines: required(list(object(engine))),
  store: optional(object({ bytesPerSecond: speed, latencyUs: speed })),
  contention: optional(choice("serial", "none")),
} satisfies FieldsOf<Cluster>;

const model = {
  id,
  weightBytes: count,
  activeParameters: speed,
  layers: count,
  hiddenSize: speed,
  attentionHeads: speed,
  headSize: speed,
  kvBytesPerToken: count,
  precision: required(choice("bf16", "fp8", "int4")),
  lookupBytes: optional(whole),
  experts: optional(object({ count, perToken: count, weightBytes: count })),
} satisfies FieldsOf<Model>;

/** Coefficients are fitted numbers by name; `src/cost/calibration.ts` says which there are. */
const calibration = object({
  version: required(whole),
  sources: ids,
  generic: required(map(anyNumber)),
  gpus: required(map(map(anyNumber))),
  models: required(map(object({ prefill: speed, decode: speed }))),
});

export const headerFields: FieldsOf<JournalHeader> = {
  kind: required(choice("journal")),
  version: required(whole),
  seed: required(anyNumber),
  policy: id,
  workload: id,
  cluster: required(object(cluster)),
  models: required(list(object(model))),
  calibration: required(calibration),
  clock: optional(choice("wall")),
  firstSequence: optional(positive),
};

/** A name in the header that names nothing. */
export function findDangling({ cluster: machines, models }: JournalHeader): Fault | undefined {
  const hosts = new Set(machines.hosts.map((known) => known.id));
  const gpus = new Set(machines.gpus.map((known) => known.id));
  const devices = new Set(machines.devices.map((known) => known.id));
  const modelIds = new Set(models.map((known) => known.id));
  for (const device of machines.devices) {
    if (!hosts.has(device.host))
      return { found: `device ${device.id} on host ${device.host}`, expected: "a host of the cluster" };
    if (!gpus.has(device.gpu))
      return { found: `device ${device.id} of kind ${device.gpu}`, expected: "a GPU kind of the cluster" };
  }
  for (const { id: name, devices: own, resident } of machines.engines) {
    if (own.length === 0) return { found: `engine ${name} on no device`, expected: "one device or more" };
    const device = own.find((candidate) => !devices.has(candidate));
    if (device !== undefined)
      return { found: `engine ${name} on device ${device}`, expected: "a device of the cluster" };
    const unknown = resident.find((candidate) => !modelIds.has(candidate));
    if (unknown !== undefined)
      return { found: `${unknown} resident on engine ${name}`, expected: "a model of the header" };
  }
  return undefined;
}
