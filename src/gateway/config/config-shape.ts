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
import { lists } from "./list-shapes.ts";
import {
  addressText,
  count,
  mapOf,
  ms,
  nameText,
  originText,
  pathText,
  port,
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
    answerMs: ms(7_200_000, "For all of an engine's answer, however steadily it drips."),
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
  keys: withDefault(
    described(array(lists.keys, { max: 10_000 }), "Who may call; without keys everyone on this machine."),
    [],
  ),
  tenants: withDefault(described(array(lists.tenants, { max: 10_000 }), "Who shares the gateway."), []),
  hosts: withDefault(
    described(array(lists.hosts, { max: 1000 }), "Machines, where the usual figures are not theirs."),
    [],
  ),
  models: withDefault(
    described(array(lists.models, { max: 1000 }), "What is to be known of models beyond their names."),
    [],
  ),
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

export const configShape = object(sections);

export type ConfigEntry = Parsed<typeof configShape>;
export type ModelEntry = Parsed<typeof lists.models>;
