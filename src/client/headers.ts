/** The headers by which a call says which workflow it is of. */

export type CallIdentity = {
  /** Yours to choose; the same for all calls of one workflow. */
  readonly workflow: string;
  /** What this call is in it. */
  readonly stage?: string;
  /** Stages whose results this one reads; inferred unless said. */
  readonly parents?: readonly string[];
  /** For the whole workflow, from its first call. */
  readonly deadlineMs?: number;
  /** Nothing follows in this workflow. */
  readonly final?: boolean;
};

export function toHeaders({ workflow, stage, parents, deadlineMs, final }: CallIdentity): Record<string, string> {
  return {
    "x-workflow-id": workflow,
    ...(stage === undefined ? {} : { "x-workflow-stage": stage }),
    ...(parents === undefined ? {} : { "x-workflow-parents": parents.join(",") }),
    ...(deadlineMs === undefined ? {} : { "x-workflow-deadline-ms": `${deadlineMs}` }),
    ...(final === true ? { "x-workflow-final": "true" } : {}),
  };
}
