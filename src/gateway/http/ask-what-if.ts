/** `POST /fate/what-if`: a finished part of a run, replayed by whoever started the gateway; it knows no simulator itself. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { WhatIf } from "../../view/what-if.ts";
import { answerFault, answerFaultEarly, answerJson } from "./answer.ts";
import type { ReadBody } from "./read-body.ts";

export function askWhatIf(
  whatIf: WhatIf,
  request: IncomingMessage,
  response: ServerResponse,
  readBody: ReadBody,
): void {
  readBody(request, response, (body) => {
    if ("fault" in body) return answerFaultEarly(request)(response, body.fault);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    whatIf(body.bytes.toString("utf8"), gone.signal).then(
      (answer) => answerJson(response, 200, answer),
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        answerFault(response, { status: 400, type: "invalid_request_error", code: "cannot_be_replayed", message });
      },
    );
  });
}
