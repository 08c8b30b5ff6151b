/** A driver that places stages at once and holds its callers to the contract, and a caller that answers from a script. */

import { strict as assert } from "node:assert";
import type { ToolConfig } from "../../../src/gateway/config/config.ts";
import type { Driver, NewStage, ShareFault, Turn, Work } from "../../../src/gateway/live/driver.ts";
import type { DeclaredOptions } from "../../../src/gateway/declared/routes.ts";
import type { EventLog } from "../../../src/gateway/declared/event-log.ts";
import type { Caller, ModelAnswer, ModelCall } from "../../../src/gateway/declared/model-call.ts";
import { toDeclared } from "../../../src/gateway/declared/parse-declared.ts";
import { createRuns, type Runs, type RunsOptions, type Submission } from "../../../src/gateway/declared/runs.ts";
import type { RunEvent, RunView, WorkflowDefinition } from "../../../src/gateway/declared/wire.ts";
import { toView } from "../../../src/gateway/declared/declared-run.ts";

type Status = "waiting" | "ready" | "running" | "tool" | "ended" | "skipped";
type Entry = { readonly stage: NewStage; status: Status; attempt: number; turns: ScriptedTurn[]; work?: Work };
type ScriptedTurn = Turn & { readonly revoke: () => void; readonly isOpen: () => boolean };

type DriverScript = {
  /** Items of each share; one share of all unless said. */
  readonly shares?: (stage: string, items: number) => readonly number[];
  /** Stages that are refused instead of placed. */
  readonly refuses?: readonly string[];
  /** Shares that prefill on one engine and decode on another. */
  readonly pairs?: boolean;
};

type ScriptedDriver = Driver & {
  /** One word and the stage, for what the driver was told. */
  readonly told: readonly string[];
  readonly stages: ReadonlyMap<string, Entry>;
  /** An engine is lost: the stage's turns are taken back, and it is placed anew. */
  readonly lose: (key: string) => void;
};

