/** Clients of a gateway that is killed again and again: they submit, ask again by their keys, and follow what they submitted. */

import { setTimeout as wait } from "node:timers/promises";
import {
  createClient,
  FateError,
  type Client,
  type RunView,
  type WorkflowDefinition,
} from "../../src/client/client.ts";

/** What a client was told of its workflow. */
export type Told = {
  readonly key: string;
  /** Once it was accepted: 200 or 201. */
  id?: string;
  /** Stage to its result as an event told it. */
  readonly ended: Map<string, string>;
  end?: string;
  tookMs?: number;
};

export type Load = {
  readonly told: readonly Told[];
  /** What clients saw that cannot be. */
  readonly faults: readonly string[];
  /** Submits nothing more; resolves when all that was accepted was followed to its end. */
  readonly finish: () => Promise<void>;
};

export type LoadOptions = {
  readonly urls: readonly string[];
  readonly clients: number;
  readonly seed: number;
  /** Between two submissions of a client. */
  readonly pauseMs: number;
  readonly longestMs: number;
};

export function createLoad({ urls, clients, seed, pauseMs, longestMs }: LoadOptions): Load {
  const told: Told[] = [];
  const faults: string[] = [];
  const closing = new AbortController();
  const over = AbortSignal.timeout(longestMs);
  const apis = urls.map((baseUrl) => createClient({ baseUrl, retryWaitMs: 20 }));
  const followers = new Set<Promise<void>>();
  const apiOf = (index: number): Client => apis[index % apis.length] as Client;

  const submit = async (client: number): Promise<void> => {
    for (let count = 0; !closing.signal.aborted && !over.aborted; count++) {
      const entry: Told = { key: `${seed}-${client}-${count}`, ended: new Map() };
      told.push(entry);
      await submitUntilTold(entry, apiOf(client + count));
      const followed = follow(entry, client + count).finally(() => followers.delete(followed));
      followers.add(followed);
      await wait(pauseMs);
    }
  };
  /** A client that was not answered asks again, by the same key. */
  const submitUntilTold = async (entry: Told, api: Client): Promise<void> => {
    while (!over.aborted) {
      try {
        entry.id = (await api.workflows.submit(toDefinition(entry.key), { idempotencyKey: entry.key })).id;
        return;
      } catch (error) {
        if (error instanceof FateError && error.status >= 400 && error.status < 500 && error.status !== 429)
          return void faults.push(`${entry.key}: refused with ${error.status} ${error.code}`);
        await wait(25);
      }
    }
  };
  const follow = async (entry: Told, index: number): Promise<void> => {
    if (entry.id === undefined) return;
    const acceptedMs = performance.now();
    let after = 0;
    while (!over.aborted && entry.end === undefined) {
      try {
        for await (const event of apiOf(index).workflows.events(entry.id, { after, signal: over })) {
          if (event.id <= after) faults.push(`${entry.key}: event ${event.id} after ${after}`);
          after = event.id;
          if (event.kind === "stage-end") note(entry, event.stage, event.result.text, faults);
          else if (event.kind === "workflow-snapshot") see(entry, event.run, faults);
          else if (event.kind === "workflow-end") entry.end = event.status;
        }
      } catch (error) {
        if (error instanceof FateError && error.status === 404)
          return void faults.push(`${entry.key}: ${entry.id} is lost`);
        await wait(25);
      }
    }
    entry.tookMs = performance.now() - acceptedMs;
  };
  const submitting = Array.from({ length: clients }, (_, client) => submit(client));
  return {
    told,
    faults,
    finish: async () => {
      closing.abort();
      await Promise.all(submitting);
      await Promise.all(followers);
      if (over.aborted) faults.push(`not over within ${longestMs} ms`);
    },
  };
}

/** A stage's result, once told, is never another one. */
function note({ key, ended }: Told, stage: string, text: string | undefined, faults: string[]): void {
  const before = ended.get(stage);
  if (before !== undefined && before !== (text ?? "")) faults.push(`${key}: two results of ${stage}`);
  ended.set(stage, text ?? "");
}

/** What ended once has ended in all that is told later. */
export function see(entry: Told, run: RunView, faults: string[]): void {
  for (const stage of entry.ended.keys())
    if (run.stages.find(({ id }) => id === stage)?.status !== "ended")
      faults.push(`${entry.key}: ${stage} had ended and now has not`);
  for (const { id, status, text } of run.stages) if (status === "ended") note(entry, id, text, faults);
  if (run.status !== "running") entry.end = run.status;
}

/** A plan, a map, and a join of both, with an answer of its own for each key. */
function toDefinition(key: string): WorkflowDefinition {
  const model = "llama-3.2-1b";
  return {
    name: key,
    stages: [
      { id: "plan", kind: "llm", model, prompt: `Plan ${key}.`, maxTokens: 8 },
      {
        id: "read",
        kind: "llm",
        model,
        prompt: "Read {{ item }} of {{ stages.plan.text }}",
        over: [1, 2],
        maxTokens: 8,
      },
      { id: "join", kind: "llm", model, prompt: "{{ stages.plan.text }} {{ stages.read.text }}", maxTokens: 8 },
    ],
  };
}
