/** A declared workflow once it is checked: its templates parsed, its parents known, parents before children. */

import type { Allowed, StageId } from "../../model/workflow.ts";
import type { Expression } from "./expression.ts";
import type { Template, ValueTemplate } from "./template.ts";
import type { Json } from "./wire.ts";

export type DeclaredWorkflow = {
  readonly name?: string;
  readonly class?: string;
  readonly deadlineMs?: number;
  readonly sloScale?: number;
  readonly inputs: { readonly [name: string]: Json };
  readonly stages: readonly DeclaredStage[];
  /** Stages whose results are the workflow's. */
  readonly outputs: readonly StageId[];
};

export type DeclaredStage = DeclaredModelStage | DeclaredTool;

type DeclaredBase = {
  readonly id: StageId;
  /** Those that it reads, and those that it is told to wait for. */
  readonly parents: readonly StageId[];
  readonly when?: Expression;
  readonly chance: number;
  readonly priority: number;
  readonly retries: number;
  readonly onError: "fail" | "skip";
};

export type DeclaredModelStage = DeclaredBase & {
  readonly kind: "llm" | "embed";
  readonly model: string;
  readonly messages: readonly MessageTemplate[];
  /** Makes it a map. */
  readonly over?: ValueTemplate;
  readonly maxTokens?: number;
  readonly expectTokens?: number;
  /** Fields of the request beside the model and the prompt. */
  readonly params: { readonly [name: string]: Json };
  readonly output: "text" | "json" | "lines";
  readonly allow?: Allowed;
};

export type MessageTemplate = { readonly role: "system" | "user" | "assistant"; readonly content: Template };

export type DeclaredTool = DeclaredBase & {
  readonly kind: "tool";
  readonly tool: string;
  readonly query: readonly (readonly [string, Template])[];
  readonly body?: ValueTemplate;
  readonly expectMs: number;
};
