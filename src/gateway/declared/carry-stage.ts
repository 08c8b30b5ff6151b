/** Carries one stage of a run out: a model stage by way of the driver, a tool at once. What comes of it is told to the run. */

import type { Driver, Turn } from "../live/driver.ts";
import type { Time } from "../live/time.ts";
import { callWithRetries, type Tools } from "./call-tool.ts";
import { isOver } from "./declared-run.ts";
import type { DeclaredModelStage, DeclaredTool } from "./declared.ts";
import type { Scope } from "./evaluate.ts";
import type { EventLog } from "./event-log.ts";
import type { Gate } from "./gate.ts";
import type { Caller, ItemResult } from "./model-call.ts";
import { createModelWork } from "./model-work.ts";
import type { RunBook } from "./run-book.ts";
import type { Node } from "./run-graph.ts";
import type { Slices } from "./slices.ts";
import { joined, withoutUsage } from "./stage-result.ts";
import type { WireError } from "./wire.ts";

export type CarrierSurroundings = {
  readonly driver: Driver;
  readonly caller: Caller;
  readonly tools: Tools;
  readonly time: Time;
  readonly log: EventLog;
  /** Model stages that wait for an engine: a crowd of them waits here, not in the driver's bounded queue. */
  readonly stageGate: Gate;
  readonly slices: Slices;
  readonly nowMs: () => number;
  /** Calls of one share that this engine takes at once. */
  readonly sideBySide: (engine: string) => number;
  /** Before a tool is tried again; doubles each time. */
  readonly retryWaitMs: number;
};

export type StageCarrier = CarrierSurroundings & {
  readonly book: RunBook;
  /** Aborted when nothing of the run is to go on. */
  readonly signal: AbortSignal;
  readonly isOver: () => boolean;
  /** Lengths of the prompt's links, now that all parents are over. */
  readonly chainTokens: (node: Node, scope: Scope) => readonly number[];
  /** It is in the book. */
  readonly onItem: (node: Node) => void;
  readonly onEnd: (node: Node, written: Pick<ItemResult, "text" | "json">) => void;
  readonly onFail: (node: Node, error: WireError) => void;
  /** Of ours: the run cannot be carried on here. */
  readonly onMistake: (error: unknown) => void;
};

/** The stage is shown to the driver, and its parents are over. */
export function carryModel(node: Node, stage: DeclaredModelStage, carrier: StageCarrier): void {
  const { book, log, driver, stageGate, caller, time, slices, sideBySide } = carrier;
  const isMap = stage.over !== undefined;
  const count = node.count ?? 1;
  const scope = book.scope();
  const scopeOf = (index: number): Scope => (isMap ? { ...scope, item: node.items[index] ?? null, index } : scope);
  const work = createModelWork({
    stage,
    items: count,
    scopeOf,
    caller,
    time,
    slices,
    sideBySide,
    onStart: (turn) => noteTurn(node, turn, isMap, carrier),
    onItem: (index, result) => {
      book.addItem(node.id, result);
      carrier.onItem(node);
      if (isMap && !carrier.isOver()) log.append({ kind: "item-end", stage: node.id, index });
    },
    onRetry: (message) => noteRetry(node, message, carrier),
    onEnd: (results) => carrier.onEnd(node, isMap ? joined(results) : withoutUsage(results[0])),
    onFail: (error) => carrier.onFail(node, error),
    onMistake: carrier.onMistake,
  });
  const items = isMap ? { items: count } : {};
  book.change(node.id, { status: "ready", ...items });
  log.append({ kind: "stage-ready", stage: node.id, ...items });
  const chainTokens = carrier.chainTokens(node, scopeOf(0));
  stageGate.come(node, () => driver.ready(node.key, work, chainTokens));
}

function noteTurn(
  node: Node,
  turn: Turn,
  isMap: boolean,
  { book, log, nowMs, stageGate, isOver: runIsOver }: StageCarrier,
): void {
  stageGate.leave(node);
  const { status, engines, startedMs = nowMs() } = book.record(node.id);
  if (runIsOver() || isOver(status)) return;
  const known = engines.includes(turn.engine) ? engines : [...engines, turn.engine];
  book.change(node.id, { status: "running", startedMs, engines: known });
  const items = isMap ? { items: turn.items } : {};
  log.append({ kind: "stage-start", stage: node.id, engine: turn.engine, ...items });
}

function noteRetry({ id }: Node, message: string, { book, log }: StageCarrier): void {
  book.change(id, { retried: book.record(id).retried + 1 });
  log.append({ kind: "stage-retry", stage: id, message });
}

export async function carryTool(node: Node, stage: DeclaredTool, carrier: StageCarrier): Promise<void> {
  const { driver, book, log, nowMs } = carrier;
  book.change(node.id, { status: "running", startedMs: nowMs() });
  driver.toolStart(node.key);
  log.append({ kind: "stage-start", stage: node.id });
  const onRetry = (message: string): void => noteRetry(node, message, carrier);
  const call = (): ReturnType<typeof callWithRetries> =>
    callWithRetries({ ...carrier, stage, scope: book.scope(), key: `${book.id}/${node.id}`, onRetry });
  const result = await carrier.slices.run(call, carrier.signal);
  if (result === undefined || carrier.isOver()) return;
  if (result.kind === "fault")
    return carrier.onFail(node, { code: "tool_failed", message: result.message, stage: node.id });
  driver.toolEnd(node.key);
  book.addToolResult(result.text);
  carrier.onEnd(node, withoutUsage(result));
}
