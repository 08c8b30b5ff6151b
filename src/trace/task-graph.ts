/**
 * A graph of tasks as found in the wild, before it is known which models run it.
 * Readers of foreign graphs produce it; `annotate.ts` turns it into a workflow.
 */

export type TaskGraph = {
  readonly name: string;
  /** Application family, such as `montage` or `dify`. */
  readonly family: string;
  /** Parents before children. */
  readonly tasks: readonly Task[];
};

export type Task = {
  readonly name: string;
  /** Tasks of one category do the same kind of work: they share a model and a system prompt. */
  readonly category: string;
  /** Absent: not known; the annotation decides. */
  readonly kind?: "llm" | "embed" | "tool";
  readonly parents: readonly TaskParent[];
  /** As measured where the graph comes from, on whatever machine that was. */
  readonly runtimeSeconds?: number;
  /** Known length of the task's own prompt text. */
  readonly promptTokens?: number;
};

export type TaskParent = {
  /** Position in `tasks`. */
  readonly task: number;
  readonly bytes: number;
};
