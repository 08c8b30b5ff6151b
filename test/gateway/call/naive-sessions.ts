/**
 * What sessions must do, said as plainly as can be: everything that ever came is kept in lists, and every question is answered
 * by reading them all again.
 */

import type { IdentityConfig } from "../../../src/gateway/config/config.ts";
import type { CallShape } from "../../../src/gateway/call/call.ts";
import type { ReadIdentity } from "../../../src/gateway/call/read-identity.ts";
import type { Placement } from "../../../src/gateway/call/sessions.ts";

type Stage = {
  readonly id: string;
  readonly named: string | undefined;
  readonly thread: Thread;
  readonly parents: readonly Stage[];
  readonly hashes: readonly number[];
  /** Place among all ends; absent while it runs. */
  ended?: number;
  failed: boolean;
  read: boolean;
};

type Thread = { readonly name: string | undefined; readonly parent: Thread | undefined; readBefore: readonly Stage[] };

type Flow = {
  readonly name: string;
  readonly key: string;
  readonly stages: Stage[];
  readonly threads: Thread[];
  final: boolean;
  found: boolean;
  over: boolean;
  idleSinceUs: number;
  idleOrder: number;
};

export class NaiveSessions {
  readonly flows: Flow[] = [];
  readonly #limits: IdentityConfig;
  /** Threads that are sessions of their own, each by who said so last. */
  readonly #claims: { readonly key: string; readonly flow: Flow }[] = [];
  #told = new Set<Flow>();
  #ends = 0;
  #singles = 0;

  constructor(limits: IdentityConfig) {
    this.#limits = limits;
  }

  place(tenant: string, given: ReadIdentity, { chain }: CallShape): Placement {
    const single = (): Placement => {
      this.#singles += 1;
      const stage = given.stage ?? "#1";
      return { workflow: `${tenant}/#${this.#singles}`, opens: true, stage, parents: [], single: true };
    };
    if (given.workflow === undefined) return single();
    let identity = given;
    let key = `${tenant}/${given.workflow}`;
    const open = this.flows.filter((flow) => flow.found && !flow.over);
    let flow = open.find((one) => one.key === key);
    const claim = this.#claims.findLast((one) => one.key === key);
    const root = claim !== undefined && open.includes(claim.flow) ? claim.flow : undefined;
    if (flow === undefined && root !== undefined) {
      flow = root;
      key = root.key;
      identity = {
        ...given,
        thread: given.thread ?? given.workflow,
        parentThread: given.parentThread ?? given.workflow,
        sessionThread: true,
      };
    }
    if (flow !== undefined && flow.stages.length >= this.#limits.maxStages) {
      flow.found = false;
      flow.final = true;
      if (flow.stages.every(({ ended }) => ended !== undefined)) flow.over = true;
      flow = undefined;
    }
    const opens = flow === undefined;
    if (flow === undefined) {
      const alive = this.flows.filter((one) => !one.over);
      if (alive.length >= this.#limits.maxWorkflows) {
        const [oldest] = alive.filter(isIdle).sort((left, right) => left.idleOrder - right.idleOrder);
        if (oldest === undefined) return single();
        oldest.over = true;
      }
      const uses = this.flows.filter((one) => one.key === key).length;
      const name = uses === 0 ? key : `${key}#${uses + 1}`;
      const main: Thread = { name: undefined, parent: undefined, readBefore: [] };
      flow = {
        name,
        key,
        stages: [],
        threads: [main],
        final: false,
        found: true,
        over: false,
        idleSinceUs: 0,
        idleOrder: 0,
      };
      this.flows.push(flow);
    }
    if (identity.sessionThread === true && identity.thread !== undefined) {
      this.#claims.push({ key: `${tenant}/${identity.thread}`, flow });
    }
    const stage = add(
      flow,
      identity,
      chain.map(({ hash }) => hash),
    );
    const parents = stage.parents.map(({ id }) => ({ stage: id, bytes: 0 }));
    return { workflow: flow.name, opens, stage: stage.id, parents, single: false };
  }

  ended(workflow: string, id: string, nowUs: number, failed: boolean): void {
    const flow = this.flows.find(({ name, over }) => name === workflow && !over);
    const stage = flow?.stages.find((one) => one.id === id);
    if (flow === undefined || stage === undefined || stage.ended !== undefined) return;
    this.#ends += 1;
    stage.ended = this.#ends;
    stage.failed = failed;
    if (!flow.stages.every(({ ended }) => ended !== undefined)) return;
    flow.idleSinceUs = nowUs;
    flow.idleOrder = this.#ends;
    if (flow.final) flow.over = true;
  }

