/** One call over HTTP, from the moment it is understood until its answer is out: the work behind a stage of the driver. */

import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { JsonSpliceError } from "../../wire/json-splice.ts";
import type { CallFault } from "../call/call.ts";
import type { Refusal, ShareFault, Turn, Work } from "../live/driver.ts";
import { faultOf, internalFault } from "./answer.ts";
import { ClientEnd } from "./client-end.ts";
import { answersCall, badCall, badGateway, toShareFault } from "./engine-answer.ts";
import { toClientHeaders } from "./forward-headers.ts";
import type { JobHost, JobOutcome, JobRequest } from "./job-request.ts";
import { toFirstLeg, toSecondLeg, type FirstLeg, type SecondLeg } from "./legs.ts";
import { toRoute } from "./route-header.ts";
import { toOutgoing } from "./to-outgoing.ts";
import type { Exchange, Receiver } from "./upstreams.ts";
import { UsageMeter, type Usage } from "./usage-meter.ts";
import { createWholeReceiver, type WholeAnswer } from "./whole-answer.ts";

/** An answer that has begun, and of which nothing has gone out yet. */
type Head = { readonly status: number; readonly headers: IncomingHttpHeaders };

/** The answer of a prefill engine is no longer than this. */
const maxPrefillBytes = 1024 * 1024;

export class CallJob implements Work {
  readonly request: JobRequest;
  /** Whatever the host wants to find again by the job. */
  stage = "";
  workflow = "";
  readonly #client: ClientEnd;
  readonly #host: JobHost;
  readonly #extraHeaders: OutgoingHttpHeaders;
  /** Of the attempt under way: at most two legs. */
  readonly #exchanges: Exchange[] = [];
  #turn: Turn | undefined;
  /** What the second leg carries, once the first has said it. */
  #second: SecondLeg | undefined;
  /** The first leg has failed, and the second, which depends on it, has not begun. */
  #lostLeg: ShareFault | undefined;
  /** Who took the prompt in for the engine that answers. */
  #firstEngine: string | undefined;
  /** Both legs of an attempt go by it. */
  #pairId = "";
  #sentUs = 0;
  #firstDataUs = 0;
  /** What the answer cost, if all of a stream has been passed on but for its end. */
  #readLast: (() => Usage | undefined) | undefined;
  #over = false;

