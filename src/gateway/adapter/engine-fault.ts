/** A model server that does not do what was asked: which engine, which request, what came, what was expected. */

import type { EngineId } from "../../model/cluster.ts";

export type EngineFaultKind =
  /** Nothing listens there, or the connection broke. */
  | "unreachable"
  /** No answer before the caller gave up. */
  | "slow"
  /** An answer with a status that tells of failure. */
  | "status"
  /** An answer that is not what it should be. */
  | "answer"
  /** It cannot be asked at all, as the engine is described. */
  | "unable";

export class EngineFault extends Error {
  override readonly name = "EngineFault";
  readonly kind: EngineFaultKind;
  readonly engine: EngineId;
  /** Such as `GET /v1/models`. */
  readonly request: string;
  readonly found: string;
  readonly expected: string;
  readonly status: number | undefined;

  constructor(fault: {
    readonly kind: EngineFaultKind;
    readonly engine: EngineId;
    readonly request: string;
    readonly found: string;
    readonly expected: string;
    readonly status?: number;
  }) {
    super(`engine ${fault.engine}: ${fault.request}: found ${fault.found}, expected ${fault.expected}`);
    this.kind = fault.kind;
    this.engine = fault.engine;
    this.request = fault.request;
    this.found = fault.found;
    this.expected = fault.expected;
    this.status = fault.status;
  }
}

/** The server knows no such path, or not by this method: an older version, or a flag it was started without. */
export function isMissing(error: unknown): error is EngineFault {
  return error instanceof EngineFault && [404, 405, 501].includes(error.status ?? 0);
}
