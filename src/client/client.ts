/**
 * The client of a gateway: declared workflows, and the headers that tell it which workflow a call of any other client is of.
 *
 *     const fate = createClient();
 *     const run = await fate.workflows.run(definition, { inputs: { topic: "tea" } });
 */

import type { Json, RunEvent, RunList, RunView, WorkflowDefinition } from "../gateway/declared/wire.ts";
import { FateError } from "./client-error.ts";
import { askPatiently, followEvents, type Wait } from "./follow-events.ts";
import { toHeaders, type CallIdentity } from "./headers.ts";

export { FateError } from "./client-error.ts";
export type { Wait } from "./follow-events.ts";
export type { CallIdentity } from "./headers.ts";
export type {
  EmbedDefinition,
  Json,
  LlmDefinition,
  MessageDefinition,
  RunEvent,
  RunList,
  RunStatus,
  RunSummary,
  RunView,
  StageDefinition,
  StageStatus,
  StageView,
  ToolDefinition,
  Usage,
  WireError,
  WorkflowDefinition,
} from "../gateway/declared/wire.ts";

export type ClientOptions = {
  /** With or without `/v1` at its end; `http://127.0.0.1:7373` unless said. */
  readonly baseUrl?: string;
  readonly apiKey?: string;
  readonly fetch?: typeof fetch;
  /** Before a broken event stream is taken up again; doubles each time, up to ten times in a row. */
  readonly retryWaitMs?: number;
};

export type SubmitOptions = {
  /** In place of the definition's own inputs of the same names. */
  readonly inputs?: { readonly [name: string]: Json };
  /** Submitting again with the same key gives the same run; `run` does so by itself while the gateway cannot answer. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
};

export type RunOptions = SubmitOptions & Waiting & { readonly onEvent?: (event: RunEvent) => void };
export type EventsOptions = Waiting & { readonly after?: number; readonly signal?: AbortSignal };
/** `onWait` is told before each wait for a gateway that is gone, or is not itself yet. */
export type Waiting = { readonly onWait?: (wait: Wait) => void };
export type ListOptions = { readonly limit?: number; readonly after?: string; readonly signal?: AbortSignal };

export type Client = {
  readonly workflows: {
    /** Submits, follows to the end, and resolves to what came of it; look at its `status`. An abort cancels it. */
    readonly run: (definition: WorkflowDefinition, options?: RunOptions) => Promise<RunView>;
    readonly submit: (definition: WorkflowDefinition, options?: SubmitOptions) => Promise<RunView>;
    readonly get: (id: string, options?: { readonly signal?: AbortSignal }) => Promise<RunView>;
    readonly list: (options?: ListOptions) => Promise<RunList>;
    /** A run that is over stays as it is. */
    readonly cancel: (id: string, options?: { readonly signal?: AbortSignal }) => Promise<RunView>;
    /** From the beginning, or from what came after an event, to the end. A broken stream is taken up where it broke. */
    readonly events: (id: string, options?: EventsOptions) => AsyncGenerator<RunEvent, void, undefined>;
  };
  /** For any client that lets you set headers on a call. */
  readonly headers: (identity: CallIdentity) => Record<string, string>;
};

type Request = {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal | undefined;
};
type Send = (path: string, request: Request) => Promise<Response>;

export function createClient(options: ClientOptions = {}): Client {
  const { retryWaitMs = 250 } = options;
  const send = createSend(options);
  const json = async <T>(path: string, request: Request): Promise<T> => {
    const response = await send(path, request);
    return (await response.json()) as T;
  };

  const submit: Client["workflows"]["submit"] = (definition, { inputs, idempotencyKey, signal } = {}) => {
    const whole = inputs === undefined ? definition : { ...definition, inputs: { ...definition.inputs, ...inputs } };
    const headers = {
      "content-type": "application/json",
      ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
    };
    return json("", { method: "POST", body: JSON.stringify(whole), headers, signal });
  };
  const get: Client["workflows"]["get"] = (id, { signal } = {}) => json(at(id), { signal });
  const cancel: Client["workflows"]["cancel"] = (id, { signal } = {}) => json(at(id), { method: "DELETE", signal });
  const events: Client["workflows"]["events"] = (id, { after = 0, signal, onWait } = {}) =>
    followEvents((lastId) => send(at(id, "/events"), { headers: { "last-event-id": `${lastId}` }, signal }), {
      after,
      retryWaitMs,
      signal,
      onWait,
    });

  return {
    headers: toHeaders,
    workflows: {
      submit,
      get,
      cancel,
      events,
      list: ({ limit, after, signal } = {}) => {
        const query = new URLSearchParams();
        if (limit !== undefined) query.set("limit", `${limit}`);
        if (after !== undefined) query.set("after", after);
        return json(query.size === 0 ? "" : `?${query.toString()}`, { signal });
      },
      run: async (definition, runOptions = {}) => {
        const { signal, onEvent, onWait } = runOptions;
        const patience = { retryWaitMs, signal, onWait };
        const asked = (): Promise<RunView> => submit(definition, runOptions);
        // Without a key a second submission could be a second run.
        const { id } = await (runOptions.idempotencyKey === undefined ? asked() : askPatiently(asked, patience));
        try {
          const how = { ...(signal === undefined ? {} : { signal }), ...(onWait === undefined ? {} : { onWait }) };
          for await (const event of events(id, how)) onEvent?.(event);
          return await askPatiently(() => get(id, how), patience);
        } catch (error) {
          // Not with the signal, which is aborted; and what went wrong first is what to tell.
          if (signal?.aborted === true) await cancel(id).catch(() => {});
          throw error;
        }
      },
    },
  };
}

/** Resolves to what the gateway accepts; throws for what it refuses. */
function createSend({ baseUrl = "http://127.0.0.1:7373", apiKey, ...options }: ClientOptions): Send {
  const carry = options.fetch ?? fetch;
  const root = `${baseUrl.replace(/\/+$/, "").replace(/\/v1$/, "")}/v1/workflows`;
  const key = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  return async (path, { headers, signal, ...request }) => {
    const aborted = signal === undefined ? {} : { signal };
    const response = await carry(root + path, { ...request, headers: { ...key, ...headers }, ...aborted }).catch(
      (error: unknown) => refuseAbort(error, signal),
    );
    if (!response.ok) throw await toError(response);
    return response;
  };
}

function at(id: string, verb = ""): string {
  return `/${encodeURIComponent(id)}${verb}`;
}

function refuseAbort(error: unknown, signal: AbortSignal | undefined): never {
  if (signal?.aborted === true) throw error;
  throw new FateError(0, "unreachable", "The gateway cannot be reached.", { cause: error });
}

async function toError(response: Response): Promise<FateError> {
  const text = await response.text().catch(() => "");
  const told = parseError(text);
  return new FateError(
    response.status,
    told?.code ?? "unknown",
    told?.message ?? `The gateway answered ${response.status}.`,
  );
}

function parseError(text: string): { readonly code?: string; readonly message?: string } | undefined {
  try {
    return (JSON.parse(text) as { readonly error?: { readonly code?: string; readonly message?: string } }).error;
  } catch {
    return undefined;
  }
}
