/** All declared workflows of a gateway: those under way, and those that the store still knows. */

import { randomBytes } from "node:crypto";
import type { CallFault } from "../call/call.ts";
import type { Tenants } from "../call/tenants.ts";
import type { Config, ModelConfig } from "../config/config.ts";
import type { Driver } from "../live/driver.ts";
import { createTools } from "./call-tool.ts";
import { newRecord, type DeclaredRun, type RunStore } from "./declared-run.ts";
import type { DeclaredWorkflow } from "./declared.ts";
import { createEventLog, type EventLog } from "./event-log.ts";
import { createMemoryStore } from "./memory-store.ts";
import type { Caller } from "./model-call.ts";
import { LiveRun } from "./run-declared.ts";

export type RunsOptions = {
  readonly driver: Driver;
  readonly caller: Caller;
  readonly config: Pick<Config, "declared" | "tenants" | "models"> & Partial<Pick<Config, "engines">>;
  /** Models that can be called now; those of the configuration unless said. */
  readonly models?: () => readonly ModelConfig[];
  /** In memory unless said. */
  readonly store?: RunStore;
  /** Where the keys of tools are. */
  readonly env?: { readonly [name: string]: string | undefined };
  readonly nowMs?: () => number;
  readonly createId?: () => string;
  readonly retryWaitMs?: number;
  /** A workflow is one of its tenant's calls, open until it is over. Absent: no limits. */
  readonly tenants?: () => Tenants;
  /** Told of what no client can be told. */
  readonly onFault?: (message: string) => void;
};

export type Submission = {
  readonly workflow: DeclaredWorkflow;
  readonly tenant: string;
  readonly key: string | undefined;
  readonly bodyHash: string;
};

export type Submitted =
  | { readonly kind: "created" | "known"; readonly run: DeclaredRun }
  /** `key-reused`: the key came with another workflow before. */
  | { readonly kind: "key-reused" | "too-many" | "closing" }
  | { readonly kind: "limited"; readonly fault: CallFault };

export type Runs = AsyncDisposable & {
  readonly submit: (submission: Submission) => Promise<Submitted>;
  readonly find: (tenant: string, id: string) => Promise<DeclaredRun | undefined>;
  readonly list: (tenant: string, limit: number, after?: string) => Promise<readonly DeclaredRun[]>;
  /** As it is then. One that is over stays as it is. */
  readonly cancel: (tenant: string, id: string) => Promise<DeclaredRun | undefined>;
  /** Absent for a run that this process has not carried out, or has forgotten. */
  readonly logOf: (id: string) => EventLog | undefined;
  readonly models: () => readonly ModelConfig[];
  readonly open: () => number;
  /** Takes nothing new, and resolves when what is under way is over, or when the signal says so. */
  readonly drain: (signal: AbortSignal) => Promise<void>;
};

/** Runs that are over and still told of, and how much they may hold. */
const keptRuns = 1000;
const keptCharacters = 256_000_000;
const keptEvents = 4096;
/** Calls of one share that are under way at once: as many as the engine decodes in a batch, where that is known. */
const usualSideBySide = 16;
const mostSideBySide = 256;

export function createRuns(options: RunsOptions): Runs {
  const { config, nowMs = Date.now, createId = createRunId } = options;
  const models = options.models ?? (() => config.models);
  const logs = new Map<string, EventLog>();
  const forget = (id: string): void => void logs.delete(id);
  const store = options.store ?? createMemoryStore({ maxRuns: keptRuns, maxCharacters: keptCharacters, forget });
  const tools = createTools(config.declared.tools, options.env ?? process.env);
  const live = new Map<string, LiveRun>();
  /** Runs that are being taken in. */
  let opening = 0;
  let isClosed = false;

  const now = (run: DeclaredRun): DeclaredRun => live.get(run.id)?.value ?? run;
  const find: Runs["find"] = async (tenant, id) => {
    const run = live.get(id)?.value ?? (await store.get(tenant, id));
    return run?.tenant === tenant ? run : undefined;
  };
  const toSubmitted = (earlier: DeclaredRun, bodyHash: string): Submitted =>
    earlier.idempotency?.bodyHash === bodyHash ? { kind: "known", run: now(earlier) } : { kind: "key-reused" };

  const begin = (run: DeclaredRun, release: () => void): LiveRun => {
    const log = createEventLog(keptEvents, nowMs);
    const started = new LiveRun(run, {
      ...options,
      tools,
      store,
      log,
      nowMs,
      maxItems: config.declared.maxItems,
      outputTokens: (id) => models().find((model) => model.id === id)?.outputTokens ?? 256,
      sideBySide: (engine) =>
        Math.min(mostSideBySide, config.engines?.find(({ id }) => id === engine)?.maxSequences ?? usualSideBySide),
      priority: config.tenants.find(({ id }) => id === run.tenant)?.priority ?? 0,
      retryWaitMs: options.retryWaitMs ?? 200,
      onFault: options.onFault ?? (() => {}),
    });
    live.set(run.id, started);
    logs.set(run.id, log);
    void started.over.then(() => {
      live.delete(run.id);
      release();
    });
    started.begin();
    return started;
  };

  return {
    find,
    models,
    open: () => live.size + opening,
    logOf: (id) => logs.get(id),
    list: async (tenant, limit, after) => (await store.list(tenant, limit, after)).map(now),
    cancel: async (tenant, id) => {
      const run = await find(tenant, id);
      if (run !== undefined) live.get(id)?.cancel();
      return run === undefined ? undefined : now(run);
    },
    submit: async (submission) => {
      const { tenant, key, bodyHash } = submission;
      const before = key === undefined ? undefined : await store.byKey(tenant, key);
      if (before !== undefined) return toSubmitted(before, bodyHash);
      if (isClosed) return { kind: "closing" };
      if (live.size + opening >= config.declared.maxOpen) return { kind: "too-many" };
      const tenants = options.tenants?.();
      const fault = tenants?.admit(tenant, options.driver.nowUs());
      if (fault !== undefined) return { kind: "limited", fault };
      const run = newRun(submission, createId(), nowMs());
      const release = (): void => tenants?.release(tenant);
      let begun = false;
      opening += 1;
      try {
        const earlier = await store.create(run);
        if (earlier !== undefined) return toSubmitted(earlier, bodyHash);
        const { value } = begin(run, release);
        begun = true;
        return { kind: "created", run: value };
      } finally {
        opening -= 1;
        if (!begun) release();
      }
    },
    drain: async (signal) => {
      isClosed = true;
      const { promise: given, resolve: giveUp } = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => giveUp(), { once: true });
      if (signal.aborted) giveUp();
      await Promise.race([given, Promise.all(Array.from(live.values(), ({ over }) => over))]);
    },
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      const runs = [...live.values()];
      for (const run of runs) run.cancel();
      await Promise.all(runs.map(({ over }) => over));
      await tools[Symbol.asyncDispose]();
    },
  };
}

function newRun({ workflow, tenant, key, bodyHash }: Submission, id: string, createdMs: number): DeclaredRun {
  const stages = new Map(workflow.stages.map((stage) => [stage.id, newRecord(stage.id, stage.kind)] as const));
  const idempotency = key === undefined ? {} : { idempotency: { key, bodyHash } };
  return { id, tenant, workflow, status: "running", createdMs, stages, ...idempotency };
}

function createRunId(): string {
  return `wf-${randomBytes(12).toString("hex")}`;
}
