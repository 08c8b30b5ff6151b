/** One call over HTTP, from the moment it is understood until its answer is out: the work behind a stage of the driver. */

import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { spliceJson } from "../../wire/json-splice.ts";
import type { Adapter } from "../adapter/adapter.ts";
import type { CallFault, CallShape, Surface } from "../call/call.ts";
import { isIdentityHeader } from "../call/forwarded-headers.ts";
import type { Refusal, Turn, Work } from "../live/driver.ts";
import { answerFault, faultOf } from "./answer.ts";
import { toFirstLeg, toSecondLeg, type HandOffTicket } from "./legs.ts";
import type { Exchange, Receiver, Upstreams } from "./upstreams.ts";
import { UsageMeter, type Usage } from "./usage-meter.ts";

export type JobRequest = {
  readonly surface: Surface;
  /** With its query, as the client sent it. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly shape: CallShape;
  /** When its headers came, and when its body was read. */
  readonly startUs: number;
  readonly readUs: number;
  /** May be made a second time if nothing has come of the first. */
  readonly repeatable: boolean;
  /** For the server, so that its trace hangs under ours. */
  readonly traceparent?: string;
};

/** What became of it, for the metrics. */
export type JobOutcome = {
  readonly status: number;
  readonly turn?: Turn;
  readonly usage?: Usage;
  readonly overheadUs: number;
  readonly firstTokenUs?: number;
  readonly refusal?: string;
};

export type JobHost = {
  readonly nowUs: () => number;
  readonly adapter: (engine: string) => Adapter;
  readonly upstreams: Upstreams;
  readonly sendsPriority: (engine: string) => boolean;
  /** Where a prefill engine is met by those that decode from it. */
  readonly bootstrapPort: (engine: string) => number | undefined;
  /** Nobody waits for the answer any more. */
  readonly abandon: (job: CallJob) => void;
  readonly finish: (job: CallJob, outcome: JobOutcome) => void;
};

/** Statuses of an engine that say nothing against the call itself. */
const busyStatuses = new Set([408, 429, 500, 502, 503, 504, 529]);

export class CallJob implements Work {
  readonly request: JobRequest;
  /** Whatever the host wants to find again by the job. */
  stage = "";
  workflow = "";
  readonly #response: ServerResponse;
  readonly #host: JobHost;
  readonly #extraHeaders: OutgoingHttpHeaders;
  /** At most two legs. */
  readonly #exchanges: Exchange[] = [];
  #ticket: HandOffTicket | undefined;
  #turn: Turn | undefined;
  #sentUs = 0;
  #firstTokenUs = 0;
  #over = false;

