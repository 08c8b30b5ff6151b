/** `/v1/workflows`: declared workflows over HTTP. A request is read, answered from the runs, and nothing else happens here. */

import { createHash } from "node:crypto";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { StoreFault } from "../../store/store.ts";
import { InputError } from "../../trace/input-error.ts";
import { parseJsonOrYaml } from "../../trace/parse-text.ts";
import type { DeclaredConfig, ModelConfig } from "../config/config.ts";
import {
  noRoute,
  noSuch,
  refused,
  send,
  toFaultAnswer,
  toStoreAnswer,
  tryLater,
  wrongMethod,
  type Answer,
} from "./answer.ts";
import { maxCompared } from "./compare.ts";
import { toSummary, toView, type DeclaredRun } from "./declared-run.ts";
import { streamEvents } from "./event-stream.ts";
import { between, type Neighbours } from "./neighbours.ts";
import { toDeclared } from "./parse-declared.ts";
import { createRuns, type Runs, type RunsOptions, type Submission, type Submitted } from "./runs.ts";
import { idOfModel, withModelIds } from "./stored-run.ts";
import type { RunList } from "./wire.ts";

export type DeclaredOptions = RunsOptions & {
  /** Between two comments that keep an event stream from looking dead. */
  readonly keepAliveMs?: number;
  /** Other gateways over the same store. */
  readonly neighbours?: Neighbours;
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
  /** Takes up workflows that nobody carries out any more, and resolves to how many there were. */
  readonly recover: () => Promise<number>;
  /** Takes no new workflows, and resolves when those under way are over, or when the signal says so. */
  readonly drain: (signal: AbortSignal) => Promise<void>;
};

const mostListed = 100;
/** Of one workflow: each takes as long to read as hundreds of characters of text. */
const maxHoles = 100_000;
/** Of a workflow as YAML, which people write; reading it takes far longer than reading JSON, and nobody is served meanwhile. */
const maxYamlCharacters = 100_000;

export function createDeclared(options: DeclaredOptions): Declared {
  const runs = createRuns(options);
  const closing = new AbortController();
  const door: Door = { runs, options, closing: closing.signal };
  return {
    open: runs.open,
    recover: runs.recover,
    drain: runs.drain,
    handle: async (request, response) => {
      const route = toRoute(request);
      const told = "status" in route ? route : await answer(route, request, response, door).catch(toAnswerOrThrow);
      if (told !== undefined && !response.headersSent) send(response, told);
    },
    [Symbol.asyncDispose]: async () => {
      await runs[Symbol.asyncDispose]();
      closing.abort();
    },
  };
}

type Door = { readonly runs: Runs; readonly options: DeclaredOptions; readonly closing: AbortSignal };

function toAnswerOrThrow(error: unknown): Answer {
  if (error instanceof StoreFault) return toStoreAnswer(error);
  throw error;
}

type Route = { readonly verb: "submit" | "list" } | RunRoute;
type RunRoute = { readonly verb: "show" | "cancel" | "events"; readonly id: string };

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

/** Undefined: it is answered already. */
async function answer(
  route: Route,
  request: DeclaredRequest,
  response: ServerResponse,
  door: Door,
): Promise<Answer | undefined> {
  const { runs, options } = door;
  if ("id" in route) return answerAbout(route, request, response, door);
  return route.verb === "list" ? list(request, runs) : submit(request, runs, options.config.declared);
}

async function answerAbout(
  route: RunRoute,
  request: DeclaredRequest,
  response: ServerResponse,
  door: Door,
): Promise<Answer | undefined> {
  const { runs, options } = door;
  const strange = options.neighbours?.check(request.headers);
  if (strange !== undefined) return strange;
  const run = await runs.find(request.tenant, route.id);
  if (run === undefined) return noSuch(route.id);
  if (route.verb === "show") return { status: 200, body: toView(run) };
  if (!runs.isHere(run))
    return options.neighbours === undefined ? between : options.neighbours.pass(request, run.holding.owner, response);
  if (route.verb === "cancel") return cancel(request.tenant, run, runs);
  await follow(run, request, response, door);
  return undefined;
}

async function cancel(tenant: string, { id }: DeclaredRun, runs: Runs): Promise<Answer> {
  const run = await runs.cancel(tenant, id);
  if (run === undefined) return noSuch(id);
  // It is being ended, but that would not outlive the gateway yet.
  return run.status === "running" ? toStoreAnswer({ kind: "unavailable" }) : { status: 200, body: toView(run) };
}

function follow(run: DeclaredRun, request: DeclaredRequest, response: ServerResponse, door: Door): Promise<void> {
  const { runs, options, closing } = door;
  const { keepAliveMs = 15_000, time } = options;
  const { nowMs = time?.epochMs ?? Date.now } = options;
  const lastId = headerOf(request, "last-event-id") ?? queryOf(request.path).get("after") ?? "0";
  const signal = AbortSignal.any([request.signal, closing]);
  return streamEvents({ followed: runs.follow(run.id), run, lastId, response, signal, keepAliveMs, nowMs });
}

async function submit(request: DeclaredRequest, runs: Runs, config: DeclaredConfig): Promise<Answer> {
  const key = headerOf(request, "idempotency-key");
  if (key !== undefined && !/^[\x21-\x7e]{1,200}$/.test(key))
    return refused(400, "invalid_idempotency_key", "Idempotency-Key must be 1 to 200 visible ASCII characters.");
  let submission: Submission;
  try {
    submission = { ...parseSubmitted(request, config, runs.models()), ...toIdentity(request, key) };
  } catch (error) {
    if (error instanceof InputError) return toFaultAnswer(error);
    throw error;
  }
  return toAnswer(await runs.submit(submission), config);
}

function toIdentity({ tenant, body }: DeclaredRequest, key: string | undefined) {
  return { tenant, key, bodyHash: createHash("sha256").update(body).digest("hex") };
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
    case "closing":
      return tryLater(503, "draining", "The gateway is about to stop and takes no new workflows.");
    case "away":
      return toStoreAnswer({ kind: "unavailable" });
    case "limited": {
      const { status, code, message, type, retryAfterS = 1 } = submitted.fault;
      return tryLater(status, code, message, type, retryAfterS);
    }
    case "too-many": {
      const message = `${maxOpen} workflows are under way, as many as this gateway takes. Try again when some have ended.`;
      return tryLater(429, "too_many_workflows", message, "rate_limit_error");
    }
    default:
      return submitted satisfies never;
  }
}

function parseSubmitted(
  { body, headers }: DeclaredRequest,
  { maxStages, maxItems, maxEdges, tools }: DeclaredConfig,
  models: readonly ModelConfig[],
): Pick<Submission, "workflow" | "definition"> {
  const file = /yaml/i.test(headers["content-type"] ?? "") ? "workflow.yaml" : "workflow";
  const value = parseJsonOrYaml(body.toString("utf8"), file, maxYamlCharacters);
  const workflow = toDeclared(value, file, {
    maxStages,
    maxItems,
    maxEdges,
    maxHoles,
    maxCompared: maxCompared.ahead,
    models: models.flatMap(({ id, aliases }) => [id, ...aliases]),
    embedding: new Set(models.filter(({ embeds }) => embeds).flatMap(({ id, aliases }) => [id, ...aliases])),
    tools: tools.map(({ name }) => name),
  });
  return { workflow: withModelIds(workflow, idOfModel(models)), definition: JSON.stringify(value) };
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
