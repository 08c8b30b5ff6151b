/** What a call over HTTP is to the job that answers it, and what the job needs of the gateway around it. */

import type { IncomingHttpHeaders } from "node:http";
import type { Adapter } from "../adapter/adapter.ts";
import type { CallShape, Surface } from "../call/call.ts";
import type { Turn } from "../live/driver.ts";
import type { FaultStyle } from "./answer.ts";
import type { Upstreams } from "./upstreams.ts";
import type { Usage } from "./usage-meter.ts";

export type JobRequest = {
  readonly surface: Surface;
  /** With its query, as the client sent it. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly shape: CallShape;
  /** When its headers came, and when its body was read. */
  readonly startUs: number;
  readonly readUs: number;
  /** May be made a second time if nothing has come of the first. */
  readonly repeatable: boolean;
  readonly faultStyle: FaultStyle;
  /** For the server, so that its trace hangs under ours. */
  readonly traceparent?: string;
};

/** A call under way, by what its host knows it. */
export type Job = {
  readonly request: JobRequest;
  readonly workflow: string;
  /** With its workflow. */
  readonly stage: string;
};

/** What became of it, for the metrics. */
export type JobOutcome = {
  readonly status: number;
  /** The last one, when the call went to that engine, and what the gateway had added by then. */
  readonly turn?: Turn;
  readonly sentUs?: number;
  readonly overheadUs?: number;
  /** Of a call that is not streamed this is its end, more or less. */
  readonly firstDataUs?: number;
  readonly usage?: Usage;
  readonly refusal?: string;
};

export type JobHost = {
  readonly nowUs: () => number;
  readonly adapter: (engine: string) => Adapter;
  readonly upstreams: Upstreams;
  readonly sendsPriority: (engine: string) => boolean;
  /** Where a prefill engine is met by those that decode from it. */
  readonly bootstrapPort: (engine: string) => number | undefined;
  /** How long a client may take nothing of what is written to it. */
  readonly slowClientMs: () => number;
  /** Nobody waits for the answer any more. */
  readonly abandon: (job: Job) => void;
  /** Exactly once. */
  readonly finish: (job: Job, outcome: JobOutcome) => void;
};