  constructor(request: JobRequest, response: ServerResponse, host: JobHost, extraHeaders: OutgoingHttpHeaders) {
    this.request = request;
    this.#host = host;
    this.#extraHeaders = extraHeaders;
    this.#client = new ClientEnd(response, {
      extraHeaders,
      faultStyle: request.faultStyle,
      slowClientMs: host.slowClientMs,
      onGone: () => this.#onGone(),
    });
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
    if (this.#client.begun) this.#cut();
    else this.#fail(faultOf(refusal), refusal.kind);
  }

  /** A mistake of ours has met it. */
  giveUp(): void {
    if (this.#client.begun) this.#cut();
    else this.#fail(internalFault, internalFault.code);
  }

  /** Whatever is left of an earlier attempt, such as a first leg whose second one never came, is void. */
  #beginAttempt(): void {
    this.#callOff();
    this.#second = undefined;
    this.#readLast = undefined;
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
    const { ticket } = first;
    const receiver = createWholeReceiver(maxPrefillBytes, {
      onWhole: (answer) => this.#onFirstLeg(turn, ticket.kind, answer),
      onTooLong: () =>
        this.#lose(turn, this.#engineFault("cut", `${turn.engine} answered with more than ${maxPrefillBytes} bytes`)),
      onError: (error) => this.#onError(turn, error),
    });
    this.#post(turn, first.body, receiver);
    if (ticket.kind === "nixl") return;
    // Here both legs run at once: the decode engine fetches what the prefill engine makes.
    this.#second = toSecondLeg(this.request.body, ticket);
    turn.handedOver();
  }

  #onFirstLeg(turn: Turn, kind: FirstLeg["ticket"]["kind"], { status, headers, body }: WholeAnswer): void {
    if (this.#over) return;
    if (!answersCall(status)) return this.#onBadStatus(turn, status);
    if (kind === "bootstrap") return;
    if (status >= 400) {
      // Fault is found with the call itself: the second leg would only say so again.
      this.#begin(turn, { status, headers });
      this.#client.write(body, () => {});
      return this.#onAnswered(turn, undefined);
    }
    try {
      this.#second = toSecondLeg(this.request.body, { kind: "nixl", answer: body });
    } catch {
      return this.#lose(turn, this.#engineFault("cut", `${turn.engine} answered with no JSON`));
    }
    turn.handedOver();
  }

  // The answer, streamed through as it comes.

  #answer(turn: Turn): void {
    const second = turn.phase === "decode" ? this.#second : undefined;
    const meter = new UsageMeter(this.request.shape.stream, this.request.surface !== "embeddings");
    const readUsage = (): Usage => {
      const cached = second?.cachedTokens;
      return { ...meter.read(), ...(cached === undefined ? {} : { cachedTokens: cached }) };
    };
    this.#readLast = () => (meter.saidLast ? readUsage() : undefined);
    let head: Head | undefined;
    const exchange = this.#post(turn, second?.body ?? this.request.body, {
      onHead: (status, headers) => {
        head = { status, headers };
      },
      onData: (chunk) => {
        if (head === undefined || !answersCall(head.status)) return true;
        // Not before there is something to say: until then another engine may be asked.
        if (!this.#client.begun) this.#begin(turn, head);
        if (this.#firstDataUs === 0) this.#onFirstData(turn);
        meter.see(chunk);
        return this.#client.write(chunk, () => exchange.resume());
      },
      onEnd: () => {
        if (head === undefined) return;
        if (!answersCall(head.status)) return this.#onBadStatus(turn, head.status);
        if (!this.#client.begun) this.#begin(turn, head);
        this.#onAnswered(turn, readUsage());
      },
      onError: (error) => this.#onError(turn, error),
    });
  }

  #onFirstData(turn: Turn): void {
    this.#firstDataUs = this.#host.nowUs();
    if (this.request.shape.stream) turn.firstToken();
  }

  #onAnswered(turn: Turn, usage: Usage | undefined): void {
    this.#over = true;
    this.#client.end();
    const { status } = this.#client;
    if (status >= 400 || usage === undefined)
      turn.fail({ kind: "rejected", retry: false, message: `${turn.engine} answered ${status}` });
    else turn.end(usage);
    this.#finish(status, usage === undefined ? {} : { usage });
  }

  #begin(turn: Turn, { status, headers }: Head): void {
    const answer = Object.assign(toClientHeaders(headers), this.#extraHeaders);
    answer["x-fate-route"] = toRoute(turn, this.#firstEngine);
    answer["x-fate-overhead-ms"] = (this.#overheadUs(turn) / 1000).toFixed(3);
    if (this.workflow !== "") answer["x-fate-workflow"] = encodeURIComponent(this.workflow.toWellFormed());
    this.#client.begin(status, answer);
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
    const { kind, message } = toShareFault(turn.engine, error, this.#client.begun);
    this.#lose(turn, this.#engineFault(kind, message));
  }

  /** A connection that was never made has carried nothing, so that any call may be made again. */
  #engineFault(kind: ShareFault["kind"], message: string): ShareFault {
    const retry = kind !== "rejected" && !this.#client.begun && (kind === "unreachable" || this.request.repeatable);
    return { kind, retry, message };
  }

  /** The attempt has come to nothing. */
  #lose(turn: Turn, fault: ShareFault): void {
    if (this.#over) return;
    this.#callOff();
    if (turn.phase === "prefill" && this.#second !== undefined) {
      // What the driver still holds is the second leg; if it has not begun, it fails as soon as it does.
      this.#lostLeg = fault;
      if (this.#turn === turn || this.#turn === undefined) return;
      turn = this.#turn;
    }
    turn.fail(fault);
    if (fault.retry) return;
    if (this.#client.begun) this.#cut();
    else if (fault.kind === "rejected") this.#fail(badCall(fault.message), "invalid-request");
    else this.#fail(badGateway(fault.message), "engine-failed");
  }

  #fail(fault: CallFault, refusal: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#callOff();
    this.#client.fail(fault);
    this.#finish(fault.status, { refusal });
  }

  #cut(): void {
    if (this.#over) return;
    this.#over = true;
    this.#callOff();
    this.#client.cut();
    this.#finish(this.#client.status, { refusal: "cut" });
  }

  #onGone(): void {
    if (this.#over) return;
    const usage = this.#readLast?.();
    // Some clients leave as soon as they have read the last event of a stream.
    if (usage !== undefined && this.#turn !== undefined && this.#client.status < 400)
      return this.#onLeftSatisfied(this.#turn, usage);
    this.#over = true;
    this.#callOff();
    this.#host.abandon(this);
    this.#finish(499, {});
  }

  #onLeftSatisfied(turn: Turn, usage: Usage): void {
    this.#over = true;
    this.#callOff();
    turn.end(usage);
    this.#finish(this.#client.status, { usage });
  }

  #finish(status: number, rest: Pick<JobOutcome, "usage" | "refusal">): void {
    const turn = this.#turn;
    this.#host.finish(this, {
      status,
      ...(turn === undefined ? {} : { turn, sentUs: this.#sentUs, overheadUs: this.#overheadUs(turn) }),
      ...(this.#firstDataUs === 0 ? {} : { firstDataUs: this.#firstDataUs }),
      ...rest,
    });
  }
}