function createScriptedDriver(script: DriverScript = {}): ScriptedDriver {
  const told: string[] = [];
  const stages = new Map<string, Entry>();
  const open = new Set<string>();
  const entry = (key: string): Entry => stages.get(key) ?? assert.fail(`${key} is not revealed`);
  const parentsOf = (key: string): Entry[] => entry(key).stage.parents.map((parent) => entry(parent.stage));
  const isOver = ({ status }: Entry): boolean => status === "ended" || status === "skipped";
  const say = (word: string, key: string): void => void told.push(`${word} ${key.split("/").at(-1)}`);

  const place = (key: string): void => {
    const { stage, attempt, work } = entry(key);
    assert(stage.kind !== "tool" && work !== undefined);
    const shares = script.shares?.(stage.id, stage.items) ?? [stage.items];
    assert.equal(
      shares.reduce((sum, items) => sum + items, 0),
      stage.items,
    );
    entry(key).turns = shares.map((items, share) => createTurn(key, { share, shares: shares.length, items, attempt }));
    entry(key).status = "running";
    // Later than `ready` returns, as a driver that plans first does.
    for (const turn of entry(key).turns) queueMicrotask(() => turn.isOpen() && work.start(turn));
  };

  const createTurn = (
    key: string,
    part: Pick<Turn, "share" | "shares" | "items" | "attempt">,
    phase: Turn["phase"] = script.pairs === true ? "prefill" : "whole",
  ): ScriptedTurn => {
    const abort = new AbortController();
    let isOpen = true;
    const { stage } = entry(key);
    assert(stage.kind !== "tool");
    const close = (): boolean => {
      const was = isOpen;
      isOpen = false;
      return was;
    };
    return {
      ...part,
      stage: { ...stage, ordinal: 0 },
      engine: `e${part.share}${phase === "decode" ? "d" : ""}`,
      model: stage.model,
      phase,
      decodeEngine: phase === "prefill" ? `e${part.share}d` : undefined,
      cachedTokens: 0,
      reason: "scripted",
      planAgeUs: 0,
      waitedUs: 0,
      signal: abort.signal,
      isOpen: () => isOpen,
      revoke: () => close() && abort.abort(),
      firstToken: () => {},
      handedOver: () => {
        if (!close()) return;
        const turn = createTurn(key, part, "decode");
        entry(key).turns = entry(key).turns.map((other, at) => (at === part.share ? turn : other));
        entry(key).work?.start(turn);
      },
      end: (result) => {
        if (!close()) return;
        assert(Number.isSafeInteger(result.outputTokens) && result.outputTokens >= 0);
        if (entry(key).turns.some((turn) => turn.isOpen())) return;
        entry(key).status = "ended";
        say("end", key);
      },
      fail: (fault) => {
        if (!close()) return;
        for (const turn of entry(key).turns) turn.revoke();
        if (!fault.retry) return drop(key, "failed");
        entry(key).attempt += 1;
        say("again", key);
        place(key);
      },
    };
  };

  const drop = (key: string, reason: string): void => {
    const dropped = entry(key);
    if (isOver(dropped)) return;
    for (const turn of dropped.turns) turn.revoke();
    dropped.status = "skipped";
    say(`drop(${reason})`, key);
  };
  const close = (workflow: string, word: string): void => {
    assert(open.delete(workflow), `${workflow} is not open`);
    told.push(word);
  };

  return {
    told,
    stages,
    lose: (key) => {
      for (const turn of entry(key).turns) turn.revoke();
      entry(key).attempt += 1;
      say("again", key);
      place(key);
    },
    nowUs: () => 0,
    arrive: ({ workflow }) => {
      assert(!open.has(workflow));
      open.add(workflow);
    },
    reveal: (stage) => {
      assert(open.has(stage.workflow) && !stages.has(stage.key), `${stage.key} is revealed again`);
      for (const parent of stage.parents) entry(parent.stage);
      assert(stage.chance === undefined || stage.chance < 1);
      if (stage.kind !== "tool") {
        assert(stage.items >= 1 && stage.sharedLinks <= stage.chain.length);
        assert.equal(
          stage.chain.reduce((sum, link) => sum + link.tokens, 0),
          stage.promptTokens,
        );
      }
      stages.set(stage.key, { stage, status: "waiting", attempt: 0, turns: [] });
      say("reveal", stage.key);
    },
    ready: (key, work, chainTokens) => {
      const ready = entry(key);
      assert(ready.status === "waiting" && ready.stage.kind !== "tool");
      assert(parentsOf(key).every(isOver), `${key} is ready before its parents are over`);
      assert(ready.stage.parents.length === 0 || parentsOf(key).some(({ status }) => status === "ended"));
      assert(chainTokens === undefined || chainTokens.length === ready.stage.chain.length);
      ready.status = "ready";
      ready.work = work;
      say("ready", key);
      if (script.refuses?.includes(ready.stage.id) !== true) return place(key);
      drop(key, "refused");
      work.refuse({ kind: "no-engine", message: "no engine serves it", retryAfterS: 1 });
    },
    toolStart: (key) => {
      assert(entry(key).status === "waiting" && parentsOf(key).every(isOver));
      entry(key).status = "tool";
      say("tool-start", key);
    },
    toolEnd: (key) => {
      assert.equal(entry(key).status, "tool");
      entry(key).status = "ended";
      say("tool-end", key);
    },
    skip: (key) => {
      const skipped = entry(key);
      assert(skipped.status === "waiting" && parentsOf(key).every(isOver));
      const cutOff = skipped.stage.parents.length > 0 && parentsOf(key).every(({ status }) => status === "skipped");
      assert(skipped.stage.chance !== undefined || cutOff, `${key} was to run in any case`);
      skipped.status = "skipped";
      say("skip", key);
    },
    drop,
    end: (workflow) => {
      for (const { stage, status } of stages.values())
        if (stage.workflow === workflow)
          assert(status === "ended" || status === "skipped", `${stage.key} is ${status}`);
      close(workflow, "end");
    },
    cancel: (workflow) => {
      for (const { stage, turns } of stages.values())
        if (stage.workflow === workflow) for (const turn of turns) turn.revoke();
      close(workflow, "cancel");
    },
  };
}

type Prompted = { readonly model: string; readonly text: string; readonly body: Record<string, unknown> };
/** Text that is answered, or a fault, or an HTTP status. */
export type Reply = string | number | ShareFault | Promise<string>;

type ScriptedCaller = Caller & { readonly calls: readonly (Prompted & { readonly call: ModelCall })[] };

