/** One call over HTTP, from the moment it is understood until its answer is out: the work behind a stage of the driver. */

import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { JsonSpliceError } from "../../wire/json-splice.ts";
import type { CallFault } from "../call/call.ts";
import type { Refusal, ShareFault, Turn, Work } from "../live/driver.ts";
import { answerFault, faultOf } from "./answer.ts";
import { answersCall, badCall, badGateway, toShareFault } from "./engine-answer.ts";
import { toClientHeaders } from "./forward-headers.ts";
import type { JobHost, JobOutcome, JobRequest } from "./job-request.ts";
import { toFirstLeg, toSecondLeg } from "./legs.ts";
import { toOutgoing } from "./to-outgoing.ts";
import type { Exchange, Receiver } from "./upstreams.ts";
import { UsageMeter, type Usage } from "./usage-meter.ts";

/** An answer that has begun, and of which nothing has gone out yet. */
type Head = { readonly status: number; readonly headers: IncomingHttpHeaders };

/** The answer of a prefill engine is no longer than this. */
const maxPrefillBytes = 1024 * 1024;

export class CallJob implements Work {
  readonly request: JobRequest;
  /** Whatever the host wants to find again by the job. */
  stage = "";
  workflow = "";
  readonly #response: ServerResponse;
  readonly #host: JobHost;
  readonly #extraHeaders: OutgoingHttpHeaders;
  /** Of the attempt under way: at most two legs. */
  readonly #exchanges: Exchange[] = [];
  #turn: Turn | undefined;
  /** What the second leg carries, once the first has said it. */
  #secondBody: Uint8Array | undefined;
  /** The first leg has failed, and the second, which depends on it, has not begun. */
  #lostLeg: ShareFault | undefined;
  /** Who took the prompt in for the engine that answers. */
  #firstEngine: string | undefined;
  /** Both legs of an attempt go by it. */
  #pairId = "";
  #sentUs = 0;
  #firstTokenUs = 0;
  #slowClient: NodeJS.Timeout | undefined;
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
    if (turn.phase !== "decode") this.#beginAttempt();
    try {
      if (this.#lostLeg !== undefined) this.#lose(turn, this.#lostLeg);
      else if (turn.phase === "prefill") this.#prefill(turn);
      else this.#answer(turn);
    } catch (error) {
      if (!(error instanceof JsonSpliceError)) throw error;
      this.#lose(turn, { kind: "rejected", retry: false, message: `The body cannot be sent on: ${error.message}.` });
    }
  }

  refuse(refusal: Refusal): void {
    if (this.#response.headersSent) this.#cut();
    else this.#fail(faultOf(refusal), refusal.kind);
  }

  /** Whatever is left of an earlier attempt, such as a first leg whose second one never came, is void. */
  #beginAttempt(): void {
    this.#callOff();
    this.#secondBody = undefined;
    this.#lostLeg = undefined;
    this.#firstEngine = undefined;
    this.#pairId = "";
  }

  // A prompt that is taken in by one engine for another.

