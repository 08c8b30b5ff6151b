/** The client's end of a call: what goes out to it, no faster than it is taken, until it is whole, cut off, or nobody is there. */

import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { CallFault } from "../call/call.ts";
import { answerFault, type FaultStyle } from "./answer.ts";

export type ClientEndOptions = {
  /** Go with every answer, faults too. */
  readonly extraHeaders: OutgoingHttpHeaders;
  readonly faultStyle: FaultStyle;
  /** How long a client may take nothing of what is written to it. */
  readonly slowClientMs: () => number;
  /** The connection is closed, and the answer had not gone out whole. */
  readonly onGone: () => void;
};

export class ClientEnd {
  readonly #response: ServerResponse;
  readonly #options: ClientEndOptions;
  #patience: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, options: ClientEndOptions) {
    this.#response = response;
    this.#options = options;
    response.on("close", () => {
      clearTimeout(this.#patience);
      if (!response.writableFinished) options.onGone();
    });
  }

  /** Something has gone out: it can only be gone on with, or broken off. */
  get begun(): boolean {
    return this.#response.headersSent;
  }

  get status(): number {
    return this.#response.statusCode;
  }

  begin(status: number, headers: OutgoingHttpHeaders): void {
    this.#response.writeHead(status, headers);
  }

  /** False: the client takes no more for now. `onDrain` tells when it does; one that takes nothing has gone, whatever it says. */
  write(chunk: Buffer, onDrain: () => void): boolean {
    if (this.#response.write(chunk)) return true;
    this.#beImpatient();
    this.#response.once("drain", () => {
      clearTimeout(this.#patience);
      onDrain();
    });
    return false;
  }

  end(): void {
    this.#response.end();
    if (this.#response.writableLength > 0) this.#beImpatient();
  }

  fail(fault: CallFault): void {
    answerFault(this.#response, fault, this.#options.extraHeaders, this.#options.faultStyle);
  }

  /** The answer is broken off where it is: the client must not take it for whole. */
  cut(): void {
    this.#response.destroy();
  }

  #beImpatient(): void {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#response.destroy(), this.#options.slowClientMs());
  }
}
