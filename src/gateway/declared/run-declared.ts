/**
 * A declared workflow under way: which stages may run, what they came to, and what follows from that.
 * The driver decides where and when a model stage runs; this decides whether, with which prompt, and what its result means.
 * A stage's result is saved before its children start.
 */

import { stageKey } from "../../model/workflow.ts";
import type { Driver, Turn } from "../live/driver.ts";
import { callWithRetries, type Tools } from "./call-tool.ts";
import { isOver, type DeclaredRun, type RunStore } from "./declared-run.ts";
import type { DeclaredModelStage, DeclaredStage, DeclaredTool } from "./declared.ts";
import { evaluate, isTrue, type Scope } from "./evaluate.ts";
import type { EventLog } from "./event-log.ts";
import type { Caller, ItemResult } from "./model-call.ts";
import { createModelWork } from "./model-work.ts";
import { maxRunCharacters, RunBook } from "./run-book.ts";
import { countAhead, joined, withoutUsage } from "./stage-result.ts";
import { RenderFault, renderTree } from "./template.ts";
import { knownChainTokens, toNewWorkflow, toVisible, type Known } from "./to-visible.ts";
import type { Json, RunStatus, WireError } from "./wire.ts";

export type RunSurroundings = {
  readonly driver: Driver;
  readonly caller: Caller;
  readonly tools: Tools;
  readonly store: RunStore;
  readonly log: EventLog;
  readonly nowMs: () => number;
  /** Expected length of an answer of this model. */
  readonly outputTokens: (model: string) => number;
  /** Calls of one share that this engine takes at once. */
  readonly sideBySide: (engine: string) => number;
  /** Of the run's tenant. */
  readonly priority: number;
  readonly maxItems: number;
  /** Before a tool is tried again; doubles each time. */
  readonly retryWaitMs: number;
  /** Told of what no client can be told. */
  readonly onFault: (message: string) => void;
};

type Node = {
  readonly stage: DeclaredStage;
  readonly id: string;
  readonly key: string;
  readonly children: Node[];
  parentsOpen: number;
  revealed: boolean;
  /** Entries of its list, once their number is known; 1 for what is no map. */
  count: number | undefined;
  items: readonly Json[];
};

export class LiveRun {
  readonly log: EventLog;
  /** Resolves when the run is over and that is saved. */
  readonly over: Promise<void>;
  readonly #around: RunSurroundings;
  readonly #book: RunBook;
  /** Parents before children. */
  readonly #nodes = new Map<string, Node>();
  readonly #abort = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  /** Stages that are not over and saved. */
  #left: number;
  #isOver = false;

  constructor(run: DeclaredRun, around: RunSurroundings) {
    this.#around = around;
    this.#book = new RunBook(run);
    this.log = around.log;
    this.over = this.#ended.promise;
    this.#left = run.workflow.stages.length;
    for (const stage of run.workflow.stages) {
      const node: Node = {
        stage,
        id: stage.id,
        key: stageKey(run.id, stage.id),
        children: [],
        parentsOpen: stage.parents.length,
        revealed: false,
        count: countAhead(stage, run.workflow.inputs),
        items: [],
      };
      this.#nodes.set(stage.id, node);
      for (const parent of stage.parents) this.#nodes.get(parent)?.children.push(node);
    }
  }

  /** As it is now. */
  get value(): DeclaredRun {
    return this.#book.value;
  }

