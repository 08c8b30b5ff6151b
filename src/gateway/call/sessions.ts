/** The open workflows as the gateway knows them from the calls that come. */

import type { ParentEdge, StageId, WorkflowId } from "../../model/workflow.ts";
import type { IdentityConfig } from "../config/config.ts";
import type { CallShape } from "./call.ts";
import type { ReadIdentity } from "./read-identity.ts";
import { Session, type StageResult } from "./session.ts";
import { createWorkflowNames, escapeName, type WorkflowNames } from "./workflow-names.ts";

/** Where a call belongs. */
export type Placement = {
  /** Unique among all workflows that calls ever opened: `tenant/id`, then `tenant/id#2` and so on. */
  readonly workflow: WorkflowId;
  /** This call is its first. */
  readonly opens: boolean;
  readonly stage: StageId;
  /** All of them have ended. */
  readonly parents: readonly ParentEdge[];
  /** The only call of its workflow, which is over with it: neither `ended` nor `sweep` knows of it. */
  readonly single: boolean;
};

type Open = {
  readonly name: WorkflowId;
  /** What calls find it by. */
  readonly key: string;
  readonly id: string;
  readonly session: Session;
  /** Under which child sessions name it. */
  readonly aliases: string[];
  idleSinceUs: number;
};

type Found = {
  readonly open: Open | undefined;
  /** Of the workflow, which a call may name by a child session of it. */
  readonly id: string;
  readonly identity: ReadIdentity;
};

export function createSessions(limits: IdentityConfig): Sessions {
  return new Sessions(limits);
}

/**
 * Invariant: at most `maxWorkflows` are open, each of at most `maxStages` stages. One is idle exactly if it is open and no stage
 * of it runs; idle ones stand in the order in which they became so, and a sweep looks only at those it ends.
 */
export class Sessions {
  readonly #limits: IdentityConfig;
  readonly #names: WorkflowNames;
  readonly #byKey = new Map<string, Open>();
  readonly #byName = new Map<WorkflowId, Open>();
  readonly #byAlias = new Map<string, { readonly open: Open; readonly thread: string }>();
  readonly #idle = new Set<Open>();
  #over: WorkflowId[] = [];
  #droppedParents = 0;
  #turnedSingle = 0;

  constructor(limits: IdentityConfig) {
    this.#limits = limits;
    this.#names = createWorkflowNames(4 * limits.maxWorkflows);
  }

  /** Workflows that are open: all but single ones. */
  get open(): number {
    return this.#byName.size;
  }

  /** Parents that calls named although no such stage had ended. */
  get droppedParents(): number {
    return this.#droppedParents;
  }

  /** Calls that became workflows of their own because too many were open and none idle. */
  get turnedSingle(): number {
    return this.#turnedSingle;
  }

  place(tenant: string, given: ReadIdentity, { chain }: CallShape, nowUs: number): Placement {
    if (given.workflow === undefined) return this.#single(tenant, given);
    const { open: found, id, identity } = this.#find(tenant, given, given.workflow);
    const full = found !== undefined && found.session.stages >= this.#limits.maxStages;
    if (full) this.#cutOff(found);
    const known = full ? undefined : found;
    const open = known ?? this.#openNew(tenant, id, nowUs);
    if (open === undefined) {
      this.#turnedSingle += 1;
      return this.#single(tenant, given);
    }
    this.#idle.delete(open);
    this.#noteAlias(tenant, open, identity);
    const { stage, droppedParents } = open.session.add(identity, chain);
    this.#droppedParents += droppedParents;
    const parents = stage.parents.map((parent) => ({ stage: parent.id, bytes: parent.outputBytes }));
    return { workflow: open.name, opens: known === undefined, stage: stage.id, parents, single: false };
  }

  /** A stage is over, whether it came to an answer or not. What is not known here is passed over. */
  ended(workflow: WorkflowId, id: StageId, nowUs: number, result: StageResult = {}): void {
    const open = this.#byName.get(workflow);
    const stage = open?.session.stage(id);
    if (open === undefined || stage === undefined || stage.state === "ended") return;
    open.session.end(stage, result);
    if (open.session.running > 0) return;
    open.idleSinceUs = nowUs;
    if (open.session.final) this.#forget(open);
    else this.#idle.add(open);
  }

  /** Workflows that are over since it was last asked: idle too long, final and all ended, or cut off at a bound. */
  sweep(nowUs: number): WorkflowId[] {
    for (const open of this.#idle) {
      if (nowUs - open.idleSinceUs < this.#limits.idleMs * 1000) break;
      this.#forget(open);
    }
    const over = this.#over;
    this.#over = [];
    return over;
  }

  #single(tenant: string, { stage, parents }: ReadIdentity): Placement {
    this.#droppedParents += parents?.length ?? 0;
    const id = stage === undefined ? "#1" : escapeName(stage);
    return { workflow: this.#names.nextSingle(tenant), opens: true, stage: id, parents: [], single: true };
  }

  /** A client may name the session of a child as the parent: that is a thread of the workflow that the child belongs to. */
  #find(tenant: string, identity: ReadIdentity, id: string): Found {
    const key = toKey(tenant, id);
    const open = this.#byKey.get(key);
    const alias = open === undefined ? this.#byAlias.get(key) : undefined;
    if (alias === undefined) return { open, id, identity };
    const { thread = alias.thread, parentThread = alias.thread } = identity;
    const inside = { ...identity, thread, parentThread, sessionThread: true };
    return { open: alias.open, id: alias.open.id, identity: inside };
  }

  #noteAlias(tenant: string, open: Open, { thread, sessionThread }: ReadIdentity): void {
    if (sessionThread !== true || thread === undefined) return;
    const alias = toKey(tenant, thread);
    if (this.#byAlias.get(alias)?.open === open) return;
    this.#byAlias.set(alias, { open, thread });
    open.aliases.push(alias);
  }

  /** At the bound, the one that is idle longest makes room; if none is idle there is none. */
  #openNew(tenant: string, id: string, nowUs: number): Open | undefined {
    if (this.#byName.size >= this.#limits.maxWorkflows) {
      const [oldest] = this.#idle;
      if (oldest === undefined) return undefined;
      this.#forget(oldest);
    }
    const name = this.#names.next(tenant, id);
    const open: Open = { name, key: toKey(tenant, id), id, session: new Session(), aliases: [], idleSinceUs: nowUs };
    this.#byKey.set(open.key, open);
    this.#byName.set(name, open);
    return open;
  }

  /** No further call finds it; it is over when its last stage is. */
  #cutOff(open: Open): void {
    open.session.final = true;
    this.#unlink(open);
    if (open.session.running === 0) this.#forget(open);
  }

  #forget(open: Open): void {
    this.#unlink(open);
    this.#idle.delete(open);
    this.#byName.delete(open.name);
    this.#over.push(open.name);
  }

  /** Another workflow may have taken its place by now, and keeps it. */
  #unlink(open: Open): void {
    if (this.#byKey.get(open.key) === open) this.#byKey.delete(open.key);
    for (const alias of open.aliases) if (this.#byAlias.get(alias)?.open === open) this.#byAlias.delete(alias);
  }
}

/** Neither tenants nor ids have control characters. */
function toKey(tenant: string, id: string): string {
  return `${tenant}\n${id}`;
}
