/** Declared workflows as they go over the wire: what a client writes, and what it reads back. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A workflow as its author writes it. `docs/workflows.md` says what each key means. */
export type WorkflowDefinition = {
  readonly name?: string;
  readonly class?: string;
  readonly deadlineMs?: number;
  readonly sloScale?: number;
  /** Values by name; `null` must be given when the workflow is submitted. */
  readonly inputs?: { readonly [name: string]: Json };
  readonly stages: readonly StageDefinition[];
  /** Stages whose results are the workflow's; those that nothing else reads unless said. */
  readonly outputs?: readonly string[];
};

export type StageDefinition = LlmDefinition | EmbedDefinition | ToolDefinition;

type AnyDefinition = {
  readonly id: string;
  readonly after?: readonly string[];
  readonly when?: string;
  readonly chance?: number;
  readonly priority?: number;
  readonly retries?: number;
  readonly onError?: "fail" | "skip";
};

type ModelDefinition = AnyDefinition & {
  readonly model: string;
  /** A template that gives a list, or the list itself. */
  readonly over?: string | readonly Json[];
  readonly params?: { readonly [name: string]: Json };
  readonly allow?: { readonly engines?: readonly string[]; readonly labels?: readonly string[] };
};

export type LlmDefinition = ModelDefinition & {
  readonly kind: "llm";
  readonly system?: string;
  readonly prompt?: string;
  readonly messages?: readonly MessageDefinition[];
  readonly maxTokens?: number;
  readonly expectTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly output?: "text" | "json" | "lines";
};

export type MessageDefinition = { readonly role: "system" | "user" | "assistant"; readonly content: string };

export type EmbedDefinition = ModelDefinition & { readonly kind: "embed"; readonly prompt: string };

export type ToolDefinition = AnyDefinition & {
  readonly kind: "tool";
  readonly tool: string;
  readonly query?: { readonly [name: string]: string };
  readonly body?: Json;
  readonly expectMs?: number;
};

export type RunStatus = "running" | "succeeded" | "failed" | "cancelled";

export type StageStatus = "waiting" | "ready" | "running" | "ended" | "skipped" | "failed" | "cancelled";

/** Tokens as the engines counted them. */
export type Usage = { readonly promptTokens: number; readonly outputTokens: number; readonly cachedTokens: number };

export type WireError = { readonly code: string; readonly message: string; readonly stage?: string };

/** What came of a stage so far. Times are milliseconds since 1970. */
export type StageView = {
  readonly id: string;
  readonly kind: "llm" | "embed" | "tool";
  readonly status: StageStatus;
  /** Of a map: how many items its list has, once known. */
  readonly items?: number;
  readonly itemsDone: number;
  /** Times it was tried again. */
  readonly retried: number;
  readonly engines: readonly string[];
  readonly usage: Usage;
  readonly startedMs?: number;
  readonly endedMs?: number;
  /** What it wrote; of a map, the texts of its items with an empty line between them. */
  readonly text?: string;
  /** What it gave as data; of a map, a list with an entry an item. */
  readonly json?: Json;
  readonly error?: WireError;
};

export type RunSummary = {
  readonly object: "workflow";
  readonly id: string;
  readonly name?: string;
  readonly status: RunStatus;
  readonly createdMs: number;
  readonly endedMs?: number;
  readonly usage: Usage;
  readonly error?: WireError;
};

export type RunView = RunSummary & {
  readonly stages: readonly StageView[];
  /** By stage: what came of the workflow's outputs, as far as they ran. */
  readonly outputs: { readonly [stage: string]: Json };
};

export type RunList = { readonly object: "list"; readonly data: readonly RunSummary[]; readonly hasMore: boolean };

/** What happens in a run. Ids count up from 1; a client that resumes after one gets all that came after it. */
export type RunEvent = { readonly id: number; readonly atMs: number } & RunEventBody;

export type RunEventBody =
  | { readonly kind: "workflow-start"; readonly workflow: string }
  /** Sent in place of events that are no longer kept. */
  | { readonly kind: "workflow-snapshot"; readonly run: RunView }
  | { readonly kind: "stage-ready"; readonly stage: string; readonly items?: number }
  | { readonly kind: "stage-start"; readonly stage: string; readonly engine?: string; readonly items?: number }
  | { readonly kind: "item-end"; readonly stage: string; readonly index: number }
  | { readonly kind: "stage-retry"; readonly stage: string; readonly message: string }
  | { readonly kind: "stage-skip"; readonly stage: string }
  | { readonly kind: "stage-fail"; readonly stage: string; readonly error: WireError }
  | { readonly kind: "stage-end"; readonly stage: string; readonly result: StageView }
  | { readonly kind: "workflow-end"; readonly status: RunStatus; readonly error?: WireError };
