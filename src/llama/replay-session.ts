/** Sends a session to an OpenAI-compatible server, each step as soon as its parents have answered, and notes what came back. */

import type { Session, SessionStep } from "./session.ts";

export type ReplayOptions = {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
};

export type StepResult = {
  readonly step: SessionStep;
  readonly answer: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
};

type Message = { readonly role: "system" | "user" | "assistant"; readonly content: string };

/** In the session's order. Rejects with the first step that fails, once none is under way any more. */
export async function replaySession(session: Session, options: ReplayOptions): Promise<readonly StepResult[]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const results = new Map<string, StepResult>();
  const running = new Map<string, Promise<StepResult>>();
  const run = async (step: SessionStep): Promise<StepResult> => {
    await Promise.all(step.parents.flatMap((parent) => running.get(parent) ?? []));
    const result = await send(session, step, results, { ...options, signal });
    results.set(step.id, result);
    return result;
  };
  for (const step of session.steps) {
    const sent = run(step);
    sent.catch((error: unknown) => failed.abort(error));
    running.set(step.id, sent);
  }
  await Promise.allSettled(running.values());
  if (failed.signal.aborted) throw failed.signal.reason;
  return Promise.all(running.values());
}

async function send(
  session: Session,
  step: SessionStep,
  results: ReadonlyMap<string, StepResult>,
  { url, signal, nowMs }: ReplayOptions,
): Promise<StepResult> {
  const startMs = nowMs();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    signal,
    headers: toHeaders(session, step),
    body: JSON.stringify({
      model: step.model,
      messages: toMessages(session, step, results),
      max_tokens: step.answerTokens,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`step ${step.id}: ${response.status} ${text.slice(0, 300)}`);
  return { step, startMs, endMs: nowMs(), ...readStream(step, text) };
}

type Chunk = {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens: number };
  } | null;
};

function readStream(step: SessionStep, text: string): Omit<StepResult, "step" | "startMs" | "endMs"> {
  const lines = text.split("\n").filter((line) => line.startsWith("data: "));
  if (lines.at(-1) !== "data: [DONE]") throw new Error(`step ${step.id}: the stream ended before its end`);
  const chunks = lines.slice(0, -1).map((line) => JSON.parse(line.slice("data: ".length)) as Chunk);
  const usage = chunks.findLast((chunk) => chunk.usage)?.usage;
  return {
    answer: chunks.flatMap(({ choices }) => choices[0]?.delta.content ?? []).join(""),
    promptTokens: usage?.prompt_tokens ?? 0,
    cachedTokens: usage?.prompt_tokens_details?.cached_tokens ?? 0,
    outputTokens: usage?.completion_tokens ?? 0,
  };
}

/** Which workflow it belongs to and what it reads, for a gateway that plans with it. */
function toHeaders(session: Session, step: SessionStep): Record<string, string> {
  return {
    "content-type": "application/json",
    "x-workflow-id": session.id,
    "x-workflow-class": "agent-session",
    "x-workflow-stage": step.id,
    "x-workflow-parents": step.parents.join(","),
    "x-workflow-thread": step.thread,
    ...(step.final ? { "x-workflow-final": "true" } : {}),
  };
}

/** The thread's conversation so far, and what is new. */
function toMessages(session: Session, step: SessionStep, results: ReadonlyMap<string, StepResult>): readonly Message[] {
  const at = session.steps.indexOf(step);
  const earlier = session.steps.slice(0, at).filter(({ thread }) => thread === step.thread);
  const answerOf = (id: string): string => results.get(id)?.answer ?? "";
  const ask = (each: SessionStep): Message => {
    const others = each.parents.filter((parent) => !earlier.some(({ id }) => id === parent));
    return { role: "user", content: [each.says, ...others.map((id) => `${id}:${answerOf(id)}`)].join("\n") };
  };
  return [
    { role: "system", content: step.system },
    ...earlier.flatMap((each): Message[] => [ask(each), { role: "assistant", content: answerOf(each.id) }]),
    ask(step),
  ];
}
