/**
 * A declared workflow under way: which stages may run, what they came to, and what follows from that.
 * The driver decides where and when a model stage runs; this decides whether, with which prompt, and what its result means.
 * What a stage came to is saved before anyone is told of it and before its children start, so that whoever takes the run up goes on
 * from what everyone knows.
 */

import type { Store } from "../../store/store.ts";
import { carryModel, carryTool, type CarrierSurroundings, type StageCarrier } from "./carry-stage.ts";
import { toDriverId, type DeclaredRun, type StageRecord } from "./declared-run.ts";
import type { DeclaredStage } from "./declared.ts";
import { evaluate, isTrue } from "./evaluate.ts";
import type { EventLog } from "./event-log.ts";
import type { ItemResult } from "./model-call.ts";
import type { Patience } from "./patience.ts";
import { maxRunCharacters, RunBook } from "./run-book.ts";
import { RunKeeper } from "./run-keeper.ts";
import { RenderFault } from "./room.ts";
import { toGraph, type Node } from "./run-graph.ts";
import { RunRevealer, type RevealerSurroundings } from "./run-revealer.ts";
import { toItems } from "./stage-result.ts";
import { renderTree } from "./template.ts";
import { toNewWorkflow } from "./to-visible.ts";
import type { RunStatus, WireError } from "./wire.ts";

export type RunSurroundings = CarrierSurroundings &
  RevealerSurroundings & {
    readonly store: Pick<Store, "saveStage" | "endRun">;
    readonly patience: Patience;
    readonly maxItems: number;
    /** Told of what no client can be told. */
    readonly onFault: (message: string) => void;
  };

type Ending = Exclude<RunStatus, "running">;

export class LiveRun {
  readonly log: EventLog;
  /** Resolves when the run is over and that is saved, or when it is dropped. */
  readonly over: Promise<void>;
  readonly #around: RunSurroundings;
  readonly #run: DeclaredRun;
  readonly #book: RunBook;
  readonly #driverId: string;
  /** Parents before children. */
  readonly #nodes: ReadonlyMap<string, Node>;
  readonly #revealer: RunRevealer;
  /** Whatever its stages do is given up. */
  readonly #stop = new AbortController();
  readonly #keeper: RunKeeper;
  readonly #carrier: StageCarrier;
  readonly #ended = Promise.withResolvers<void>();
  /** Stages that are not over and saved. */
  #left: number;
  /** Those that may go on when the pause is over; absent where there is none. */
  #paused: Node[] | undefined;
  #hasArrived = false;
  #isOver = false;