  constructor(request: JobRequest, response: ServerResponse, host: JobHost, extraHeaders: OutgoingHttpHeaders) {
    this.request = request;
    this.#response = response;
    this.#host = host;
    this.#extraHeaders = extraHeaders;
    response.on("close", () => this.#onClose());
  }

  start(turn: Turn): void {
    if (this.#over) return;
    this.#turn = turn;
    this.#sentUs = this.#host.nowUs();
    if (turn.phase === "prefill") this.#prefill(turn);
    else this.#answer(turn);
  }

  refuse(refusal: Refusal): void {
    this.#fail(faultOf(refusal), refusal.kind);
  }

  // A prompt that is taken in by one engine for another.

  #prefill(turn: Turn): void {
    const meeting = { bootstrapPort: this.#host.bootstrapPort(turn.engine), draw: Math.random };
    const { body, ticket } = toFirstLeg(this.request.body, this.#host.adapter(turn.engine), turn.model, meeting);
    this.#ticket = ticket;
    const chunks: Buffer[] = [];
    let status = 0;
    this.#post(turn, body, {
      onHead: (code) => {
        status = code;
      },
      onData: (chunk) => {
        chunks.push(chunk);
        return true;
      },
      onEnd: () => {
        if (status !== 200) return this.#onBadStatus(turn, status);
        if (ticket.kind === "bootstrap") return;
        this.#ticket = { kind: "nixl", answer: Buffer.concat(chunks) };
        turn.handedOver();
      },
      onError: (error) => this.#onError(turn, error, false),
    });
    // Here both legs run at once: the decode engine fetches what the prefill engine makes.
    if (ticket.kind === "bootstrap") turn.handedOver();
  }

  // The answer, streamed through as it comes.

  #answer(turn: Turn): void {
    const body =
      turn.phase === "decode" && this.#ticket !== undefined
        ? toSecondLeg(this.request.body, this.#ticket)
        : this.request.body;
    const meter = new UsageMeter(this.request.shape.stream);
    let refused = 0;
    const exchange = this.#post(turn, body, {
      onHead: (status, headers) => {
        if (busyStatuses.has(status)) {
          refused = status;
          return;
        }
        this.#writeHead(turn, status, headers);
      },
      onData: (chunk) => {
        if (refused > 0) return true;
        if (this.#firstTokenUs === 0) this.#onFirstData(turn);
        meter.see(chunk);
        if (this.#response.write(chunk)) return true;
        this.#response.once("drain", () => exchange.resume());
        return false;
      },
      onEnd: () => {
        if (refused > 0) this.#onBadStatus(turn, refused);
        else this.#onAnswered(turn, meter);
      },
      onError: (error) => this.#onError(turn, error, this.#response.headersSent),
    });
  }

  #onFirstData(turn: Turn): void {
    this.#firstTokenUs = this.#host.nowUs();
    if (this.request.shape.stream) turn.firstToken();
  }

