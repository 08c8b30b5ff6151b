/** A model call over HTTP: read it, say whose it is, give it to the driver, and let its job answer. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isFault, type CallFault, type CallShape, type Surface } from "../call/call.ts";
import type { Sessions } from "../call/sessions.ts";
import type { Tenants } from "../call/tenants.ts";
import type { LimitsConfig } from "../config/config.ts";
import type { Driver } from "../live/driver.ts";
import type { FinishedCall } from "../observe/call-metrics.ts";
import { toTraceparent, type TraceContext } from "../observe/trace-context.ts";
import type { Traces } from "../observe/traces.ts";
import { answerFault, answerFaultEarly, guard, type AnswerFault, type FaultStyle } from "./answer.ts";
import { CallJob } from "./call-job.ts";
import { learnLength, type CalledModel, type Catalogue } from "./catalogue.ts";
import { toFinishedCall, toTracedCall } from "./finished.ts";
import type { Job, JobHost, JobOutcome } from "./job-request.ts";
import type { ReadBody } from "./read-body.ts";
import { readCall, type ReadCall } from "./read-call.ts";
import { toStage } from "./to-stage.ts";
import { unknownModel } from "./unknown-model.ts";

export type CallsHost = Pick<JobHost, "adapter" | "upstreams" | "sendsPriority" | "bootstrapPort"> & {
  readonly driver: Driver;
  readonly sessions: Sessions;
  readonly tenants: () => Tenants;
  readonly catalogue: () => Catalogue;
  readonly limits: () => LimitsConfig;
  readonly readBody: ReadBody;
  readonly tenantPriority: (tenant: string) => number;
  /** Nothing new is taken any more. */
  readonly draining: () => boolean;
  readonly onFinished: (call: FinishedCall) => void;
  /** Told of prompts that engines have taken in, with the body as parsed. Absent: nobody wants to know. */
  readonly onAnswered?: (engine: string, model: string, chain: CallShape["chain"], fields: object) => void;
  /** Absent: traces are off. */
  readonly traces?: Traces;
  /** A mistake of ours, which costs the call that met it. */
  readonly onFault: (error: unknown) => void;
};

export type Calls = {
  readonly handle: (surface: Surface, request: IncomingMessage, response: ServerResponse, tenant: string) => void;
  /** Ends workflows of which nothing is heard any more. */
  readonly sweep: () => void;
};

/** A call that is under way: what is known of it beside its job. */
type Known = {
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
  const known = new Map<Job, Known>();

  /** For what nobody above would catch. */
  const attempt = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      host.onFault(error);
    }
  };

  const jobHost: JobHost = {
    nowUs: driver.nowUs,
    adapter: host.adapter,
    upstreams: host.upstreams,
    sendsPriority: host.sendsPriority,
    bootstrapPort: host.bootstrapPort,
    slowClientMs: () => host.limits().slowClientMs,
    abandon: (job) => attempt(() => driver.drop(job.stage, "client-gone")),
    finish: (job, outcome) => attempt(() => finish(job, outcome)),
  };

  const handle: Calls["handle"] = (surface, request, response, tenant) => {
    const startUs = driver.nowUs();
    const trace = host.traces?.begin(header(request, "traceparent"));
    const style = styleOf(surface);
    const turnAway = (fault: CallFault, answer: AnswerFault = answerFault): void => {
      answer(response, fault, {}, style);
      const { status, code: refusal } = fault;
      host.onFinished({ surface, status, tenant, durationUs: driver.nowUs() - startUs, refusal });
    };
    if (host.draining()) return turnAway(draining, answerFaultEarly(request));
    const tenants = host.tenants();
    const limit = tenants.admit(tenant, startUs);
    if (limit !== undefined) return turnAway(limit);
    response.once("close", () => tenants.release(tenant));
    const begin = (bytes: Buffer): void => {
      const call = readCall(surface, request.headers, bytes);
      if (isFault(call)) return turnAway(call);
      const model = host.catalogue().find(call.shape.model);
      if (model === undefined) return turnAway(unknownModel(call.shape.model, host.catalogue().list()));
      const traced = trace === undefined ? {} : { traceparent: toTraceparent(trace) };
      const { shape, body, repeatable } = call;
      const { url: path = "", headers } = request;
      const readUs = driver.nowUs();
      const asked = { surface, path, headers, body, shape, startUs, readUs, repeatable, faultStyle: style, ...traced };
      submit(new CallJob(asked, response, jobHost, traced), tenant, model, call, trace);
    };
    host.readBody(request, response, (body) => {
      if ("fault" in body) turnAway(body.fault, answerFaultEarly(request));
      else guard(response, host.onFault, () => begin(body.bytes));
    });
  };

  const submit = (
    job: CallJob,
    tenant: string,
    model: CalledModel,
    { shape, identity, fields }: ReadCall,
    trace: TraceContext | undefined,
  ): void => {
    const placed = sessions.place(tenant, identity, shape, driver.nowUs());
    const { workflow, single } = placed;
    const wanted = host.onAnswered === undefined ? undefined : fields;
    known.set(job, { tenant, model, shape, trace, single, final: identity.final, fields: wanted });
    job.workflow = workflow;
    job.stage = `${workflow}/${placed.stage}`;
    try {
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
      driver.reveal(toStage(placed, job.request.surface, model, shape, priority));
      driver.ready(job.stage, job);
    } catch (error) {
      host.onFault(error);
      attempt(() => driver.drop(job.stage, "failed"));
      job.giveUp();
    }
  };

  const finish = (job: Job, outcome: JobOutcome): void => {
    const of = known.get(job);
    if (of === undefined) return;
    known.delete(job);
    const { status, turn, usage } = outcome;
    const { tenant, model, shape, trace } = of;
    const endUs = driver.nowUs();
    if (usage !== undefined && status < 400 && !model.embeds) learnLength(model, usage.outputTokens);
    if (turn !== undefined && of.fields !== undefined && status < 400)
      host.onAnswered?.(turn.engine, model.id, shape.chain, of.fields);
    // The driver first hears of the end of the stage, then that nothing follows.
    if (of.single) driver.end(job.workflow);
    else {
      const outputBytes = (usage?.outputTokens ?? 0) * bytesPerToken;
      const stage = job.stage.slice(job.workflow.length + 1);
      sessions.ended(job.workflow, stage, endUs, { failed: status >= 400, outputBytes });
      if (of.final) sweep();
    }
    const over = { job, tenant, model, shape, endUs, outcome };
    host.onFinished(toFinishedCall(over));
    if (trace !== undefined) host.traces?.finish(trace, toTracedCall(over));
  };

  const sweep = (): void => {
    for (const workflow of sessions.sweep(driver.nowUs())) driver.end(workflow);
  };

  return { handle, sweep: () => attempt(sweep) };
}

export function styleOf(surface: Surface): FaultStyle {
  return surface === "messages" ? "anthropic" : "openai";
}

const draining: CallFault = {
  status: 503,
  type: "server_error",
  code: "draining",
  message: "The gateway is about to stop and takes no new calls.",
  retryAfterS: 1,
};

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
