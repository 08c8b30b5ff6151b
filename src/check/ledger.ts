/**
 * The checker's own books: what is open, as the records so far say. Deliberately not `src/state`, so that a mistake there shows.
 * It believes what it is told and never throws: a record that fits nothing changes nothing, and the laws say what is wrong.
 * Memory grows with what is open and not with the journal.
 */

import type { CostModel } from "../cost/cost-model.ts";
import { routeId, type EngineId } from "../model/cluster.ts";
import type { JournalEvent, StagePlace, StageReady, StageReveal } from "../model/event.ts";
import { chainTokens } from "../model/prefix.ts";
import type { StageKey, WorkflowId } from "../model/workflow.ts";
import { EngineBook } from "./engine-book.ts";
import { isOver, type Ran, type StageRow, type WorkflowRow } from "./rows.ts";

export class Ledger {
  readonly engines: EngineBook;
  readonly workflows = new Map<WorkflowId, WorkflowRow>();
  readonly stages = new Map<StageKey, StageRow>();
  /** When a way between hosts has passed all that it was given. */
  readonly wayFreeUs = new Map<string, number>();
  /** Model stages that wait for a placement. */
  readyCount = 0;
  /** Stages revealed so far. */
  revealed = 0;

  constructor(costs: CostModel) {
    this.engines = new EngineBook(costs);
  }

  engine(id: EngineId) {
    return this.engines.find(id);
  }

  apply(event: JournalEvent): void {
    this.engines.apply(event);
    switch (event.kind) {
      case "workflow-arrive":
        this.workflows.set(event.workflow, {
          id: event.workflow,
          arrive: event,
          stages: new Map(),
          openStages: 0,
          lastEndUs: event.atUs,
        });
        return;
      case "stage-reveal":
        return this.#reveal(event);
      case "stage-ready":
        return this.#makeReady(event);
      case "stage-place":
        return this.#place(event);
      case "stage-redirect": {
        const row = this.stages.get(event.stage);
        if (row?.place !== undefined) row.place = { ...row.place, decodeEngine: event.decodeEngine };
        return;
      }
      case "transfer-start":
        this.wayFreeUs.set(routeId(event.via, event.from, event.to), event.atUs + event.waitUs + event.durationUs);
        return;
      case "transfer-end": {
        const hosts = this.stages.get(event.parent)?.hosts;
        if (hosts !== undefined && !hosts.includes(event.to)) hosts.push(event.to);
        return;
      }
      case "decode-end": {
        const row = this.stages.get(event.stage);
        const items = row?.place?.shares[event.share]?.items;
        if (row !== undefined && items !== undefined) row.itemTokens = event.outputTokens / items;
        return;
      }
      case "share-end": {
        const row = this.stages.get(event.stage);
        if (row === undefined || event.phase === "prefill") return;
        row.sharesLeft -= 1;
        row.lastShareEndUs = event.atUs;
        row.lastEngine = event.engine;
        return;
      }
      case "tool-start":
      case "tool-end": {
        const row = this.stages.get(event.stage);
        if (row === undefined) return;
        row.status = event.kind === "tool-start" ? "tool" : "tool-ended";
        row.toolEndUs = event.atUs;
        return;
      }
      case "stage-end": {
        const row = this.stages.get(event.stage);
        if (row === undefined || isOver(row)) return;
        row.outputTokens = event.outputTokens;
        row.hosts = event.host === undefined ? [] : [event.host];
        return this.#end(row, "ended", event.atUs);
      }
      case "stage-skip": {
        const row = this.stages.get(event.stage);
        if (row === undefined || isOver(row)) return;
        return this.#end(row, "skipped", event.atUs);
      }
      case "stage-drop": {
        const row = this.stages.get(event.stage);
        if (row === undefined || isOver(row)) return;
        if (event.reason === "cancelled") row.ran = "perhaps";
        return this.#end(row, "skipped", event.atUs);
      }
      case "stage-lost": {
        const row = this.stages.get(event.stage);
        if (row === undefined || isOver(row)) return;
        this.#leaveReady(row);
        row.status = "ready";
        row.attempt = event.attempt + 1;
        row.place = undefined;
        row.sharesLeft = 0;
        row.itemTokens = undefined;
        if (row.stage.kind === "tool") return;
        this.readyCount += 1;
        const { allow } = row.stage;
        if (event.avoid !== undefined)
          row.stage = { ...row.stage, allow: { ...allow, avoid: [...(allow?.avoid ?? []), event.avoid] } };
        return;
      }
      case "stage-forgive": {
        const row = this.stages.get(event.stage);
        if (row !== undefined && row.stage.kind !== "tool")
          row.stage = { ...row.stage, allow: { ...row.stage.allow, avoid: [] } };
        return;
      }
      case "workflow-end":
      case "workflow-abandon":
        return this.#close(event.workflow);
      default:
        return;
    }
  }