  #onAnswered(turn: Turn, meter: UsageMeter): void {
    this.#over = true;
    const usage = meter.read();
    this.#response.end();
    const status = this.#response.statusCode;
    if (status >= 400) turn.fail({ kind: "rejected", retry: false, message: `${turn.engine} answered ${status}` });
    else turn.end(usage);
    this.#finish(status, { turn, usage });
  }

  #writeHead(turn: Turn, status: number, headers: IncomingHttpHeaders): void {
    const answer: OutgoingHttpHeaders = {};
    for (const name in headers) if (!hopByHop.has(name)) answer[name] = headers[name];
    Object.assign(answer, this.#extraHeaders);
    answer["x-fate-route"] = routeOf(turn);
    answer["x-fate-overhead-ms"] = (this.#overheadUs(turn) / 1000).toFixed(3);
    if (this.workflow !== "") answer["x-fate-workflow"] = encodeURIComponent(this.workflow);
    this.#response.writeHead(status, answer);
  }

  /** From when the call was there until it went on, without its wait for a place. */
  #overheadUs({ waitedUs }: Turn): number {
    return Math.max(0, this.#sentUs - this.request.readUs - waitedUs);
  }

  #post(turn: Turn, body: Uint8Array, receiver: Receiver): Exchange {
    const upstream = this.#host.adapter(turn.engine).upstream(turn.model);
    const headers = forwardedHeaders(this.request.headers);
    Object.assign(headers, upstream.headers);
    headers["content-type"] = "application/json";
    if (this.request.traceparent !== undefined) headers["traceparent"] = this.request.traceparent;
    const changes: Record<string, unknown> = {};
    if (upstream.model !== this.request.shape.model) changes["model"] = upstream.model;
    if (this.#host.sendsPriority(turn.engine))
      changes["priority"] = turn.stage.ordinal - turn.stage.priority * 1_000_000;
    let changed = false;
    for (const _ in changes) changed = true;
    const outgoing = changed ? spliceJson(body, changes) : body;
    const { origin } = upstream;
    const exchange = this.#host.upstreams.post({ origin, path: this.request.path, headers, body: outgoing }, receiver);
    this.#exchanges.push(exchange);
    return exchange;
  }

  #callOff(): void {
    for (const exchange of this.#exchanges) exchange.abort();
    this.#exchanges.length = 0;
  }

  // What goes wrong.

  #onBadStatus(turn: Turn, status: number): void {
    if (this.#over) return;
    this.#callOff();
    const message = `${turn.engine} answered ${status}`;
    turn.fail({ kind: "busy", retry: this.#mayRepeat(), message });
    if (!this.#mayRepeat()) this.#fail(badGateway(message), "engine-failed");
  }

  #onError(turn: Turn, error: NodeJS.ErrnoException, started: boolean): void {
    if (this.#over) return;
    this.#callOff();
    const kind = kindOf(error, started);
    const message = `${turn.engine} ${sayFault(kind, error)}`;
    // A connection that was never made has carried nothing.
    const retry = !started && (kind === "unreachable" || this.#mayRepeat());
    turn.fail({ kind, retry, message });
    if (retry) return;
    if (!this.#response.headersSent) return this.#fail(badGateway(message), "engine-failed");
    // The answer is broken off where it is: the client must not take it for whole.
    this.#over = true;
    this.#response.destroy();
    this.#finish(this.#response.statusCode, { turn, refusal: "cut" });
  }

  #mayRepeat(): boolean {
    return this.request.repeatable && !this.#response.headersSent;
  }

  #fail(fault: CallFault, refusal: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#callOff();
    answerFault(this.#response, fault, this.#extraHeaders);
    this.#finish(fault.status, { ...(this.#turn === undefined ? {} : { turn: this.#turn }), refusal });
  }

  #onClose(): void {
    if (this.#over || this.#response.writableFinished) return;
    this.#over = true;
    this.#callOff();
    this.#host.abandon(this);
    this.#finish(499, this.#turn === undefined ? {} : { turn: this.#turn });
  }

  #finish(status: number, rest: Omit<JobOutcome, "status" | "overheadUs" | "firstTokenUs">): void {
    const overheadUs = this.#turn === undefined ? 0 : this.#overheadUs(this.#turn);
    const first = this.#firstTokenUs === 0 ? {} : { firstTokenUs: this.#firstTokenUs };
    this.#host.finish(this, { status, overheadUs, ...first, ...rest });
  }
}

/** `engine h100-0; policy fate; plan-age-ms 0.2; waited-ms 0; cached 512` */
function routeOf({ engine, decodeEngine, reason, planAgeUs, waitedUs, cachedTokens, attempt }: Turn): string {
  const to = decodeEngine === undefined ? engine : `${engine}>${decodeEngine}`;
  const tries = attempt === 0 ? "" : `; attempt ${attempt + 1}`;
  return `${to}; ${reason}; plan-age-ms ${(planAgeUs / 1000).toFixed(1)}; waited-ms ${(waitedUs / 1000).toFixed(1)}; cached ${cachedTokens}${tries}`;
}

function badGateway(message: string): CallFault {
  return { status: 502, type: "server_error", code: "engine_failed", message, retryAfterS: 1 };
}

function kindOf(error: NodeJS.ErrnoException, started: boolean): "unreachable" | "stalled" | "cut" {
  const { code = "" } = error;
  if (code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT") return "stalled";
  if (started) return "cut";
  if (code === "ECONNREFUSED" || code === "UND_ERR_CONNECT_TIMEOUT" || code === "EHOSTUNREACH" || code === "ENOTFOUND")
    return "unreachable";
  return "cut";
}

function sayFault(kind: "unreachable" | "stalled" | "cut", { code = "no code" }: NodeJS.ErrnoException): string {
  if (kind === "unreachable") return `does not take connections (${code})`;
  return kind === "stalled" ? "has been silent too long" : `broke off (${code})`;
}

/** Belongs to one connection, or to the client and the gateway alone. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const notForwarded = new Set([
  ...hopByHop,
  "host",
  "content-length",
  "content-type",
  "expect",
  "authorization",
  "x-api-key",
  "cookie",
  "accept-encoding",
  "forwarded",
  "idempotency-key",
]);

function forwardedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const forwarded: Record<string, string> = {};
  // What `connection` names belongs to the connection too.
  const named = headers.connection;
  const alsoNot = named === undefined || named === "keep-alive" ? undefined : named.toLowerCase().split(/\s*,\s*/);
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || notForwarded.has(name) || alsoNot?.includes(name) === true || isIdentityHeader(name))
      continue;
    forwarded[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return forwarded;
}
