/** Calls for declared workflows: the same engines, names, keys and hand-offs as calls over HTTP, answered whole. */

import { spliceJson } from "../../wire/json-splice.ts";
import type { Adapter } from "../adapter/adapter.ts";
import type { Surface } from "../call/call.ts";
import type { Caller, ModelCall } from "../declared/model-call.ts";
import type { WorkflowId } from "../../model/workflow.ts";
import type { ShareFault } from "../live/driver.ts";
import type { FinishedCall } from "../observe/call-metrics.ts";
import { toShareFault } from "./engine-answer.ts";
import { toFirstLeg, toSecondLeg, type HandOffTicket } from "./legs.ts";
import type { Outgoing, Upstreams } from "./upstreams.ts";
import { UsageMeter } from "./usage-meter.ts";
import { createWholeReceiver } from "./whole-answer.ts";

const paths: Readonly<Record<Surface, string>> = {
  chat: "/v1/chat/completions",
  completions: "/v1/completions",
  embeddings: "/v1/embeddings",
  responses: "/v1/responses",
  messages: "/v1/messages",
};

/** Longer answers are a fault of the engine. */
const maxAnswerBytes = 32 * 1024 * 1024;

export type UpstreamCallerHost = {
  readonly adapter: (engine: string) => Adapter;
  readonly upstreams: Upstreams;
  readonly bootstrapPort: (engine: string) => number | undefined;
  readonly nowUs: () => number;
  readonly tenantOf: (workflow: WorkflowId) => string | undefined;
  /** Told of each answer, and of each call that came to none; not of the first legs of pairs. */
  readonly onFinished: (call: FinishedCall) => void;
};

/** What the second leg goes by. Undefined: it takes the prompt in itself. */
type Ticket = HandOffTicket | undefined;

export function createUpstreamCaller(host: UpstreamCallerHost): Caller {
  const prefill = async (asked: ModelCall): Promise<ModelCallOutcome> => {
    const { turn } = asked;
    const adapter = host.adapter(turn.engine);
    const meeting = { bootstrapPort: host.bootstrapPort(turn.engine), draw: Math.random };
    const first = toFirstLeg(asked.body, adapter, turn.model, meeting);
    // What cannot be handed over is taken in where it is decoded.
    if (first === undefined) return handedOver(undefined);
    const answering = post(host.upstreams, adapter, asked, first.body, 0);
    // Here both legs run at once; what the first one comes to shows in the second.
    if (first.ticket.kind === "bootstrap") return handedOver(first.ticket);
    const answer = await answering;
    if (answer.kind !== "answer") return answer;
    if (answer.status !== 200) return busy(`${turn.engine} answered ${answer.status}`);
    const ticket: HandOffTicket = { kind: "nixl", answer: answer.body };
    return isUsable(asked.body, ticket) ? handedOver(ticket) : busy(`${turn.engine} answered with no JSON`);
  };
  const answer = async (asked: ModelCall): Promise<Posted> => {
    const { turn } = asked;
    const ticket = asked.handOff as Ticket;
    const second = ticket === undefined ? { body: asked.body } : toSecondLeg(asked.body, ticket);
    const startUs = host.nowUs();
    const posted = await post(host.upstreams, host.adapter(turn.engine), asked, second.body, turn.stage.limitTokens);
    if (!asked.signal.aborted) host.onFinished(toFinished(asked, posted, startUs, host));
    return posted;
  };
  return { call: (asked) => (asked.turn.phase === "prefill" ? prefill(asked) : answer(asked)) };
}

type ModelCallOutcome = Awaited<ReturnType<Caller["call"]>>;

function handedOver(handOff: Ticket): ModelCallOutcome {
  return { kind: "handed-over", handOff };
}

/** Waiting is not told of: the items of a share wait together, and a stage is counted elsewhere. */
function toFinished(
  { turn, surface }: ModelCall,
  posted: Posted,
  startUs: number,
  { nowUs, tenantOf }: UpstreamCallerHost,
): FinishedCall {
  const about = {
    surface,
    tenant: tenantOf(turn.stage.workflow) ?? "default",
    model: turn.model,
    engine: turn.engine,
    durationUs: nowUs() - startUs,
  };
  if (posted.kind !== "answer") return { ...about, status: 502 };
  if (posted.status >= 300) return { ...about, status: posted.status };
  const meter = new UsageMeter(false, surface !== "embeddings");
  meter.see(posted.body);
  return { ...about, status: posted.status, ...meter.read() };
}

function isUsable(body: Uint8Array, ticket: HandOffTicket): boolean {
  try {
    toSecondLeg(body, ticket);
    return true;
  } catch {
    return false;
  }
}

type Posted = { readonly kind: "answer"; readonly status: number; readonly body: Buffer } | ShareFault;

function post(
  upstreams: Upstreams,
  adapter: Adapter,
  { turn, surface, signal }: ModelCall,
  body: Uint8Array,
  silentTokens: number,
): Promise<Posted> {
  const { promise, resolve } = Promise.withResolvers<Posted>();
  const { origin, model, headers } = adapter.upstream(turn.model);
  const outgoing: Outgoing = {
    origin,
    path: paths[surface],
    headers: { ...headers, "content-type": "application/json" },
    body: model === turn.model ? body : spliceJson(body, { model }),
    streams: false,
    silentTokens,
  };
  const receiver = createWholeReceiver(maxAnswerBytes, {
    onWhole: ({ status, body: answer }) => resolve({ kind: "answer", status, body: answer }),
    onTooLong: () => {
      resolve(busy(`${turn.engine} answered with more than ${maxAnswerBytes} bytes`));
      exchange.abort();
    },
    onError: (error, status) => resolve({ ...toShareFault(turn.engine, error, status !== 0), retry: true }),
  });
  const exchange = upstreams.post(outgoing, receiver);
  const callOff = (): void => {
    exchange.abort();
    resolve({ kind: "cut", retry: false, message: "called off" });
  };
  if (signal.aborted) callOff();
  else signal.addEventListener("abort", callOff, { once: true });
  return promise.finally(() => signal.removeEventListener("abort", callOff));
}

function busy(message: string): ShareFault {
  return { kind: "busy", retry: true, message };
}
