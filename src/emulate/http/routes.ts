/** Every path that an emulated engine knows, and on which surface. */

import type { SurfaceName } from "../options.ts";
import { giveKv } from "../hand-off/fetch-kv.ts";
import { chat } from "../surface/chat.ts";
import { completions } from "../surface/completions.ts";
import * as control from "../surface/control.ts";
import { embeddings } from "../surface/embeddings.ts";
import { listFaults, setFaults } from "../surface/fault-control.ts";
import { generate } from "../surface/generate.ts";
import { messages } from "../surface/messages.ts";
import { metrics } from "../surface/metrics.ts";
import { ps, show, tags } from "../surface/ollama-models.ts";
import { ollamaChat, ollamaEmbed, ollamaGenerate } from "../surface/ollama.ts";
import { responses } from "../surface/responses.ts";
import { isSleeping, sleep, wakeUp } from "../surface/sleep.ts";
import { tokenize } from "../surface/tokenize.ts";
import type { Call } from "./call.ts";

export type Route = {
  /** Absent: on all. */
  readonly surface?: Exclude<SurfaceName, "all">;
  /** Asks a model, so that faults of calls meet it. */
  readonly asks?: boolean;
  readonly answer: (call: Call) => void | Promise<void>;
};

export const routes: Readonly<Record<string, Route>> = {
  "POST /v1/chat/completions": { asks: true, answer: (call) => generate(call, chat) },
  "POST /v1/completions": { asks: true, answer: (call) => generate(call, completions) },
  "POST /v1/embeddings": { asks: true, answer: embeddings },
  "POST /v1/responses": { asks: true, answer: (call) => generate(call, responses) },
  "POST /v1/messages": { asks: true, answer: (call) => generate(call, messages) },
  "GET /v1/models": { answer: control.listModels },
  "POST /tokenize": { surface: "vllm", answer: tokenize },
  "GET /health": { surface: "vllm", answer: control.health },
  "GET /metrics": { surface: "vllm", answer: metrics },
  "GET /version": { surface: "vllm", answer: control.version },
  "POST /sleep": { surface: "vllm", answer: sleep },
  "POST /wake_up": { surface: "vllm", answer: wakeUp },
  "GET /is_sleeping": { surface: "vllm", answer: isSleeping },
  "GET /": { surface: "ollama", answer: control.greet },
  "GET /api/version": { surface: "ollama", answer: control.version },
  "GET /api/ps": { surface: "ollama", answer: ps },
  "GET /api/tags": { surface: "ollama", answer: tags },
  "POST /api/show": { surface: "ollama", answer: show },
  "POST /api/generate": { surface: "ollama", asks: true, answer: ollamaGenerate },
  "POST /api/chat": { surface: "ollama", asks: true, answer: ollamaChat },
  "POST /api/embed": { surface: "ollama", asks: true, answer: ollamaEmbed },
  "POST /fate/load": { answer: control.load },
  "POST /fate/unload": { answer: control.unload },
  "GET /fate/residency": { answer: control.residency },
  "GET /fate/stats": { answer: control.stats },
  "GET /fate/faults": { answer: listFaults },
  "POST /fate/faults": { answer: setFaults },
  "POST /fate/kv": { answer: giveKv },
};
