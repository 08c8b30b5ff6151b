/** A call as it goes to an engine: the client's own bytes, but for what the engine must be told in its own words. */

import { spliceJson } from "../../wire/json-splice.ts";
import type { Adapter } from "../adapter/adapter.ts";
import type { Turn } from "../live/driver.ts";
import { toEngineHeaders } from "./forward-headers.ts";
import type { JobRequest } from "./job-request.ts";
import type { Outgoing } from "./upstreams.ts";

export function toOutgoing(
  { path, headers, shape, traceparent }: JobRequest,
  turn: Turn,
  body: Uint8Array,
  engine: {
    readonly to: ReturnType<Adapter["upstream"]>;
    readonly sendsPriority: boolean;
    /** Both legs of a pair go by it; empty for a call that goes to one engine. */
    readonly pairId: string;
  },
): Outgoing {
  const outgoing = Object.assign(toEngineHeaders(headers), engine.to.headers);
  outgoing["content-type"] = "application/json";
  if (traceparent !== undefined) outgoing["traceparent"] = traceparent;
  // A client's own id could be that of another call there.
  if (engine.pairId !== "") outgoing["x-request-id"] = engine.pairId;
  const changes: Record<string, unknown> = {};
  if (engine.to.model !== shape.model) changes["model"] = engine.to.model;
  if (engine.sendsPriority) changes["priority"] = turn.stage.ordinal - turn.stage.priority * 1_000_000;
  let changed = false;
  for (const _ in changes) changed = true;
  return {
    origin: engine.to.origin,
    path,
    headers: outgoing,
    body: changed ? spliceJson(body, changes) : body,
    streams: shape.stream && turn.phase !== "prefill",
    silentTokens: shape.stream || turn.phase === "prefill" ? 0 : turn.stage.limitTokens,
  };
}