/** Answers by what `reply` makes of the last message. */
function createScriptedCaller(reply: (prompted: Prompted, call: ModelCall) => Reply): ScriptedCaller {
  const calls: (Prompted & { call: ModelCall })[] = [];
  return {
    calls,
    call: async (call) => {
      const body = JSON.parse(call.body.toString("utf8")) as Record<string, unknown>;
      const messages = (body["messages"] ?? [{ content: body["input"] }]) as { content: string }[];
      const prompted = { model: body["model"] as string, text: messages.at(-1)?.content ?? "", body };
      if (call.turn.phase === "prefill") return { kind: "handed-over", handOff: `kv of ${prompted.text}` };
      calls.push({ ...prompted, call });
      const given = reply(prompted, call);
      const replied = typeof given === "object" && "then" in given ? await withAbort(given, call.signal) : given;
      if (typeof replied === "object") return replied;
      return typeof replied === "number"
        ? answer({ error: { message: "no" } }, replied)
        : answer(toCompletion(replied));
    },
  };
}

async function withAbort(given: Promise<string>, signal: AbortSignal): Promise<string> {
  const { promise, reject } = Promise.withResolvers<string>();
  signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
  return Promise.race([given, promise]);
}

function answer(body: object, status = 200): ModelAnswer {
  return { kind: "answer", status, body: Buffer.from(JSON.stringify(body)) };
}

function toCompletion(text: string): object {
  return {
    choices: [{ message: { role: "assistant", content: text } }],
    data: [{ embedding: [0.5, 1] }],
    usage: { prompt_tokens: 10, completion_tokens: text.length, prompt_tokens_details: { cached_tokens: 3 } },
  };
}

const declaredConfig = { maxOpen: 4, maxStages: 50, maxItems: 20, maxEdges: 200, tools: [] as readonly ToolConfig[] };
const models = [model("big"), model("small", ["tiny"]), { ...model("embedder"), embeds: true }];

function model(id: string, aliases: readonly string[] = []): RunsOptions["config"]["models"][number] {
  return { id, aliases, contextTokens: 8192, outputTokens: 100, embeds: false };
}

export type World = {
  readonly driver: ScriptedDriver;
  readonly caller: ScriptedCaller;
  readonly options: DeclaredOptions;
};

export function world(
  reply: (prompted: Prompted, call: ModelCall) => Reply,
  { tools = [], ...script }: DriverScript & { readonly tools?: readonly ToolConfig[] } = {},
): World {
  const driver = createScriptedDriver(script);
  const caller = createScriptedCaller(reply);
  let ids = 0;
  const config = { declared: { ...declaredConfig, tools }, tenants: [], models };
  const createId = (): string => `run-${++ids}`;
  return { driver, caller, options: { driver, caller, config, nowMs: () => 1000, createId, retryWaitMs: 0 } };
}

type Ran = {
  readonly view: RunView;
  readonly driver: ScriptedDriver;
  readonly caller: ScriptedCaller;
  readonly events: readonly RunEvent[];
};

export function submissionOf(definition: WorkflowDefinition, rest: Partial<Submission> = {}): Submission {
  const workflow = toDeclared(definition, "test");
  return {
    workflow,
    definition: JSON.stringify(definition),
    tenant: "t",
    key: undefined,
    bodyHash: "",
    ...rest,
  };
}

function eventsOf(log: EventLog, id = 0): readonly RunEvent[] {
  const after = log.after(id);
  assert(after.kind === "events", `events after ${id} are missed`);
  return after.events;
}

/** A workflow from submission to its end. */
export async function runWorkflow(definition: WorkflowDefinition, made: World): Promise<Ran> {
  await using runs: Runs = createRuns(made.options);
  const { tools } = made.options.config.declared;
  toDeclared(definition, "test", { tools: tools.map(({ name }) => name) });
  const submitted = await runs.submit(submissionOf(definition));
  assert(submitted.kind === "created");
  const log = runs.follow(submitted.run.id)?.log;
  assert(log !== undefined);
  while (!log.closed()) await log.changed();
  const run = await runs.find("t", submitted.run.id);
  assert(run !== undefined);
  return { view: toView(run), driver: made.driver, caller: made.caller, events: eventsOf(log) };
}

/** A stage as `id status` or `id status: json or text`. */
export function shown({ stages }: RunView): readonly string[] {
  return stages.map(({ id, status, text, json }) => {
    const what = json === undefined ? text : JSON.stringify(json);
    return `${id} ${status}${what === undefined ? "" : `: ${what}`}`;
  });
}
