/** One call that writes text, from the question to the last byte of the answer: read, admit, run, tell. */

import type { ModelCosts } from "../../cost/cost-model.ts";
import type { Task, TaskFailure, TaskTimes } from "../batch/task.ts";
import type { Engine } from "../engine.ts";
import { prepareLeg, type Leg } from "../hand-off/leg.ts";
import { header, isApiError, sendError, type ApiError, type Call } from "../http/call.ts";
import { createOutlet, type Outlet } from "../http/outlet.ts";
import { bytesPerToken, toChain } from "../text/tokens.ts";
import { countTask } from "../totals.ts";
import type { Ask } from "./ask.ts";
import type { Dialect, Done, Meta, Rendering } from "./dialect.ts";
import { admit, findModel, firstToken, toPlan, type Plan } from "./plan.ts";

/** A piece of a stream carries no more tokens than this, however many are due. */
const pieceTokens = 16;

export async function generate(call: Call, dialect: Dialect): Promise<void> {
  const { engine } = call;
  const ask = dialect.read(call.request, call.body);
  const refuse = (error: ApiError): void => {
    engine.totals.refused++;
    sendError(call, error, dialect.errors);
  };
  if (isApiError(ask)) return refuse(ask);
  const costs = findModel(engine, ask.model);
  if (isApiError(costs)) return refuse(costs);
  const plans = ask.prompts.map((prompt) => toPlan(engine, costs, ask, prompt));
  const fault = admit(engine, costs, ask, plans);
  if (fault !== undefined) return refuse(fault);
  const leg = await prepareLeg(call, costs, plans[0]?.prompt, ask);
  if (leg !== undefined && isApiError(leg)) return refuse(leg);
  if (call.response.destroyed) return;
  run(call, dialect, { ask, costs, plans: leg?.onlyFirstToken === true ? plans.map(firstToken) : plans, leg });
}

type Work = {
  readonly ask: Ask;
  readonly costs: ModelCosts;
  readonly plans: readonly Plan[];
  readonly leg: Leg | undefined;
};

function run(call: Call, dialect: Dialect, work: Work): void {
  const { engine, response } = call;
  const { ask, costs, plans, leg } = work;
  const { totals } = engine;
  const batch = engine.batch();
  const pacer = engine.pacer();
  const rendering = dialect.render(ask, toMeta(call, plans));
  const outlet = createOutlet(call, ask.stream ? dialect.contentType : "application/json");
  const ended: TaskTimes[] = [];
  let left = plans.length;
  let kvTransferParams: Done["kvTransferParams"];
  totals.calls++;
  const end = (index: number, times: TaskTimes): void => {
    if (left <= 0) return;
    ended[index] = times;
    kvTransferParams = leg?.onEnd?.() ?? kvTransferParams;
    left--;
    if (left > 0) return;
    const done = toDone(engine, plans, ended, kvTransferParams);
    for (const { finish } of done.answers)
      totals.of(costs.model.id).finished[finish === "length" ? "length" : "stop"]++;
    outlet.end(ask.stream ? rendering.closing(done) : rendering.whole(done));
  };
  const fail = (reason: TaskFailure): void => {
    if (left <= 0) return;
    left = 0;
    totals.failed++;
    if (response.headersSent) response.destroy();
    else sendError(call, failures[reason], dialect.errors);
  };
  const tasks = plans.map((plan, index) =>
    toTask(engine, work, plan, {
      onTokens: ask.stream ? streamPieces(outlet, rendering, plan, index) : () => {},
      onEnd: (times) => end(index, times),
      onFail: fail,
    }),
  );
  response.once("close", () => {
    if (left <= 0) return;
    left = 0;
    totals.aborted++;
    totals.of(costs.model.id).finished.abort++;
    pacer.act(() => tasks.forEach((task) => batch.cancel(task)));
  });
  pacer.act(() => tasks.forEach((task) => batch.submit(task)));
}

function toMeta({ engine, request }: Call, plans: readonly Plan[]): Meta {
  const asked =
    header(request, "x-request-id")
      ?.replaceAll(/[^\w.:-]/g, "")
      .slice(0, 100) ?? "";
  return {
    id: asked === "" ? `${engine.settings.id}-${engine.nextNumber()}` : asked,
    createdS: Math.floor(Date.now() / 1000),
    promptTokens: countPrompts(plans),
  };
}

function toTask(
  engine: Engine,
  { ask, costs, leg }: Work,
  plan: Plan,
  hears: Pick<Task, "onTokens" | "onEnd" | "onFail">,
): Task {
  const { prompt, answers } = plan;
  const outputTokens = Math.max(...answers.map(({ tokens }) => tokens));
  const { toWallUs } = engine.pacer();
  return {
    ...hears,
    costs,
    prompt,
    sequences: answers.length,
    outputTokens,
    phase: leg?.phase ?? "whole",
    streams: ask.stream,
    wholeChain: () => wholeChain(engine, plan, ask.salt),
    onEnd: (times) => {
      countTask(engine.totals.of(costs.model.id), times, prompt.tokens, outputTokens * answers.length, toWallUs);
      hears.onEnd(times);
    },
  };
}

function toDone(
  engine: Engine,
  plans: readonly Plan[],
  ended: readonly TaskTimes[],
  kvTransferParams: Done["kvTransferParams"],
): Done {
  const answers = plans.flatMap((plan) => plan.answers);
  return {
    answers,
    promptTokens: countPrompts(plans),
    cachedTokens: ended.reduce((sum, times) => sum + times.cachedTokens, 0),
    outputTokens: answers.reduce((sum, { tokens }) => sum + tokens, 0),
    times: ended[0] as TaskTimes,
    toWallUs: engine.pacer().toWallUs,
    ...(kvTransferParams === undefined ? {} : { kvTransferParams }),
  };
}

function countPrompts(plans: readonly Plan[]): number {
  return plans.reduce((sum, { prompt }) => sum + prompt.tokens, 0);
}

const failures: Readonly<Record<TaskFailure, ApiError>> = {
  aborted: {
    status: 503,
    type: "server_error",
    message: "The call was aborted, as the engine went to sleep.",
    code: "aborted",
  },
  "no-room": { status: 500, type: "server_error", message: "There is no room for the model.", code: "no_room" },
  "engine-gone": { status: 503, type: "server_error", message: "The engine is shutting down.", code: "engine_gone" },
};

/** Tells of the tokens that are new, in pieces. */
function streamPieces(outlet: Outlet, rendering: Rendering, { answers }: Plan, index: number): Task["onTokens"] {
  let told = 0;
  return (written, cachedTokens) => {
    if (told === 0 && index === 0) outlet.open(rendering.opening(cachedTokens));
    for (; told < written; told = Math.min(written, told + pieceTokens)) {
      const end = Math.min(written, told + pieceTokens);
      for (const [choice, { text }] of answers.entries()) {
        const piece = text.slice(told * bytesPerToken, end * bytesPerToken);
        if (piece !== "") outlet.piece(rendering.piece(index * answers.length + choice, piece));
      }
    }
    outlet.flush();
  };
}

/** Prompt and first answer, as they stand in the prompt of the next turn. */
function wholeChain(
  { settings }: Engine,
  { prompt, answers }: Plan,
  salt: string,
): ReturnType<NonNullable<Task["wholeChain"]>> {
  const bytes = Buffer.concat([prompt.bytes, Buffer.from(answers[0]?.text ?? "")]);
  return { chain: toChain(bytes, settings.blockTokens, salt, prompt.chain), bytes };
}
