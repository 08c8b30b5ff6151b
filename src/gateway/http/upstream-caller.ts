/** Calls for declared workflows: the same engines, names, keys and hand-offs as calls over HTTP, answered whole. */

import type { IncomingHttpHeaders } from "node:http";
import { spliceJson } from "../../wire/json-splice.ts";
import type { Adapter } from "../adapter/adapter.ts";
import type { Surface } from "../call/call.ts";
import type { Caller, ModelCall } from "../declared/model-call.ts";
import type { ShareFault } from "../live/driver.ts";
import { toFirstLeg, toSecondLeg, type HandOffTicket } from "./legs.ts";
import type { Upstreams } from "./upstreams.ts";
import { UsageMeter } from "./usage-meter.ts";

const paths: Readonly<Record<Surface, string>> = {
  chat: "/v1/chat/completions",
  completions: "/v1/completions",
  embeddings: "/v1/embeddings",
  responses: "/v1/responses",
  messages: "/v1/messages",
};

/** Longer answers are a fault of the engine. */
const maxAnswerBytes = 32 * 1024 * 1024;

export function createUpstreamCaller(host: {
  readonly adapter: (engine: string) => Adapter;
  readonly upstreams: Upstreams;
  readonly bootstrapPort: (engine: string) => number | undefined;
}): Caller {
  const call: Caller["call"] = async (asked) => {
    const { turn } = asked;
    const adapter = host.adapter(turn.engine);
    if (turn.phase === "prefill") {
      const meeting = { bootstrapPort: host.bootstrapPort(turn.engine), draw: Math.random };
      const first = toFirstLeg(asked.body, adapter, turn.model, meeting);
      // What cannot be handed over is taken in where it is decoded.
      if (first === undefined) return { kind: "handed-over", handOff: undefined };
      const answering = post(host.upstreams, adapter, asked, first.body, 0);
      // Here both legs run at once; what the first one comes to shows in the second.
      if (first.ticket.kind === "bootstrap") return { kind: "handed-over", handOff: first.ticket };
      const answer = await answering;
      if (answer.kind !== "answer") return answer;
      if (answer.status !== 200) return busy(`${turn.engine} answered ${answer.status}`);
      const ticket: HandOffTicket = { kind: "nixl", answer: answer.body };
      return isUsable(asked.body, ticket)
        ? { kind: "handed-over", handOff: ticket }
        : busy(`${turn.engine} answered with no JSON`);
    }
    const ticket = asked.handOff as HandOffTicket | undefined;
    const body = ticket === undefined ? asked.body : toSecondLeg(asked.body, ticket);
    return post(host.upstreams, adapter, asked, body, turn.stage.limitTokens);
  };
  return { call };
}

function isUsable(body: Uint8Array, ticket: HandOffTicket): boolean {
  try {
    toSecondLeg(body, ticket);
    return true;
  } catch {
    return false;
  }
}

type Posted = Exclude<Awaited<ReturnType<Caller["call"]>>, { kind: "handed-over" }>;

function post(
  upstreams: Upstreams,
  adapter: Adapter,
  { turn, surface, signal, firstToken }: ModelCall,
  body: Uint8Array,
  silentTokens: number,
): Promise<Posted> {
  const { promise, resolve } = Promise.withResolvers<Posted>();
  const { origin, model, headers } = adapter.upstream(turn.model);
  const outgoing = spliceJson(body, { model });
  const chunks: Buffer[] = [];
  const meter = new UsageMeter(false);
  let status = 0;
  let bytes = 0;
  const exchange = upstreams.post(
    {
      origin,
      path: paths[surface],
      headers: { ...headers, "content-type": "application/json" },
      body: outgoing,
      silentTokens,
    },
    {
      onHead: (code: number, _headers: IncomingHttpHeaders) => {
        status = code;
      },
      onData: (chunk) => {
        if (bytes === 0) firstToken();
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) {
          exchange.abort();
          resolve(busy(`${turn.engine} answered with more than ${maxAnswerBytes} bytes`));
          return true;
        }
        chunks.push(chunk);
        meter.see(chunk);
        return true;
      },
      onEnd: () => resolve({ kind: "answer", status, body: Buffer.concat(chunks) }),
      onError: ({ code = "no code" }) =>
        resolve({
          kind: code === "ECONNREFUSED" ? "unreachable" : status === 0 ? "stalled" : "cut",
          retry: true,
          message: `${turn.engine} broke off (${code})`,
        }),
    },
  );
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