  begin(): void {
    this.#around.driver.arrive(toNewWorkflow(this.value));
    this.log.append({ kind: "workflow-start", workflow: this.#book.id });
    this.#reveal();
    for (const node of this.#nodes.values()) if (node.stage.parents.length === 0) this.#advance(node);
  }

  cancel(): void {
    if (!this.#isOver) this.#finish("cancelled", { code: "cancelled", message: "the workflow was cancelled" });
  }

  /** Shows the driver what can be shown: a map when the length of its list is known, and nothing before its parents. */
  #reveal(): void {
    const known = this.#known(this.#book.scope());
    for (const node of this.#nodes.values()) {
      if (node.revealed || node.count === undefined) continue;
      if (!node.stage.parents.every((id) => this.#nodes.get(id)?.revealed === true)) continue;
      node.revealed = true;
      this.#around.driver.reveal(toVisible(node.stage, node.count, known));
    }
  }

  /** All its parents are over. */
  #advance(node: Node): void {
    if (this.#isOver) return;
    try {
      if (!this.#runs(node.stage)) return this.#skip(node);
      if (node.stage.kind === "tool") return void this.#runTool(node, node.stage);
      if (node.stage.over !== undefined) {
        node.items = this.#toItems(renderTree(node.stage.over, this.#book.scope()));
        node.count = node.items.length;
        this.#reveal();
        if (node.count === 0) return this.#skip(node);
      }
      this.#runModel(node, node.stage);
    } catch (error) {
      if (!(error instanceof RenderFault)) throw error;
      this.#fail(node, { code: "template_failed", message: error.message, stage: node.id });
    }
  }

  /** Whether anything leads to it, and its condition holds. */
  #runs({ parents, when }: DeclaredStage): boolean {
    if (parents.length > 0 && !parents.some((id) => this.#book.record(id).status === "ended")) return false;
    return when === undefined || isTrue(evaluate(when, this.#book.scope()));
  }

  #toItems(value: Json): readonly Json[] {
    const { maxItems } = this.#around;
    if (!Array.isArray(value)) throw new RenderFault("what it is to go over is not a list");
    if (value.length > maxItems) throw new RenderFault(`its list has ${value.length} items, more than ${maxItems}`);
    return value as readonly Json[];
  }

  #runModel(node: Node, stage: DeclaredModelStage): void {
    const isMap = stage.over !== undefined;
    const count = node.count ?? 1;
    const scope = this.#book.scope();
    const scopeOf = (index: number): Scope => (isMap ? { ...scope, item: node.items[index] ?? null, index } : scope);
    const work = createModelWork({
      stage,
      items: count,
      scopeOf,
      caller: this.#around.caller,
      sideBySide: this.#around.sideBySide,
      onStart: (turn) => this.#onTurn(node, turn, isMap),
      onItem: (index, result) => this.#onItem(node, index, result, isMap),
      onRetry: (message) => this.#onRetry(node, message),
      onEnd: (results) => this.#end(node, isMap ? joined(results) : withoutUsage(results[0])),
      onFail: (error) => this.#fail(node, error),
    });
    const items = isMap ? { items: count } : {};
    this.#book.change(node.id, { status: "ready", ...items });
    this.log.append({ kind: "stage-ready", stage: node.id, ...items });
    this.#around.driver.ready(node.key, work, knownChainTokens(stage, count, this.#known(scopeOf(0))));
  }

  #onTurn({ id }: Node, turn: Turn, isMap: boolean): void {
    const { status, engines, startedMs = this.#around.nowMs() } = this.#book.record(id);
    if (this.#isOver || isOver(status)) return;
    const known = engines.includes(turn.engine) ? engines : [...engines, turn.engine];
    this.#book.change(id, { status: "running", startedMs, engines: known });
    const items = isMap ? { items: turn.items } : {};
    this.log.append({ kind: "stage-start", stage: id, engine: turn.engine, ...items });
  }

  #onItem({ id }: Node, index: number, result: ItemResult, isMap: boolean): void {
    this.#book.addItem(id, result);
    if (isMap && !this.#isOver) this.log.append({ kind: "item-end", stage: id, index });
  }

  #onRetry({ id }: Node, message: string): void {
    this.#book.change(id, { retried: this.#book.record(id).retried + 1 });
    this.log.append({ kind: "stage-retry", stage: id, message });
  }

  async #runTool(node: Node, stage: DeclaredTool): Promise<void> {
    const { driver, tools, nowMs, retryWaitMs } = this.#around;
    this.#book.change(node.id, { status: "running", startedMs: nowMs() });
    driver.toolStart(node.key);
    this.log.append({ kind: "stage-start", stage: node.id });
    const onRetry = (message: string): void => this.#onRetry(node, message);
    const { signal } = this.#abort;
    const result = await callWithRetries({ tools, stage, scope: this.#book.scope(), retryWaitMs, signal, onRetry });
    if (this.#isOver) return;
    if (result.kind === "fault")
      return this.#fail(node, { code: "tool_failed", message: result.message, stage: node.id });
    driver.toolEnd(node.key);
    this.#book.addToolResult(result.text);
    this.#end(node, withoutUsage(result));
  }

  #skip(node: Node): void {
    this.#revealAnyway(node);
    this.#around.driver.skip(node.key);
    this.#book.end(node.id, "skipped", this.#around.nowMs());
    void this.#settle(node, () => this.log.append({ kind: "stage-skip", stage: node.id }));
  }

  #end(node: Node, written: Pick<ItemResult, "text" | "json">): void {
    if (this.#isOver) return;
    if (!this.#book.fits) {
      const message = `the results of this workflow come to more than ${maxRunCharacters} characters`;
      return this.#finish("failed", { code: "result_too_large", message, stage: node.id });
    }
    this.#book.end(node.id, "ended", this.#around.nowMs(), written);
    const result = this.#book.record(node.id);
    void this.#settle(node, () => this.log.append({ kind: "stage-end", stage: node.id, result }));
  }

  #fail(node: Node, error: WireError): void {
    if (this.#isOver || isOver(this.#book.record(node.id).status)) return;
    this.#book.end(node.id, "failed", this.#around.nowMs(), { error });
    const tell = (): void => this.log.append({ kind: "stage-fail", stage: node.id, error });
    if (node.stage.onError === "fail") {
      tell();
      return this.#finish("failed", error);
    }
    this.#revealAnyway(node);
    // The driver may have dropped it already, and then does nothing.
    this.#around.driver.drop(node.key, "failed");
    void this.#settle(node, tell);
  }

  /** A map that does not run has no list: it is shown as one that will not. */
  #revealAnyway(node: Node): void {
    if (node.revealed) return;
    node.count ??= 0;
    this.#reveal();
  }

  /** Saves what the stage came to, tells of it, and lets its children go on. */
  async #settle(node: Node, tell: () => void): Promise<void> {
    try {
      await this.#around.store.save(this.value, this.#book.record(node.id));
    } catch {
      const error = { code: "store_failed", message: "a result could not be saved", stage: node.id };
      return this.#isOver ? undefined : this.#finish("failed", error);
    }
    if (this.#isOver) return;
    tell();
    this.#left -= 1;
    for (const child of node.children) {
      child.parentsOpen -= 1;
      if (child.parentsOpen === 0) this.#advance(child);
    }
    if (this.#left === 0) this.#finish("succeeded");
  }

  #finish(status: RunStatus, error?: WireError): void {
    const { driver, nowMs, store, onFault } = this.#around;
    this.#isOver = true;
    this.#abort.abort();
    this.#book.close(status, nowMs(), error);
    const run = this.value;
    if (status === "succeeded") driver.end(run.id);
    else driver.cancel(run.id);
    void store
      .save(run)
      .catch(() => onFault(`the end of workflow ${run.id} could not be saved`))
      .then(() => {
        this.log.append({ kind: "workflow-end", status, ...(error === undefined ? {} : { error }) });
        this.log.close();
        this.#ended.resolve();
      });
  }

  #known(scope: Scope): Known {
    const { outputTokens, priority } = this.#around;
    return {
      workflow: this.#book.id,
      scope,
      priority,
      record: (id) => this.#book.record(id),
      expectTokens: (id) => {
        const stage = this.#nodes.get(id)?.stage;
        if (stage === undefined || stage.kind === "tool") return 0;
        const expected = stage.expectTokens ?? outputTokens(stage.model);
        return Math.min(expected, stage.maxTokens ?? expected);
      },
    };
  }
}