  #prefill(turn: Turn): void {
    this.#pairId = randomUUID();
    const meeting = { bootstrapPort: this.#host.bootstrapPort(turn.engine), draw: Math.random };
    const first = toFirstLeg(this.request.body, this.#host.adapter(turn.engine), turn.model, meeting);
    // What cannot be handed over is taken in where it is decoded.
    if (first === undefined) return turn.handedOver();
    this.#firstEngine = turn.engine;
    let head: Head | undefined;
    let bytes = 0;
    const chunks: Buffer[] = [];
    this.#post(turn, first.body, {
      onHead: (status, headers) => {
        head = { status, headers };
      },
      onData: (chunk) => {
        bytes += chunk.length;
        if (bytes <= maxPrefillBytes) chunks.push(chunk);
        else
          this.#lose(turn, this.#engineFault("cut", `${turn.engine} answered with more than ${maxPrefillBytes} bytes`));
        return true;
      },
      onEnd: () => this.#onFirstLeg(turn, first.ticket.kind, head, Buffer.concat(chunks)),
      onError: (error) => this.#onError(turn, error),
    });
    if (first.ticket.kind === "nixl") return;
    // Here both legs run at once: the decode engine fetches what the prefill engine makes.
    this.#secondBody = first.body;
    turn.handedOver();
  }

  #onFirstLeg(turn: Turn, kind: "nixl" | "bootstrap", head: Head | undefined, answer: Buffer): void {
    if (this.#over || head === undefined) return;
    if (!answersCall(head.status)) return this.#onBadStatus(turn, head.status);
    if (kind === "bootstrap") return;
    if (head.status >= 400) {
      // Fault is found with the call itself: the second leg would only say so again.
      this.#writeHead(turn, head);
      this.#response.write(answer);
      return this.#onAnswered(turn, undefined);
    }
    try {
      this.#secondBody = toSecondLeg(this.request.body, { kind: "nixl", answer });
    } catch {
      return this.#lose(turn, this.#engineFault("cut", `${turn.engine} answered with no JSON`));
    }
    turn.handedOver();
  }

  // The answer, streamed through as it comes.

  #answer(turn: Turn): void {
    const body = (turn.phase === "decode" ? this.#secondBody : undefined) ?? this.request.body;
    const meter = new UsageMeter(this.request.shape.stream);
    let head: Head | undefined;
    const exchange = this.#post(turn, body, {
      onHead: (status, headers) => {
        head = { status, headers };
      },
      onData: (chunk) => {
        if (head === undefined || !answersCall(head.status)) return true;
        // Not before there is something to say: until then another engine may be asked.
        if (!this.#response.headersSent) this.#writeHead(turn, head);
        if (this.#firstTokenUs === 0) this.#onFirstData(turn);
        meter.see(chunk);
        return this.#write(chunk, exchange);
      },
      onEnd: () => {
        if (head === undefined) return;
        if (!answersCall(head.status)) return this.#onBadStatus(turn, head.status);
        if (!this.#response.headersSent) this.#writeHead(turn, head);
        this.#onAnswered(turn, meter.read());
      },
      onError: (error) => this.#onError(turn, error),
    });
  }

  /** No more is taken from the engine than the client takes; one that takes nothing has gone, whatever it says. */
  #write(chunk: Buffer, exchange: Exchange): boolean {
    if (this.#response.write(chunk)) return true;
    this.#waitForClient();
    this.#response.once("drain", () => {
      clearTimeout(this.#slowClient);
      exchange.resume();
    });
    return false;
  }

  #waitForClient(): void {
    this.#slowClient = setTimeout(() => this.#response.destroy(), this.#host.slowClientMs());
  }

  #onFirstData(turn: Turn): void {
    this.#firstTokenUs = this.#host.nowUs();
    if (this.request.shape.stream) turn.firstToken();
  }

  #onAnswered(turn: Turn, usage: Usage | undefined): void {
    this.#over = true;
    this.#response.end();
    if (this.#response.writableLength > 0) this.#waitForClient();
    const status = this.#response.statusCode;
    if (status >= 400 || usage === undefined)
      turn.fail({ kind: "rejected", retry: false, message: `${turn.engine} answered ${status}` });
    else turn.end(usage);
    this.#finish(status, { turn, ...(usage === undefined ? {} : { usage }) });
  }

  #writeHead(turn: Turn, { status, headers }: Head): void {
    const answer = Object.assign(toClientHeaders(headers), this.#extraHeaders);
    answer["x-fate-route"] = routeOf(turn, this.#firstEngine);
    answer["x-fate-overhead-ms"] = (this.#overheadUs(turn) / 1000).toFixed(3);
    if (this.workflow !== "") answer["x-fate-workflow"] = encodeURIComponent(this.workflow.toWellFormed());
    this.#response.writeHead(status, answer);
  }

  /** From when the call was there until it went on, without its wait for a place. */
  #overheadUs({ waitedUs }: Turn): number {
    return Math.max(0, this.#sentUs - this.request.readUs - waitedUs);
  }

  #post(turn: Turn, body: Uint8Array, receiver: Receiver): Exchange {
    const outgoing = toOutgoing(this.request, turn, body, {
      to: this.#host.adapter(turn.engine).upstream(turn.model),
      sendsPriority: this.#host.sendsPriority(turn.engine),
      pairId: this.#pairId,
    });
    const exchange = this.#host.upstreams.post(outgoing, receiver);
    this.#exchanges.push(exchange);
    return exchange;
  }

  #callOff(): void {
    for (const exchange of this.#exchanges) exchange.abort();
    this.#exchanges.length = 0;
  }

  // What goes wrong.

  #onBadStatus(turn: Turn, status: number): void {
    this.#lose(turn, this.#engineFault("busy", `${turn.engine} answered ${status}`));
  }

  #onError(turn: Turn, error: NodeJS.ErrnoException): void {
    const { kind, message } = toShareFault(turn.engine, error, this.#response.headersSent);
    this.#lose(turn, this.#engineFault(kind, message));
  }

  /** A connection that was never made has carried nothing, so that any call may be made again. */
  #engineFault(kind: ShareFault["kind"], message: string): ShareFault {
    const retry =
      kind !== "rejected" && !this.#response.headersSent && (kind === "unreachable" || this.request.repeatable);
    return { kind, retry, message };
  }

  /** The attempt has come to nothing. */
  #lose(turn: Turn, fault: ShareFault): void {
    if (this.#over) return;
    this.#callOff();
    if (turn.phase === "prefill" && this.#secondBody !== undefined) {
      // What the driver still holds is the second leg; if it has not begun, it fails as soon as it does.
      this.#lostLeg = fault;
      if (this.#turn === turn || this.#turn === undefined) return;
      turn = this.#turn;
    }
    turn.fail(fault);
    if (fault.retry) return;
    if (this.#response.headersSent) this.#cut();
    else if (fault.kind === "rejected") this.#fail(badCall(fault.message), "invalid-request");
    else this.#fail(badGateway(fault.message), "engine-failed");
  }

  #fail(fault: CallFault, refusal: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#callOff();
    answerFault(this.#response, fault, this.#extraHeaders, this.request.faultStyle);
    this.#finish(fault.status, { ...(this.#turn === undefined ? {} : { turn: this.#turn }), refusal });
  }

  /** The answer is broken off where it is: the client must not take it for whole. */
  #cut(): void {
    if (this.#over) return;
    this.#over = true;
    this.#callOff();
    this.#response.destroy();
    this.#finish(this.#response.statusCode, {
      ...(this.#turn === undefined ? {} : { turn: this.#turn }),
      refusal: "cut",
    });
  }

  #onClose(): void {
    clearTimeout(this.#slowClient);
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

/** `h100-0; fate; plan-age-ms 0.2; waited-ms 0.0; cached 512`, of a pair `h100-0>h100-1; ...` */
function routeOf(
  { engine, phase, reason, planAgeUs, waitedUs, cachedTokens, attempt }: Turn,
  first: string | undefined,
): string {
  const to = phase === "decode" && first !== undefined ? `${first}>${engine}` : engine;
  const tries = attempt === 0 ? "" : `; attempt ${attempt + 1}`;
  const route = `${to}; ${reason}; plan-age-ms ${(planAgeUs / 1000).toFixed(1)}; waited-ms ${(waitedUs / 1000).toFixed(1)}; cached ${cachedTokens}${tries}`;
  // Engines are named by people, in their own languages.
  return route.replaceAll(/[^\x20-\x7e]/g, "?");
}
