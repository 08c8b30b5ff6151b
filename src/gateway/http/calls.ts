/** A model call over HTTP: read it, say whose it is, give it to the driver, and let its job answer. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isFault, type CallFault, type CallShape, type Surface } from "../call/call.ts";
import { readIdentity, type ReadIdentity } from "../call/read-identity.ts";
import { readShape } from "../call/read-shape.ts";
import type { Sessions } from "../call/sessions.ts";
import type { Tenants } from "../call/tenants.ts";
import type { LimitsConfig } from "../config/config.ts";
import type { Driver, NewStage } from "../live/driver.ts";
import type { FinishedCall } from "../observe/call-metrics.ts";
import { toTraceparent, type TraceContext } from "../observe/trace-context.ts";
import type { Traces } from "../observe/traces.ts";
import { answerFault, answerFaultEarly, type AnswerFault, type FaultStyle } from "./answer.ts";
import { CallJob } from "./call-job.ts";
import { learnLength, type CalledModel, type Catalogue } from "./catalogue.ts";
import type { JobHost, JobOutcome } from "./job-request.ts";
import { readBody } from "./read-body.ts";

export type CallsHost = Pick<JobHost, "adapter" | "upstreams" | "sendsPriority" | "bootstrapPort"> & {
  readonly driver: Driver;
  readonly sessions: Sessions;
  readonly tenants: () => Tenants;
  readonly catalogue: () => Catalogue;
  readonly limits: () => LimitsConfig;
  readonly tenantPriority: (tenant: string) => number;
  readonly onFinished: (call: FinishedCall) => void;
  /** Told of prompts that engines have taken in, with the body as parsed. Absent: nobody wants to know. */
  readonly onAnswered?: (engine: string, model: string, chain: CallShape["chain"], fields: object) => void;
  /** Absent: traces are off. */
  readonly traces?: Traces;
};

export type Calls = {
  readonly handle: (surface: Surface, request: IncomingMessage, response: ServerResponse, tenant: string) => void;
  /** Ends workflows of which nothing is heard any more. */
  readonly sweep: () => void;
};

/** A call that is under way: what is known of it beside its job. */
type Known = {
  readonly surface: Surface;
  readonly tenant: string;
  readonly model: CalledModel;
  readonly shape: CallShape;
  readonly trace: TraceContext | undefined;
  /** The only stage of its workflow. */
  readonly single: boolean;
  readonly final: boolean;
  /** The body, where somebody wants to know. */
  readonly fields: object | undefined;
};

/** Of text that one stage hands to another. */
const bytesPerToken = 4;

export function createCalls(host: CallsHost): Calls {
  const { driver, sessions } = host;
  const known = new Map<CallJob, Known>();

  const jobHost: JobHost = {
    nowUs: driver.nowUs,
    adapter: host.adapter,
    upstreams: host.upstreams,
    sendsPriority: host.sendsPriority,
    bootstrapPort: host.bootstrapPort,
    slowClientMs: () => host.limits().slowClientMs,
    abandon: (job) => driver.drop(job.stage, "client-gone"),
    finish: (job, outcome) => finish(job, outcome),
  };

  const handle: Calls["handle"] = (surface, request, response, tenant) => {
    const startUs = driver.nowUs();
    const trace = host.traces?.begin(header(request, "traceparent"));
    const style = styleOf(surface);
    const turnAway = (fault: CallFault, answer: AnswerFault = answerFault): void => {
      answer(response, fault, {}, style);
      host.onFinished({
        surface,
        status: fault.status,
        tenant,
        durationUs: driver.nowUs() - startUs,
        overheadUs: 0,
        refusal: fault.code,
      });
    };
    const tenants = host.tenants();
    const limit = tenants.admit(tenant, startUs);
    if (limit !== undefined) return turnAway(limit);
    response.once("close", () => tenants.release(tenant));
    readBody(request, response, host.limits().bodyBytes, (body) => {
      if ("fault" in body) return turnAway(body.fault, answerFaultEarly(request));
      const read = readCall(surface, request, body.bytes);
      if (isFault(read)) return turnAway(read);
      const { shape, identity } = read;
      const model = host.catalogue().find(shape.model);
      if (model === undefined) return turnAway(unknownModel(shape.model, host.catalogue()));
      const job = new CallJob(
        {
          surface,
          path: request.url ?? "",
          headers: request.headers,
          body: body.bytes,
          shape,
          startUs,
          readUs: driver.nowUs(),
          repeatable: isRepeatable(surface, read.fields),
          faultStyle: style,
          ...(trace === undefined ? {} : { traceparent: toTraceparent(trace) }),
        },
        response,
        jobHost,
        trace === undefined ? {} : { traceparent: toTraceparent(trace) },
      );
      submit(job, tenant, model, shape, identity, trace, host.onAnswered === undefined ? undefined : read.fields);
    });
  };

  const submit = (
    job: CallJob,
    tenant: string,
    model: CalledModel,
    shape: CallShape,
    identity: ReadIdentity,
    trace: TraceContext | undefined,
    fields: object | undefined,
  ): void => {
    const placed = sessions.place(tenant, identity, shape, driver.nowUs());
    const { workflow, stage, single } = placed;
    const { surface } = job.request;
    known.set(job, { surface, tenant, model, shape, trace, single, final: identity.final, fields });
    const key = `${workflow}/${stage}`;
    job.workflow = workflow;
    job.stage = key;
    if (placed.opens) {
      driver.arrive({
        workflow,
        reveal: "online",
        tenant,
        ...(identity.class === undefined ? {} : { class: identity.class }),
        ...(identity.deadlineMs === undefined ? {} : { deadlineUs: Math.round(identity.deadlineMs * 1000) }),
        ...(identity.sloScale === undefined ? {} : { sloScale: identity.sloScale }),
      });
    }
    const priority = (identity.priority ?? 0) + host.tenantPriority(tenant);
    driver.reveal(toStage(job, placed, model, shape, priority));
    driver.ready(key, job);
  };

  const finish = (job: CallJob, { status, turn, usage, overheadUs, firstTokenUs, refusal }: JobOutcome): void => {
    const of = known.get(job);
    if (of === undefined) return;
    known.delete(job);
    const { surface, tenant, model, shape, trace } = of;
    const endUs = driver.nowUs();
    const { startUs } = job.request;
    if (usage !== undefined && status < 400 && !model.embeds) learnLength(model, usage.outputTokens);
    if (turn !== undefined && of.fields !== undefined && status < 400)
      host.onAnswered?.(turn.engine, model.id, shape.chain, of.fields);
    // The driver first hears of the end of the stage, then that nothing follows.
    if (of.single) driver.end(job.workflow);
    else {
      const outputBytes = (usage?.outputTokens ?? 0) * bytesPerToken;
      sessions.ended(job.workflow, job.stage.slice(job.workflow.length + 1), endUs, {
        failed: status >= 400,
        outputBytes,
      });
      if (of.final) sweep();
    }
    host.onFinished({
      surface,
      status,
      tenant,
      model: model.id,
      durationUs: endUs - startUs,
      overheadUs,
      ...(turn === undefined ? {} : { engine: turn.engine, queueUs: turn.waitedUs, planAgeUs: turn.planAgeUs }),
      ...(firstTokenUs === undefined ? {} : { ttftUs: firstTokenUs - startUs }),
      ...(usage === undefined
        ? {}
        : { promptTokens: usage.promptTokens ?? shape.promptTokens, outputTokens: usage.outputTokens }),
      ...(usage?.cachedTokens === undefined ? {} : { cachedTokens: usage.cachedTokens }),
      ...(refusal === undefined ? {} : { refusal }),
    });
    if (trace === undefined || host.traces === undefined) return;
    host.traces.finish(trace, {
      surface,
      startUs,
      endUs,
      status,
      model: model.id,
      workflow: job.workflow,
      stage: job.stage,
      tenant,
      stream: shape.stream,
      ...(turn === undefined ? {} : { engine: turn.engine }),
      ...(usage === undefined
        ? {}
        : { outputTokens: usage.outputTokens, promptTokens: usage.promptTokens ?? shape.promptTokens }),
      phases: [],
    });
  };

  const sweep = (): void => {
    for (const workflow of sessions.sweep(driver.nowUs())) driver.end(workflow);
  };

  return { handle, sweep };
}

