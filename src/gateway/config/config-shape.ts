/** `fate.yaml` as shapes: what `schema/fate.schema.json` publishes and the parser accepts, with all defaults. */

import {
  array,
  boolean,
  described,
  integer,
  number,
  object,
  oneOf,
  optional,
  text,
  withDefault,
  type Parsed,
} from "../../trace/shape.ts";
import { engineShape, enginesShape } from "./engine-shape.ts";
import {
  addressText,
  count,
  hidden,
  mapOf,
  modelText,
  ms,
  nameText,
  originText,
  pathText,
  port,
  rate,
  section,
  variableText,
  worded,
} from "./pieces.ts";

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const tebibyte = 2 ** 40;

const listen = section(
  "Where callers reach it.",
  object({
    host: withDefault(
      described(
        worded(text({ max: 253, pattern: "^[A-Za-z0-9.:_-]+$" }), "an address or a host name"),
        "Address to listen on.",
      ),
      "127.0.0.1",
    ),
    port: count(7373, 65_535, "0 takes any free port.", 0),
    openWithoutKey: withDefault(
      described(boolean(), "Serve beyond loopback although no key is asked for: anyone who can reach it may call."),
      false,
    ),
  }),
);

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

const discovery = section(
  "Engines that are found while it runs.",
  object({
    file: optional(described(pathText, "A YAML file of more engines, read again when it changes.")),
    dns: withDefault(
      described(
        array(
          object({
            name: described(
              worded(text({ max: 253, pattern: "^[A-Za-z0-9._-]+$" }), "a host name"),
              "What is resolved.",
            ),
            port: described(port, "Where the engines listen."),
            everyMs: ms(10_000, "How often the name is resolved.", 100),
            engine: described(engineShape, "What they are, without an address."),
          }),
          { max: 100 },
        ),
        "Every address that a name resolves to is an engine like `engine`.",
      ),
      [],
    ),
  }),
);

const queue = section(
  "How many calls wait, and how long.",
  object({
    maxWaiting: count(1024, 1_000_000, "Calls that wait for a place, over all tenants."),
    hardestWaitMs: ms(
      30_000,
      "Nothing begins that would have a call wait longer than this; a call that has goes before everything else.",
    ),
    giveUpMs: ms(120_000, "A call that waited this long is answered 503."),
  }),
);

const limits = section(
  "What callers and engines may ask of it.",
  object({
    bodyBytes: count(32 * mebibyte, 1024 * mebibyte, "Of a request.", 1024),
    heldBytes: count(1024 * mebibyte, 1024 * 1024 * mebibyte, "Of all requests that are not answered yet.", 1024),
    bodyValues: count(1_000_000, 1024 * mebibyte, "Objects, lists and keys in the JSON of a request.", 1024),
    headerBytes: count(16_384, mebibyte, "Of a request, all headers together.", 1024),
    connections: count(2048, 1_000_000, "Open at once."),
    slowClientMs: ms(30_000, "For all headers, and for a whole body, to come."),
    stallMs: ms(120_000, "Between two pieces of an engine's answer."),
  }),
);

const identity = section(
  "How long workflows are followed.",
  object({
    idleMs: ms(300_000, "A workflow of which nothing was heard this long is over."),
    maxWorkflows: count(10_000, 1_000_000, "Followed at once."),
    maxStages: count(512, 100_000, "Per workflow: beyond that it goes on as a new one."),
  }),
);

const planning = section(
  "When plans are made.",
  object({
    inPlaceStages: count(
      4,
      100_000,
      "Up to so many ready stages are planned in place, while that takes a tenth of its thread at most; 0 plans all in place.",
      0,
    ),
    debounceMs: ms(2, "How long to gather what happens before a plan is made.", 0),
    deadlineMs: ms(
      250,
      "After which a plan of the planning thread is no longer waited for; a search ends a fifth earlier.",
    ),
  }),
);

const health = section(
  "How engines are watched.",
  object({
    everyMs: ms(2000, "Between two looks at an engine.", 50),
    timeoutMs: ms(1000, "For a look."),
    failures: count(3, 1000, "Failures in a row that open the breaker."),
    openMs: ms(10_000, "How long it stays open before one look tries again."),
  }),
);

const journal = section(
  "The record of what happened.",
  object({
    write: withDefault(described(boolean(), "Whether there is a journal at all."), true),
    path: optional(
      described(
        pathText,
        "A file that it is written to; else the store, or .fate/journal.ndjson where that is in memory.",
      ),
    ),
    maxBytes: count(32 * mebibyte, tebibyte, "Of a file, before the next is begun.", mebibyte),
    keep: count(32, 10_000, "Full files that are kept.", 0),
  }),
);

