/** `/fate/faults`: which faults stand, and new ones. */

import { badRequest, sendError, sendJson, type Call } from "../http/call.ts";
import { toFault } from "../parse-fault.ts";

export function listFaults(call: Call): void {
  const { faults } = call.engine;
  sendJson(call, 200, { standing: faults.standing(), counts: faults.counts() });
}

/** One fault, or `{faults: [...]}`; `{clear: true}` lifts all that stand, before any new ones. */
export function setFaults(call: Call): void {
  const { body, engine } = call;
  const { clear, faults } = body;
  try {
    const given: readonly unknown[] = Array.isArray(faults) ? faults : "kind" in body ? [withoutClear(body)] : [];
    const parsed = given.map(toFault);
    if (clear === true) engine.faults.clear();
    for (const fault of parsed) engine.faults.add(fault);
  } catch (error) {
    return sendError(call, badRequest(error instanceof Error ? error.message : "unreadable"));
  }
  listFaults(call);
}

function withoutClear(body: Call["body"]): unknown {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== "clear"));
}
