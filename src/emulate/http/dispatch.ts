/** From a request to its route: the faults that strike before it, its body, and what is answered to paths nobody knows. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Engine } from "../engine.ts";
import type { Fault } from "../faults.ts";
import { isApiError, sendError, sendText, type Call } from "./call.ts";
import { readBody } from "./read-body.ts";
import { routes } from "./routes.ts";

export async function dispatch(engine: Engine, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // A connection that breaks is seen by its close.
  response.on("error", () => {});
  request.on("error", () => {});
  const [path = "", search = ""] = (request.url ?? "/").split("?", 2);
  const route = routes[`${request.method} ${path}`];
  const { surface } = engine.settings;
  const known = route !== undefined && (route.surface === undefined || surface === "all" || surface === route.surface);
  response.setHeader("x-emulated-engine", engine.settings.id);
  const asks = route?.asks === true;
  const fault = path.startsWith("/fate/") ? undefined : engine.faults.strike(asks ? "calls" : "looks");
  const call = { engine, request, response, path, query: new URLSearchParams(search) };
  if (fault !== undefined && (await breakEarly(call, fault, asks))) return;
  const read = request.method === "POST" ? await readBody(request) : { body: {} };
  if (isApiError(read)) return sendError(call, read);
  if (!known) return sendError(call, { status: 404, type: "not_found_error", message: `Nothing is at ${path}.` });
  await route.answer({ ...call, body: read.body, fault: fault?.kind === "stall-headers" ? undefined : fault });
}

/** True if that was all there is to answer. */
async function breakEarly(call: Omit<Call, "body" | "fault">, fault: Fault, asks: boolean): Promise<boolean> {
  const { engine, request } = call;
  switch (fault.kind) {
    case "refuse":
      request.socket.destroy();
      return true;
    case "busy":
      sendError(call, { status: 503, type: "server_error", message: "The engine is overloaded.", code: "busy" });
      return true;
    case "error":
      sendError(call, { status: 500, type: "server_error", message: "The engine has failed.", code: "internal_error" });
      return true;
    case "garbage":
      sendText(call, 200, "application/json", '{"id":"chatcmpl-0","choices":[{"index":');
      return true;
    case "stall-headers":
      return stall(call, fault.forMs);
    case "cut":
    case "die":
    case "stall": {
      // What is under way on other paths has no pieces.
      if (asks) return false;
      if (fault.kind === "stall") return stall(call, fault.forMs);
      request.socket.destroy();
      if (fault.kind === "die") await engine.die(fault.forMs);
      return true;
    }
    case "metrics":
    case "slow":
      return false;
    default:
      return fault satisfies never;
  }
}

/** True if the client has gone meanwhile. */
function stall({ engine, response }: Pick<Call, "engine" | "response">, forMs: number | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = forMs === undefined ? undefined : engine.settings.clock.after(forMs * 1000, () => resolve(false));
    response.once("close", () => {
      cancel?.();
      resolve(true);
    });
  });
}
