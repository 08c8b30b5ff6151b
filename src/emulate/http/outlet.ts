/** Where an answer goes out, piece by piece, and where it goes wrong if it shall. */

import type { Fault } from "../faults.ts";
import type { Call } from "./call.ts";

export type Outlet = {
  /** Before the first piece. */
  readonly open: (text: string) => void;
  readonly piece: (text: string) => void;
  /** Sends what has come together. At infinite speed everything goes out with the end. */
  readonly flush: () => void;
  readonly end: (text: string) => void;
};

export function createOutlet({ engine, response, fault }: Call, contentType: string): Outlet {
  const instant = engine.settings.speed === Infinity;
  const breaksAfter = fault === undefined ? Infinity : "after" in fault ? (fault.after ?? 0) : 0;
  let pending = "";
  let pieces = 0;
  let state: "open" | "broken" | "stalled" = "open";
  let rest: string | undefined;
  const send = (): void => {
    if (state !== "open" || pending === "" || response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { "content-type": contentType, "cache-control": "no-cache" });
    response.write(pending);
    pending = "";
  };
  const resume = (): void => {
    state = "open";
    if (rest === undefined) return send();
    pending += rest;
    finish();
  };
  const finish = (): void => {
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { "content-type": contentType });
    response.end(pending);
  };
  const breakOff = (): void => {
    if (fault === undefined) return;
    send();
    if (!response.headersSent) response.flushHeaders();
    state = fault.kind === "stall" ? "stalled" : "broken";
    strike(fault, { engine, response, resume });
  };
  const piece = (text: string): void => {
    if (state === "open" && pieces >= breaksAfter) breakOff();
    if (state === "broken") return;
    pieces++;
    pending += text;
  };
  return {
    open: (text) => {
      pending += text;
    },
    piece,
    flush: () => {
      if (!instant) send();
    },
    end: (text) => {
      if (state === "open" && fault !== undefined) {
        // A short answer breaks before its end, and a whole one in its middle.
        const half = contentType === "application/json" ? text.length >> 1 : 0;
        pending += text.slice(0, half);
        breakOff();
        text = text.slice(half);
      }
      if (state === "broken") return;
      if (state === "stalled") rest = text;
      else {
        pending += text;
        finish();
      }
    },
  };
}

type Place = Pick<Call, "engine" | "response"> & { readonly resume: () => void };

function strike(fault: Fault, { engine, response, resume }: Place): void {
  if (fault.kind === "cut") setImmediate(() => response.destroy());
  if (fault.kind === "die") setImmediate(() => void engine.die(fault.forMs));
  if (fault.kind !== "stall" || fault.forMs === undefined) return;
  const cancel = engine.settings.clock.after(fault.forMs * 1000, resume);
  response.once("close", cancel);
}
