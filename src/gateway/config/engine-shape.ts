/** An engine as `fate.yaml` describes it. What is left out depends on its kind: `fill-in.ts`. */

import { array, boolean, described, integer, number, object, oneOf, optional, text } from "../../trace/shape.ts";
import { withDefault, type Parsed } from "../../trace/shape.ts";
import {
  count,
  mapOf,
  modelText,
  nameText,
  originText,
  pathText,
  port,
  rate,
  socketText,
  textOr,
  variableText,
} from "./pieces.ts";

const engineKinds = ["vllm", "sglang", "llama-cpp", "ollama", "openai", "emulated", "llama"] as const;

/** Entries of each list of an engine, and engines. */
export const most = { models: 1000, servers: 100, labels: 100, engines: 1000 };
const bytes = integer({ min: 1, max: 1e15 });

const servedModel = textOr(
  modelText,
  object({ id: modelText, as: described(modelText, "The server's own name of it; the same as id unless said.") }),
);

export const engineShape = object({
  id: optional(described(nameText, "What it is called; its kind unless said, with a number from the second on.")),
  kind: described(oneOf(...engineKinds), "What server it is."),
  url: optional(described(originText, "Where it listens.")),
  servers: withDefault(
    described(
      array(object({ url: originText, model: modelText }), { max: most.servers }),
      "vLLM in sleep mode: servers that share the devices, one model each, of which one is awake.",
    ),
    [],
  ),
  host: optional(described(nameText, "The machine it stands on, of `hosts`; that of its address unless said.")),
  gpu: optional(described(nameText, "GPU kind, such as h100-80g, or cpu. Assumed by kind, and said so, if absent.")),
  gpus: count(1, 1024, "How many GPUs it spans."),
  role: withDefault(described(oneOf("both", "prefill", "decode"), "Which phases it takes."), "both"),
  models: withDefault(
    described(array(servedModel, { max: most.models }), "What it may serve; what it says it has if empty."),
    [],
  ),
  resident: withDefault(
    described(array(modelText, { max: most.models }), "Models that are loaded when the gateway starts."),
    [],
  ),
  maxResident: optional(
    described(integer({ min: 1, max: most.models }), "Models it may hold at once; by kind unless said."),
  ),
  maxSequences: optional(
    described(
      integer({ min: 1, max: 100_000 }),
      "Calls it serves side by side, 1 being one after another; by kind unless said.",
    ),
  ),
  memoryShare: withDefault(described(number({ above: 0, max: 1 }), "Of GPU memory, for weights and KV."), 0.9),
  kvBytes: optional(
    described(bytes, "KV memory set aside per resident model; if absent and there is one, all that weights leave."),
  ),
  labels: withDefault(described(array(nameText, { max: most.labels }), "What stages may ask for."), []),
  apiKeyEnv: optional(described(variableText, "Environment variable that holds the server's own key.")),
  handOff: optional(described(oneOf("nixl", "bootstrap"), "How KV goes from prefill to decode; by kind unless said.")),
  bootstrapPort: optional(described(port, "SGLang: where the decode side fetches from; 8998 for a prefill engine.")),
  kvEvents: optional(
    described(
      object({
        endpoint: described(socketText, "Where the server publishes."),
        replay: optional(described(socketText, "Where missed events can be asked for again.")),
        topic: withDefault(described(text({ min: 0, max: 300 }), "All that begin so."), ""),
      }),
      "vLLM, SGLang: the server tells what its prefix cache holds.",
    ),
  ),
  sendsPriority: withDefault(
    described(boolean(), "vLLM with --scheduling-policy priority: send each call's rank along."),
    false,
  ),
  speed: rate(1, "Emulated engines: how many times faster than their GPU."),
  files: withDefault(
    described(
      mapOf({ pattern: "^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$", expects: "a model's name" }, pathText, most.models),
      "llama: path of the GGUF file per model.",
    ),
    {},
  ),
});

export type EngineEntry = Parsed<typeof engineShape>;

export const enginesShape = array(engineShape, { max: most.engines });