export function styleOf(surface: Surface): FaultStyle {
  return surface === "messages" ? "anthropic" : "openai";
}

type Read = { readonly shape: CallShape; readonly identity: ReadIdentity; readonly fields: object };

function readCall(surface: Surface, request: IncomingMessage, bytes: Buffer): Read | CallFault {
  let fields: unknown;
  try {
    fields = JSON.parse(bytes.toString());
  } catch {
    return {
      status: 400,
      type: "invalid_request_error",
      code: "invalid_json",
      message: "The body is not valid JSON.",
    };
  }
  const shape = readShape(surface, fields);
  if (isFault(shape)) return shape;
  const identity = readIdentity(request.headers, fields);
  if (isFault(identity)) return identity;
  return { shape, identity, fields: fields as object };
}

function toStage(
  job: CallJob,
  { workflow, stage, parents }: ReturnType<Sessions["place"]>,
  model: CalledModel,
  shape: CallShape,
  priority: number,
): NewStage {
  const embeds = job.request.surface === "embeddings";
  const { chain, promptTokens, sequences } = shape;
  const room = Math.max(1, Math.min(model.contextTokens, model.mostKvTokens) - promptTokens);
  const asked = shape.limitTokens ?? Math.max(1, Math.round(model.expectedTokens) * 2);
  const limitTokens = embeds ? 0 : Math.min(room, asked * sequences);
  const expected = Math.max(1, Math.round((shape.expectedTokens ?? model.expectedTokens) * sequences));
  return {
    key: `${workflow}/${stage}`,
    workflow,
    id: stage,
    parents: parents.map((parent) => ({ stage: `${workflow}/${parent.stage}`, bytes: parent.bytes })),
    priority,
    kind: embeds ? "embed" : "llm",
    model: model.id,
    chain,
    sharedLinks: chain.length,
    promptTokens,
    outputTokens: embeds ? 0 : Math.min(limitTokens, expected),
    limitTokens,
    items: 1,
  };
}

/** A call that leaves something behind on the server is not made twice. */
function isRepeatable(surface: Surface, fields: object): boolean {
  if (surface !== "responses") return true;
  return (
    "store" in fields &&
    fields.store === false &&
    !("previous_response_id" in fields && fields.previous_response_id !== null)
  );
}

function unknownModel(name: string, catalogue: Catalogue): CallFault {
  const known = catalogue.list().map(({ id }) => id);
  const some = known.length <= 12 ? `: there are ${known.join(", ")}` : "; see /v1/models";
  const shown = name.length > 80 ? `${name.slice(0, 80)}...` : name;
  return {
    status: 404,
    type: "invalid_request_error",
    code: "model_not_found",
    param: "model",
    message: `No engine has a model '${shown}'${known.length === 0 ? "" : some}.`,
  };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
