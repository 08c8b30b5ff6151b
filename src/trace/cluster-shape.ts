/** The cluster file as shapes: what `schema/cluster.schema.json` publishes and the parser accepts. */

import * as limits from "./limits.ts";
import { array, boolean, described, integer, number, object, oneOf, optional, tagged, withDefault } from "./shape.ts";
import { idText } from "./workload-shape.ts";

const rate = number({ above: 0, max: 1e18 });
const bytes = integer({ min: 1, max: limits.maxBytes });
const latency = (fallback: number) => withDefault(integer({ max: limits.maxUs }), fallback);
const ids = (max: number) => array(idText, { max });

const gpuShape = object({
  id: idText,
  memoryBytes: bytes,
  memoryBytesPerSecond: rate,
  bf16FlopsPerSecond: rate,
  fp8FlopsPerSecond: optional(rate),
  peerBytesPerSecond: rate,
});

const hostShape = object({
  id: idText,
  zone: optional(idText),
  loadBytesPerSecond: described(rate, "Disk or host memory to device."),
  loadLatencyUs: described(latency(800_000), "Fixed part of every load."),
  localBytesPerSecond: described(rate, "Between devices of this host."),
  localLatencyUs: latency(10),
  nicBytesPerSecond: described(rate, "Network interface, for KV hand-off."),
});

const batchingShape = tagged("kind", {
  exclusive: { maxSequences: withDefault(integer({ min: 1, max: 1_000_000 }), 16) },
  batched: {
    maxSequences: withDefault(integer({ min: 1, max: 1_000_000 }), 256),
    prefillTokens: withDefault(integer({ min: 1, max: limits.maxTokens }), 8192),
    chunkedPrefill: withDefault(boolean(), true),
    prefillUs: optional(
      described(integer({ min: 1, max: limits.maxUs }), "Prompts of one iteration take no longer, but for the first."),
    ),
    admission: optional(
      described(
        oneOf("by-step"),
        "Takes from the queue only what the next iteration takes in; else all that KV memory takes.",
      ),
    ),
    mixesModels: optional(
      described(
        boolean(),
        "Runs a batch per resident model side by side, as an API does; else one batch, of one model at a time.",
      ),
    ),
  },
});

const engineShape = object({
  id: idText,
  devices: described(array(idText, { min: 1, max: 1024 }), "All on one host and of one kind."),
  role: withDefault(oneOf("both", "prefill", "decode"), "both"),
  batching: withDefault(batchingShape, {
    kind: "batched",
    maxSequences: 256,
    prefillTokens: 8192,
    chunkedPrefill: true,
  }),
  models: optional(described(ids(limits.maxModels), "Models it may hold; all that fit if absent.")),
  resident: withDefault(described(ids(limits.maxModels), "Models resident when the run starts."), []),
  maxResident: withDefault(integer({ min: 1, max: limits.maxModels }), 1),
  memoryShare: withDefault(described(number({ above: 0, max: 1 }), "Of device memory, for weights and KV."), 0.9),
  kvBytes: optional(described(bytes, "KV memory per resident model; needed where maxResident is above 1.")),
  prefixTokens: optional(described(integer({ max: limits.maxTokens }), "Cached prefix tokens per model, at most.")),
  labels: withDefault(ids(limits.maxNames), []),
});

export const clusterShape = object({
  version: oneOf(1),
  id: idText,
  gpus: withDefault(
    described(array(gpuShape, { max: limits.maxNames }), "GPU kinds that Fate does not know by name."),
    [],
  ),
  hosts: array(hostShape, { min: 1, max: limits.maxHosts }),
  devices: array(object({ id: idText, host: idText, gpu: idText }), { min: 1, max: limits.maxDevices }),
  links: withDefault(
    described(
      array(object({ from: idText, to: idText, bytesPerSecond: rate, latencyUs: latency(100) }), {
        max: limits.maxLinks,
      }),
      "Directed; what is not listed does not exist.",
    ),
    [],
  ),
  zones: withDefault(
    array(
      object({ id: idText, models: optional(ids(limits.maxModels)), keepsOutputs: withDefault(boolean(), false) }),
      {
        max: limits.maxNames,
      },
    ),
    [],
  ),
  engines: array(engineShape, { min: 1, max: limits.maxDevices }),
  store: optional(object({ bytesPerSecond: rate, latencyUs: latency(5_000) })),
  contention: optional(
    described(
      oneOf("serial", "none"),
      "Transfers between hosts on one way: one after another (serial, unless said), or each as if alone.",
    ),
  ),
});