  constructor(run: DeclaredRun, around: RunSurroundings) {
    this.#around = around;
    this.#run = run;
    this.#book = new RunBook(run);
    this.#driverId = toDriverId(run);
    this.#keeper = new RunKeeper(run.id, run.holding, { ...around, onLost: (reason) => this.#lose(reason) });
    this.log = around.log;
    this.#nodes = toGraph(run);
    this.#revealer = new RunRevealer(run, this.#nodes, this.#book, around);
    this.#carrier = {
      ...around,
      book: this.#book,
      signal: this.#stop.signal,
      isOver: () => this.#isOver,
      chainTokens: (node, scope) => this.#revealer.chainTokens(node, scope),
      onItem: (node) => void this.#outgrows(node),
      onEnd: (node, written) => this.#end(node, written),
      onFail: (node, error) => this.#fail(node, error),
      onMistake: (error) => this.#lose(String(error)),
    };
    this.over = this.#ended.promise;
    this.#left = [...this.#nodes.values()].filter(({ isPast }) => !isPast).length;
  }

  /** As it is now, and would be found after a restart. */
  get value(): DeclaredRun {
    return this.#book.value;
  }

  /** Somebody else carries it out now, or will. */
  get isDropped(): boolean {
    return this.#keeper.isGone;
  }

  begin(): void {
    if (this.#isOver) return;
    // Its carrier may have been lost between the last stage and the end.
    for (const { stage, isPast, id } of this.#nodes.values()) {
      const { status, error } = this.#book.record(id);
      if (isPast && status === "failed" && stage.onError === "fail") return this.#finish("failed", error);
    }
    if (this.#left === 0) return this.#finish("succeeded");
    this.#hasArrived = true;
    this.#around.driver.arrive(toNewWorkflow(this.#run, this.#around.nowMs()));
    const open = [...this.#nodes.values()].filter(({ isPast, parentsOpen }) => !isPast && parentsOpen === 0);
    if (this.#run.holding.generation === 0) this.log.append({ kind: "workflow-start", workflow: this.#book.id });
    else for (const node of open) this.#takeUp(node);
    this.#revealer.reveal();
    for (const node of open) this.#advance(node);
  }

  /** It may have been under way when the run's carrier was lost, unless nothing leads to it. */
  #takeUp(node: Node): void {
    if (this.#mayRun(node.stage)) this.#book.change(node.id, { retried: this.#book.record(node.id).retried + 1 });
    else if (node.stage.parents.length > 0) node.count = 0;
  }

  cancel(): void {
    if (!this.#isOver) this.#finish("cancelled", { code: "cancelled", message: "the workflow was cancelled" });
  }

  fail(error: WireError): void {
    if (!this.#isOver) this.#finish("failed", error);
  }

  /** Gives it up here without a word to anyone: in the store it stays as it is. */
  drop(): void {
    if (this.isDropped) return;
    this.#isOver = true;
    this.#keeper.drop();
    this.#giveUp();
    this.log.close();
    this.#ended.resolve();
  }

  /** No further stage begins until `resume`. */
  pause(): void {
    this.#paused ??= [];
  }

  resume(): void {
    const nodes = this.#paused ?? [];
    this.#paused = undefined;
    for (const node of nodes) this.#advance(node);
  }

  /** All its parents are over. */
  #advance(node: Node): void {
    if (this.#isOver || node.settling) return;
    if (this.#paused !== undefined) return void this.#paused.push(node);
    try {
      if (!this.#runs(node.stage)) return this.#skip(node);
      if (node.stage.kind === "tool") {
        this.#revealer.reveal();
        return void carryTool(node, node.stage, this.#carrier).catch(this.#carrier.onMistake);
      }
      if (node.stage.over !== undefined) {
        node.items = toItems(renderTree(node.stage.over, this.#book.scope()), this.#around.maxItems);
        node.count = node.items.length;
      }
      this.#revealer.reveal();
      if (node.count === 0) return this.#skip(node);
      carryModel(node, node.stage, this.#carrier);
    } catch (error) {
      if (!(error instanceof RenderFault)) throw error;
      this.#fail(node, { code: "template_failed", message: error.message, stage: node.id });
    }
  }

  /** Whether anything leads to it, and its condition holds. */
  #runs({ parents, when }: DeclaredStage): boolean {
    if (parents.length > 0 && !parents.some((id) => this.#book.hasEnded(id))) return false;
    return when === undefined || isTrue(evaluate(when, this.#book.scope()));
  }

  /** Of one that fails by its condition it is not known. */
  #mayRun(stage: DeclaredStage): boolean {
    try {
      return this.#runs(stage);
    } catch (error) {
      if (error instanceof RenderFault) return true;
      throw error;
    }
  }

  #skip(node: Node): void {
    this.#revealer.revealAnyway(node);
    this.#around.driver.skip(node.key);
    this.#settle(node, { status: "skipped" }, () => this.log.append({ kind: "stage-skip", stage: node.id }));
  }

  #end(node: Node, written: Pick<ItemResult, "text" | "json">): void {
    if (this.#outgrows(node)) return;
    this.#settle(node, { status: "ended", ...written }, (result) =>
      this.log.append({ kind: "stage-end", stage: node.id, result }),
    );
  }

  /** Looked at with each item: what all items of a map make together may be more than a text can hold. */
  #outgrows(node: Node): boolean {
    if (this.#isOver || this.#book.fits) return false;
    const message = `the results of this workflow come to more than ${maxRunCharacters} characters`;
    this.#finish("failed", { code: "result_too_large", message, stage: node.id });
    return true;
  }

  #fail(node: Node, error: WireError): void {
    // What ends is this gateway, not the workflow.
    if (error.code === "draining") return this.drop();
    if (this.#isOver || node.settling) return;
    this.#around.stageGate.leave(node);
    this.#revealer.revealAnyway(node);
    // The driver may have dropped it already, and then does nothing.
    this.#around.driver.drop(node.key, "failed");
    this.#settle(node, { status: "failed", error }, () => {
      this.log.append({ kind: "stage-fail", stage: node.id, error });
      if (node.stage.onError === "fail" && !this.#isOver) this.#finish("failed", error);
    });
  }

  /** Saves what the stage came to, tells of it, and lets its children go on. */
  #settle(node: Node, change: Partial<StageRecord>, tell: (record: StageRecord) => void): void {
    if (this.#isOver || node.settling) return;
    node.settling = true;
    const record = { ...this.#book.record(node.id), endedMs: this.#around.nowMs(), ...change };
    this.#keeper.saveStage(record, () => {
      this.#book.end(record);
      tell(record);
      if (!this.#isOver) this.#goOn(node);
    });
  }

  #goOn({ children }: Node): void {
    this.#left -= 1;
    for (const child of children) {
      child.parentsOpen -= 1;
      if (child.parentsOpen === 0) this.#advance(child);
    }
    if (this.#left === 0) this.#finish("succeeded");
  }

  #lose(reason: string | undefined): void {
    if (reason !== undefined) this.#around.onFault(`workflow ${this.#book.id} cannot go on here: ${reason}`);
    this.drop();
  }

  #finish(status: Ending, error?: WireError): void {
    this.#isOver = true;
    this.#giveUp(status);
    void this.#endWhenSaved(status, error);
  }

  async #endWhenSaved(status: Ending, error: WireError | undefined): Promise<void> {
    const endedMs = this.#around.nowMs();
    const end = { status, endedMs, ...(error === undefined ? {} : { error: JSON.stringify(error) }) };
    if (!(await this.#keeper.end(end))) return;
    this.#book.close(status, endedMs, error);
    this.log.append({ kind: "workflow-end", status, ...(error === undefined ? {} : { error }) });
    this.log.close();
    this.#ended.resolve();
  }

  /** Nothing of it runs any more. */
  #giveUp(status?: Ending): void {
    this.#stop.abort();
    for (const node of this.#nodes.values()) this.#around.stageGate.leave(node);
    if (!this.#hasArrived) return;
    this.#hasArrived = false;
    if (status === "succeeded") this.#around.driver.end(this.#driverId);
    else this.#around.driver.cancel(this.#driverId);
  }
}