  #reveal({ stage, atUs }: StageReveal): void {
    const workflow = this.workflows.get(stage.workflow);
    this.revealed += 1;
    if (workflow === undefined || this.stages.has(stage.key)) return;
    const row: StageRow = {
      stage,
      workflow,
      children: [],
      revealUs: atUs,
      parentsOpen: 0,
      parentsEndUs: workflow.arrive.atUs,
      parentRan: (stage.unnamedParents ?? 0) > 0 ? "perhaps" : "no",
      ran: "no",
      status: "waiting",
      attempt: 0,
      place: undefined,
      sharesLeft: 0,
      endUs: 0,
      toolEndUs: 0,
      lastShareEndUs: 0,
      lastEngine: undefined,
      itemTokens: undefined,
      outputTokens: 0,
      hosts: [],
    };
    for (const { stage: key } of stage.parents) {
      const parent = this.stages.get(key);
      if (parent === undefined) continue;
      parent.children.push(row);
      row.parentRan = likelier(row.parentRan, parent.ran);
      if (isOver(parent)) row.parentsEndUs = Math.max(row.parentsEndUs, parent.endUs);
      else row.parentsOpen += 1;
    }
    this.stages.set(stage.key, row);
    workflow.stages.set(stage.key, row);
    workflow.openStages += 1;
  }

  #makeReady({ stage: key, chainTokens: tokens, attempt = 0 }: StageReady): void {
    const row = this.stages.get(key);
    if (row?.status !== "waiting") return;
    row.status = "ready";
    row.attempt = attempt;
    const { stage } = row;
    if (stage.kind === "tool") return;
    this.readyCount += 1;
    if (tokens === undefined) return;
    const chain = stage.chain.map((link, index) => ({ hash: link.hash, tokens: tokens[index] ?? link.tokens }));
    row.stage = { ...stage, chain, promptTokens: chainTokens(chain) };
  }

  #place(event: StagePlace): void {
    const row = this.stages.get(event.stage);
    if (row === undefined || row.stage.kind === "tool" || isOver(row)) return;
    this.#leaveReady(row);
    row.status = "placed";
    row.place = event;
    row.sharesLeft = event.shares.length;
    this.engines.enqueue(row, row.stage, event);
  }

  #end(row: StageRow, status: "ended" | "skipped", atUs: number): void {
    this.#leaveReady(row);
    row.status = status;
    if (status === "ended") row.ran = "yes";
    row.endUs = atUs;
    row.workflow.openStages -= 1;
    row.workflow.lastEndUs = atUs;
    for (const child of row.children) {
      child.parentsOpen -= 1;
      child.parentsEndUs = atUs;
      child.parentRan = likelier(child.parentRan, row.ran);
    }
  }

  #leaveReady(row: StageRow): void {
    if (row.status === "ready" && row.stage.kind !== "tool") this.readyCount -= 1;
  }

  #close(id: WorkflowId): void {
    const workflow = this.workflows.get(id);
    if (workflow === undefined) return;
    for (const [key, row] of workflow.stages) {
      this.#leaveReady(row);
      this.stages.delete(key);
    }
    this.workflows.delete(id);
  }
}

function likelier(left: Ran, right: Ran): Ran {
  if (left === "yes" || right === "yes") return "yes";
  return left === "perhaps" || right === "perhaps" ? "perhaps" : "no";
}