  /** In no particular order. */
  sweep(nowUs: number): string[] {
    for (const flow of this.flows) {
      if (!flow.over && isIdle(flow) && nowUs - flow.idleSinceUs >= this.#limits.idleMs * 1000) flow.over = true;
    }
    const over = this.flows.filter((flow) => flow.over && !this.#told.has(flow));
    for (const flow of over) this.#told.add(flow);
    return over.map(({ name }) => name);
  }
}

function isIdle({ stages }: Flow): boolean {
  return stages.every(({ ended }) => ended !== undefined);
}

function add(flow: Flow, identity: ReadIdentity, hashes: readonly number[]): Stage {
  const threadOf = (name: string | undefined): Thread | undefined => flow.threads.find((one) => one.name === name);
  let thread = threadOf(identity.thread);
  if (thread === undefined) {
    thread = { name: identity.thread, parent: threadOf(identity.parentThread) ?? threadOf(undefined), readBefore: [] };
    flow.threads.push(thread);
  }
  const parents = identity.parents === undefined ? infer(flow, thread, hashes) : known(flow, identity.parents);
  const uses = flow.stages.filter(({ named }) => named === identity.stage).length;
  const ownName = uses === 0 ? identity.stage : `${identity.stage}#${uses + 1}`;
  const id = identity.stage === undefined ? `#${flow.stages.length + 1}` : (ownName ?? "");
  const stage: Stage = { id, named: identity.stage, thread, parents, hashes, failed: false, read: false };
  flow.stages.push(stage);
  if (identity.final) flow.final = true;
  return stage;
}

function known(flow: Flow, names: readonly string[]): Stage[] {
  const meant = names.map((name) => flow.stages.findLast(({ named }) => named === name));
  const parents = [...new Set(meant.filter((stage) => stage?.ended !== undefined))] as Stage[];
  for (const parent of parents) parent.read = true;
  return parents;
}

function infer(flow: Flow, thread: Thread, hashes: readonly number[]): readonly Stage[] {
  const unread = byEnd(flow.stages).filter((stage) => !stage.read && !stage.failed);
  const own = unread.filter((stage) => stage.thread === thread);
  const ofChildren = unread.filter(
    ({ thread: child }) =>
      child.parent === thread && flow.stages.every((stage) => stage.thread !== child || stage.ended !== undefined),
  );
  const previous = goesOnFrom(flow, hashes);
  let parents: Stage[];
  if (previous !== undefined) {
    const cameOfIt = own.filter((stage) => stage.parents.includes(previous));
    parents = [...new Set([previous, ...cameOfIt, ...ofChildren])];
  } else if (thread.parent !== undefined && flow.stages.every((stage) => stage.thread !== thread)) {
    const { parent } = thread;
    const before = unread.filter((stage) => stage.thread === parent);
    thread.readBefore = before.length > 0 ? before : parent.readBefore;
    return thread.readBefore;
  } else {
    parents = [...own, ...ofChildren];
    if (parents.length === 0) return thread.readBefore;
  }
  for (const stage of parents) if (stage.thread === thread || stage.thread.parent === thread) stage.read = true;
  thread.readBefore = parents;
  return parents;
}

function byEnd(stages: readonly Stage[]): Stage[] {
  const ended = stages.filter((stage) => stage.ended !== undefined);
  return ended.sort((left, right) => (left.ended ?? 0) - (right.ended ?? 0));
}

function goesOnFrom({ stages }: Flow, hashes: readonly number[]): Stage | undefined {
  const latest = byEnd(stages)
    .filter(({ failed }) => !failed)
    .toReversed();
  const begins = (part: readonly number[]): boolean => part.every((hash, index) => hashes[index] === hash);
  for (const length of [...hashes.keys()].filter((index) => index > 0).toReversed()) {
    const whole = latest.find((stage) => stage.hashes.length === length && begins(stage.hashes));
    if (whole !== undefined) return whole;
    const almost = latest.find((stage) => stage.hashes.length === length + 1 && begins(stage.hashes.slice(0, -1)));
    if (almost !== undefined && hashes.length >= almost.hashes.length + 2 && !sharedByAll(stages, length))
      return almost;
  }
  return undefined;
}

/** Whether all calls so far began with the same `length` links. */
function sharedByAll(stages: readonly Stage[], length: number): boolean {
  const [first] = stages;
  return stages.every(
    ({ hashes }) =>
      hashes.length >= length && hashes.slice(0, length).every((hash, index) => hash === first?.hashes[index]),
  );
}
