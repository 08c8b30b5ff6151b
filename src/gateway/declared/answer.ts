/** Answers about declared workflows, their errors in OpenAI's shape, so that one client understands all of them. */

import type { ServerResponse } from "node:http";
import { InputError } from "../../trace/input-error.ts";
import type { StoreFault } from "../../store/store.ts";
import type { CallFault } from "../call/call.ts";

export type Answer = {
  readonly status: number;
  readonly body: object;
  readonly headers?: { readonly [name: string]: string };
};

export function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { "content-type": "application/json", "content-length": bytes.length, ...headers });
  response.end(bytes);
}

type FaultType = CallFault["type"];

export function refused(
  status: number,
  code: string,
  message: string,
  type: FaultType = "invalid_request_error",
): Answer {
  return { status, body: { error: { message, type, param: null, code } } };
}

/** It may be asked again, after so many seconds. */
export function tryLater(
  status: number,
  code: string,
  message: string,
  type: FaultType = "server_error",
  afterS = 1,
): Answer {
  return { ...refused(status, code, message, type), headers: { "retry-after": String(afterS) } };
}

export function toFaultAnswer({ message, place }: InputError): Answer {
  const param = place === "" ? null : place;
  return { status: 400, body: { error: { message, type: "invalid_request_error", param, code: "invalid_workflow" } } };
}

const storeFaults: Readonly<Record<StoreFault["kind"], Answer>> = {
  unavailable: tryLater(503, "store_unavailable", "What must be written down cannot be written now. Try again."),
  full: tryLater(
    503,
    "store_full",
    "The gateway's store is full: nothing more can be written down.",
    "server_error",
    10,
  ),
  broken: refused(500, "store_broken", "The gateway's store has a fault that somebody must look at.", "server_error"),
};

/** Without its message, which is for those who run the gateway. */
export function toStoreAnswer({ kind }: Pick<StoreFault, "kind">): Answer {
  return storeFaults[kind];
}

export function noSuch(id: string): Answer {
  return refused(404, "workflow_not_found", `There is no workflow ${JSON.stringify(id.slice(0, 100))}.`);
}

export const noRoute = refused(404, "unknown_url", "There is nothing at this address below /v1/workflows.");

export function wrongMethod(allow: string): Answer {
  return { ...refused(405, "method_not_allowed", `This address takes ${allow}.`), headers: { allow } };
}