const store = section(
  "Where declared workflows and the journal are kept.",
  object({
    kind: optional(
      described(
        oneOf("memory", "sqlite", "postgres"),
        "Unless said, postgres where the variable `urlEnv` is set, else sqlite; memory forgets all with the process.",
      ),
    ),
    path: withDefault(described(pathText, "Of the SQLite file."), ".fate/store.db"),
    urlEnv: withDefault(
      described(variableText, "Environment variable that holds the address of the Postgres database."),
      "DATABASE_URL",
    ),
    keepRuns: count(10_000, 100_000_000, "Declared workflows that are over, before the oldest are forgotten.", 0),
    keepDays: count(30, 36_500, "After which a declared workflow that is over is forgotten."),
    journalBytes: count(gibibyte, tebibyte, "Of the journal in the store, before its oldest segments go.", mebibyte),
  }),
);

const replicas = described(
  object({
    url: described(originText, "Where the other gateways reach this one."),
    leaseMs: ms(2000, "So long after the planner was last heard of, another may plan.", 200),
    keyEnv: withDefault(
      described(variableText, "Environment variable that holds the key by which gateways know one another."),
      "FATE_REPLICAS_KEY",
    ),
  }),
  "Several gateways over one Postgres, of which one plans.",
);

const headersFromEnv = withDefault(
  described(
    mapOf({ pattern: "^[A-Za-z0-9][A-Za-z0-9-]*$", expects: "a header's name" }, variableText, 50),
    "Header name to environment variable.",
  ),
  {},
);

const tool = object({
  name: described(nameText, "What workflows call it by."),
  url: described(addressText, "What is called."),
  method: withDefault(described(oneOf("GET", "POST"), "How."), "POST"),
  headersFromEnv,
  timeoutMs: ms(30_000, "For the whole answer."),
  maxBytes: count(mebibyte, 1024 * mebibyte, "Of an answer."),
});

const declared = section(
  "Workflows that are handed in whole.",
  object({
    maxOpen: count(256, 100_000, "Declared workflows that are open at once."),
    maxStages: count(1000, 100_000, "Of one workflow."),
    maxItems: count(10_000, 1_000_000, "Of one map."),
    maxEdges: count(50_000, 10_000_000, "Parents of all stages of one workflow together."),
    tools: withDefault(
      described(array(tool, { max: 1000 }), "Addresses that declared workflows may call, by name."),
      [],
    ),
  }),
);

const traces = section(
  "Spans for others to collect.",
  object({
    endpoint: optional(described(addressText, "OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces.")),
    headersFromEnv,
    serviceName: withDefault(described(nameText, "Under which spans are filed."), "fate"),
    ratio: withDefault(described(number({ min: 0, max: 1 }), "Share of traces kept, of those that come undecided."), 1),
  }),
);

const log = section(
  "Lines for people and machines.",
  object({
    level: withDefault(
      described(oneOf("silent", "error", "warn", "info", "debug"), "From which on lines are written."),
      "info",
    ),
    format: withDefault(described(oneOf("json", "text"), "For machines, or for people."), "text"),
  }),
);

/** Every section of the file, each a shape of its own. */
export const sections = {
  version: withDefault(described(oneOf(1), "Of this format."), 1),
  listen,
  policy: withDefault(
    described(text({ max: 100 }), "A name of the policy table; `fate policies` lists them."),
    "foresight",
  ),
  seed: withDefault(described(integer({ max: 4_294_967_295 }), "Decides the policy's luck."), 1),
  keys: withDefault(described(array(key, { max: 10_000 }), "Who may call; without keys everyone on this machine."), []),
  tenants: withDefault(described(array(tenant, { max: 10_000 }), "Who shares the gateway."), []),
  hosts: withDefault(described(array(host, { max: 1000 }), "Machines, where the usual figures are not theirs."), []),
  models: withDefault(described(array(model, { max: 1000 }), "What is to be known of models beyond their names."), []),
  engines: withDefault(described(enginesShape, "What calls go to."), []),
  discovery,
  queue,
  limits,
  identity,
  planning,
  health,
  journal,
  store,
  replicas: optional(replicas),
  declared,
  metrics: withDefault(described(boolean(), "Whether /metrics answers."), true),
  traces,
  log,
};

/** Lists whose entries are looked at one by one when all faults are asked for. */
export const lists = { keys: key, tenants: tenant, hosts: host, models: model, engines: engineShape };

export const configShape = object(sections);

export type ConfigEntry = Parsed<typeof configShape>;
export type ModelEntry = Parsed<typeof model>;
