/** A client of the gateway: calls with the names of their workflow, stage and parents, as an agent framework would send them. */

import { Agent as Connections, request } from "undici";
import type { StageId, WorkflowId } from "../model/workflow.ts";
import type { Message } from "./prompt-text.ts";

export type AgentCall = {
  readonly workflow: WorkflowId;
  readonly class?: string;
  readonly stage: StageId;
  readonly parents: readonly StageId[];
  /** Nothing follows in this workflow. */
  readonly final: boolean;
  readonly model: string;
  readonly embeds: boolean;
  readonly messages: readonly Message[];
  /** As long as an emulated engine is to answer. */
  readonly outputTokens: number;
  /** Cap on the answer; 0: none. */
  readonly limitTokens: number;
  readonly signal: AbortSignal;
};

export type Agent = AsyncDisposable & {
  /** Resolves with the text of the answer. */
  readonly ask: (call: AgentCall) => Promise<string>;
  /** Calls so far. */
  readonly calls: () => number;
};

/** The gateway takes no more names. */
const mostParents = 64;
const mostConnections = 512;

export function createAgent({ url }: { readonly url: string }): Agent {
  const dispatcher = new Connections({ connections: mostConnections, headersTimeout: 0, bodyTimeout: 0 });
  let calls = 0;
  return {
    calls: () => calls,
    ask: async (call) => {
      calls += 1;
      const { statusCode, body } = await request(`${url}/v1/${call.embeds ? "embeddings" : "chat/completions"}`, {
        method: "POST",
        dispatcher,
        signal: call.signal,
        headers: toHeaders(call),
        body: JSON.stringify(toBody(call)),
      });
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`answered ${statusCode}: ${text.slice(0, 300)}`);
      return call.embeds ? "" : readAnswer(text);
    },
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  };
}

function toBody({ model, embeds, messages, limitTokens }: AgentCall): object {
  if (embeds) return { model, input: messages.map(({ content }) => content).join("") };
  return {
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
    ...(limitTokens > 0 ? { max_tokens: limitTokens } : {}),
  };
}

function toHeaders(call: AgentCall): Record<string, string> {
  return {
    "content-type": "application/json",
    "x-workflow-id": toName(call.workflow),
    ...(call.class === undefined ? {} : { "x-workflow-class": toName(call.class) }),
    "x-workflow-stage": toName(call.stage),
    "x-workflow-parents": call.parents.slice(0, mostParents).map(toName).join(","),
    ...(call.final ? { "x-workflow-final": "true" } : {}),
    ...(call.embeds ? {} : { "x-emulate-output-tokens": String(call.outputTokens) }),
  };
}

/** Names of recorded graphs hold what a header must not, and a comma would part two names. */
function toName(name: string): string {
  return encodeURIComponent(name).slice(0, 200);
}

/** The pieces of the stream put together. */
function readAnswer(text: string): string {
  let answer = "";
  let ended = false;
  for (const line of text.split("\n")) {
    if (!line.startsWith("data: ")) continue;
    if (line === "data: [DONE]") {
      ended = true;
      continue;
    }
    const { choices = [] } = JSON.parse(line.slice("data: ".length)) as Chunk;
    answer += choices[0]?.delta?.content ?? "";
  }
  if (!ended) throw new Error("the answer broke off");
  return answer;
}

type Chunk = { readonly choices?: readonly { readonly delta?: { readonly content?: string } }[] };
