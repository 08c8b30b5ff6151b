/** `/v1/workflows`: declared workflows over HTTP. A request is read, answered from the runs, and nothing else happens here. */

import { createHash } from "node:crypto";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { InputError } from "../../trace/input-error.ts";
import type { CallFault } from "../call/call.ts";
import type { DeclaredConfig, ModelConfig } from "../config/config.ts";
import { toSummary, toView } from "./declared-run.ts";
import type { DeclaredWorkflow } from "./declared.ts";
import { streamEvents } from "./event-stream.ts";
import { parseDeclared } from "./parse-declared.ts";
import { createRuns, type Runs, type RunsOptions, type Submitted } from "./runs.ts";
import type { RunList } from "./wire.ts";

export type DeclaredOptions = RunsOptions & {
  /** Between two comments that keep an event stream from looking dead. */
  readonly keepAliveMs?: number;
};

export type DeclaredRequest = {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly tenant: string;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
};

export type Declared = AsyncDisposable & {
  /** For `/v1/workflows` and all below it. Rejects only for mistakes of ours. */
  readonly handle: (request: DeclaredRequest, response: ServerResponse) => Promise<void>;
  /** Workflows under way. */
  readonly open: () => number;
  /** Takes no new workflows, and resolves when those under way are over, or when the signal says so. */
  readonly drain: (signal: AbortSignal) => Promise<void>;
};

const mostListed = 100;

export function createDeclared(options: DeclaredOptions): Declared {
  const { keepAliveMs = 15_000, nowMs = Date.now } = options;
  const runs = createRuns(options);
  const closing = new AbortController();
  const stream = async (
    request: DeclaredRequest,
    id: string,
    response: ServerResponse,
  ): Promise<Answer | undefined> => {
    const run = await runs.find(request.tenant, id);
    if (run === undefined) return noSuch(id);
    const signal = AbortSignal.any([request.signal, closing.signal]);
    const lastId = headerOf(request, "last-event-id") ?? queryOf(request.path).get("after") ?? "0";
    const view = async (): Promise<ReturnType<typeof toView>> => toView((await runs.find(request.tenant, id)) ?? run);
    await streamEvents({ log: runs.logOf(id), lastId, view, response, signal, keepAliveMs, nowMs });
    return undefined;
  };
  return {
    open: runs.open,
    drain: runs.drain,
    handle: async (request, response) => {
      const route = toRoute(request);
      const told =
        "status" in route
          ? route
          : route.verb === "events"
            ? await stream(request, route.id, response)
            : await answer(route, request, runs, options.config.declared);
      if (told !== undefined) send(response, told);
    },
    [Symbol.asyncDispose]: async () => {
      await runs[Symbol.asyncDispose]();
      closing.abort();
    },
  };
}

type Answer = {
  readonly status: number;
  readonly body: object;
  readonly headers?: { readonly [name: string]: string };
};

type Route =
  | { readonly verb: "submit" | "list" }
  | { readonly verb: "show" | "cancel" | "events"; readonly id: string };

function toRoute({ method, path }: DeclaredRequest): Route | Answer {
  const [id, verb, ...rest] = stepsOf(path);
  if (rest.length > 0) return noRoute;
  if (id === undefined)
    return method === "POST" ? { verb: "submit" } : method === "GET" ? { verb: "list" } : wrongMethod("GET, POST");
  switch (verb) {
    case undefined:
      if (method === "DELETE") return { verb: "cancel", id };
      return method === "GET" ? { verb: "show", id } : wrongMethod("GET, DELETE");
    case "cancel":
      return method === "POST" ? { verb, id } : wrongMethod("POST");
    case "events":
      return method === "GET" ? { verb, id } : wrongMethod("GET");
    default:
      return noRoute;
  }
}

async function answer(route: Route, request: DeclaredRequest, runs: Runs, config: DeclaredConfig): Promise<Answer> {
  switch (route.verb) {
    case "submit":
      return submit(request, runs, config);
    case "list":
      return list(request, runs);
    case "show":
    case "events": {
      const run = await runs.find(request.tenant, route.id);
      return run === undefined ? noSuch(route.id) : { status: 200, body: toView(run) };
    }
    case "cancel": {
      const run = await runs.cancel(request.tenant, route.id);
      return run === undefined ? noSuch(route.id) : { status: 200, body: toView(run) };
    }
    default:
      return route satisfies never;
  }
}

