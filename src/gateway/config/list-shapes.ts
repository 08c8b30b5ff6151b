/** The entries of the lists of `fate.yaml`, each a shape of its own. */

import { array, boolean, described, integer, object, optional, text, withDefault } from "../../trace/shape.ts";
import { engineShape } from "./engine-shape.ts";
import { count, hidden, modelText, nameText, rate, worded } from "./pieces.ts";

const key = object({
  id: described(nameText, "What the key is called, in logs too."),
  sha256: described(
    worded(
      text({ min: 64, max: 64, pattern: "^[0-9a-f]{64}$" }),
      "the SHA-256 that `fate key` prints, 64 hex digits",
      hidden,
    ),
    "Hash of the key, as `fate key` prints it.",
  ),
  tenant: withDefault(described(nameText, "Whose it is."), "default"),
  operator: optional(
    described(boolean(), "Whether it may look at what all tenants do. If absent: where all keys are one tenant's."),
  ),
});

const tenant = object({
  id: described(nameText, "What keys name it by."),
  maxOpen: count(2048, 1_000_000, "Calls that wait or run."),
  requestsPerMinute: optional(
    described(integer({ min: 1, max: 10_000_000 }), "More are answered 429; any number if absent."),
  ),
  priority: withDefault(
    described(integer({ min: -1000, max: 1000 }), "Added to the priority of each of its calls; larger goes first."),
    0,
  ),
});

const host = object({
  id: described(nameText, "What engines name it by."),
  loadBytesPerSecond: rate(5e9, "Disk or host memory to GPU."),
  loadLatencyUs: count(800_000, 3_600_000_000, "Fixed part of every load.", 0),
  localBytesPerSecond: rate(20e9, "Between GPUs of this host."),
  nicBytesPerSecond: rate(10e9, "Network interface, for KV hand-off."),
});

const model = object({
  id: described(modelText, "What clients and engines call it."),
  aliases: withDefault(described(array(modelText, { max: 100 }), "Other names that clients may call it by."), []),
  like: optional(described(modelText, "A model of the catalogue whose architecture it has.")),
  parameters: optional(described(integer({ min: 1_000_000, max: 1e14 }), "Where no catalogue model is like it.")),
  weightBytes: optional(described(integer({ min: 1, max: 1e15 }), "Size of its weights in memory.")),
  contextTokens: count(32_768, 100_000_000, "Longest prompt and answer together."),
  outputTokens: count(256, 1_000_000, "Expected length of an answer of which nothing else is known."),
  embeds: optional(described(boolean(), "Serves embeddings; told from its name unless said.")),
});

/** They are looked at one by one when all faults are asked for. */
export const lists = { keys: key, tenants: tenant, hosts: host, models: model, engines: engineShape };