async function submit(request: DeclaredRequest, runs: Runs, config: DeclaredConfig): Promise<Answer> {
  const key = headerOf(request, "idempotency-key");
  if (key !== undefined && !/^[\x21-\x7e]{1,200}$/.test(key))
    return refused(400, "invalid_idempotency_key", "Idempotency-Key must be 1 to 200 visible ASCII characters.");
  let workflow: DeclaredWorkflow;
  try {
    workflow = parseSubmitted(request, config, runs.models());
  } catch (error) {
    if (error instanceof InputError) return toFaultAnswer(error);
    throw error;
  }
  const bodyHash = createHash("sha256").update(request.body).digest("hex");
  return toAnswer(await runs.submit({ workflow, tenant: request.tenant, key, bodyHash }), config);
}

function toAnswer(submitted: Submitted, { maxOpen }: DeclaredConfig): Answer {
  switch (submitted.kind) {
    case "created": {
      const headers = { location: `/v1/workflows/${submitted.run.id}` };
      return { status: 201, body: toView(submitted.run), headers };
    }
    case "known":
      return { status: 200, body: toView(submitted.run) };
    case "key-reused":
      return refused(409, "idempotency_key_reused", "This Idempotency-Key came with another workflow before.");
    case "closing": {
      const message = "The gateway is about to stop and takes no new workflows.";
      return { ...refused(503, "draining", message, "server_error"), headers: { "retry-after": "1" } };
    }
    case "limited": {
      const { status, code, message, type, retryAfterS = 1 } = submitted.fault;
      return { ...refused(status, code, message, type), headers: { "retry-after": String(retryAfterS) } };
    }
    case "too-many": {
      const message = `${maxOpen} workflows are under way, as many as this gateway takes. Try again when some have ended.`;
      return { ...refused(429, "too_many_workflows", message, "rate_limit_error"), headers: { "retry-after": "1" } };
    }
    default:
      return submitted satisfies never;
  }
}

function parseSubmitted(
  { body, headers }: DeclaredRequest,
  { maxStages, maxItems, tools }: DeclaredConfig,
  models: readonly ModelConfig[],
): DeclaredWorkflow {
  const file = /yaml/i.test(headers["content-type"] ?? "") ? "workflow.yaml" : "workflow";
  const workflow = parseDeclared(body.toString("utf8"), file, {
    maxStages,
    maxItems,
    models: models.flatMap(({ id, aliases }) => [id, ...aliases]),
    embedding: new Set(models.filter(({ embeds }) => embeds).flatMap(({ id, aliases }) => [id, ...aliases])),
    tools: tools.map(({ name }) => name),
  });
  const idOf = (name: string): string =>
    models.find(({ id, aliases }) => id === name || aliases.includes(name))?.id ?? name;
  const stages = workflow.stages.map((stage) =>
    stage.kind === "tool" ? stage : { ...stage, model: idOf(stage.model) },
  );
  return { ...workflow, stages };
}

async function list({ path, tenant }: DeclaredRequest, runs: Runs): Promise<Answer> {
  const query = queryOf(path);
  const asked = Number(query.get("limit") ?? 20);
  if (!Number.isInteger(asked) || asked < 1 || asked > mostListed)
    return refused(400, "invalid_limit", `limit must be a whole number from 1 to ${mostListed}.`);
  const found = await runs.list(tenant, asked + 1, query.get("after") ?? undefined);
  const data = found.slice(0, asked).map(toSummary);
  return { status: 200, body: { object: "list", data, hasMore: found.length > asked } satisfies RunList };
}

/** What comes after `/v1/workflows`. */
function stepsOf(path: string): readonly string[] {
  const end = path.indexOf("?");
  return (end === -1 ? path : path.slice(0, end))
    .split("/")
    .slice(3)
    .filter((step) => step !== "");
}

function queryOf(path: string): URLSearchParams {
  const start = path.indexOf("?");
  return new URLSearchParams(start === -1 ? "" : path.slice(start + 1));
}

function headerOf({ headers }: DeclaredRequest, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { "content-type": "application/json", "content-length": bytes.length, ...headers });
  response.end(bytes);
}

type FaultType = CallFault["type"];

/** Errors in OpenAI's shape, so that one client understands all of them. */
function refused(status: number, code: string, message: string, type: FaultType = "invalid_request_error"): Answer {
  return { status, body: { error: { message, type, param: null, code } } };
}

function toFaultAnswer({ message, place }: InputError): Answer {
  const param = place === "" ? null : place;
  return { status: 400, body: { error: { message, type: "invalid_request_error", param, code: "invalid_workflow" } } };
}

function noSuch(id: string): Answer {
  return refused(404, "workflow_not_found", `There is no workflow ${JSON.stringify(id.slice(0, 100))}.`);
}

const noRoute = refused(404, "unknown_url", "There is nothing at this address below /v1/workflows.");

function wrongMethod(allow: string): Answer {
  return { ...refused(405, "method_not_allowed", `This address takes ${allow}.`), headers: { allow } };
}
