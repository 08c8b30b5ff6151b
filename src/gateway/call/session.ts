/**
 * One open workflow as its calls draw it: which stages it has, and which of them a new call comes after.
 *
 * Parents that a call names are taken if they have ended. Otherwise they are inferred, in this order:
 *
 * 1. A call whose prompt goes on from an earlier call's has that call as its parent, along with what came of that call and
 *    nobody has read yet.
 * 2. The first call of a child thread comes after whatever the thread that began it would come after.
 * 3. Any other comes after all ends of its thread that nobody has read yet. If there are none, it came while the last such call
 *    was running, and has the same parents.
 *
 * Only stages that have ended are ever parents, so there are no cycles. A call costs a look-up a link of its prompt, and a pass
 * over the at most `mostParents` unread ends of its thread and of its child threads.
 */

import type { ChainLink } from "../../model/prefix.ts";
import type { StageId } from "../../model/workflow.ts";
import type { ReadIdentity } from "./read-identity.ts";
import { escapeName } from "./workflow-names.ts";

const mostParents = 16;
/** So many links of a prompt are looked at, from its end. */
const mostLooked = 1024;

export type Stage = {
  readonly id: StageId;
  readonly thread: Thread;
  readonly parents: readonly Stage[];
  /** Links of its prompt, and the hashes of the last one and of the one before. */
  readonly links: number;
  readonly lastHash: number | undefined;
  readonly hashBefore: number | undefined;
  state: "running" | "ended";
  outputBytes: number;
};

type Thread = {
  readonly parent: Thread | undefined;
  /** Ends that nobody has read yet, oldest first, and those of its child threads. */
  readonly unread: Stage[];
  readonly unreadOfChildren: Stage[];
  /** What the last call that read something came after. */
  readBefore: readonly Stage[];
  stages: number;
  running: number;
};

/** What came of a stage. */
export type StageResult = {
  /** Nothing that another stage could go on from. */
  readonly failed?: boolean;
  readonly outputBytes?: number;
};

type AddedStage = { readonly stage: Stage; readonly droppedParents: number };

export class Session {
  final = false;
  #running = 0;
  readonly #stages = new Map<StageId, Stage>();
  /** By the name that the client gave: the last stage of it, and how many there were. */
  readonly #named = new Map<string, { readonly stage: Stage; readonly uses: number }>();
  readonly #threads = new Map<string | undefined, Thread>([[undefined, createThread(undefined)]]);
  /** The stage that ended last whose prompt hashes to this, and that whose prompt but for its last link does. */
  readonly #byEnd = new Map<number, Stage>();
  readonly #byAllButLast = new Map<number, Stage>();
  /** Hashes of the links with which all calls began. */
  #shared: number[] | undefined;

  get stages(): number {
    return this.#stages.size;
  }

  get running(): number {
    return this.#running;
  }

  stage(id: StageId): Stage | undefined {
    return this.#stages.get(id);
  }

  add(identity: ReadIdentity, chain: readonly ChainLink[]): AddedStage {
    const thread = this.#thread(identity);
    const named = identity.parents;
    const parents = named === undefined ? this.#infer(thread, chain) : this.#known(named);
    const stage: Stage = {
      id: this.#nextId(identity.stage),
      thread,
      parents,
      links: chain.length,
      lastHash: chain.at(-1)?.hash,
      hashBefore: chain.at(-2)?.hash,
      state: "running",
      outputBytes: 0,
    };
    this.#stages.set(stage.id, stage);
    if (identity.stage !== undefined) {
      this.#named.set(identity.stage, { stage, uses: (this.#named.get(identity.stage)?.uses ?? 0) + 1 });
    }
    this.#share(chain);
    if (identity.final) this.final = true;
    this.#running += 1;
    thread.stages += 1;
    thread.running += 1;
    return { stage, droppedParents: named === undefined ? 0 : named.length - parents.length };
  }

  end(stage: Stage, { failed = false, outputBytes = 0 }: StageResult): void {
    if (stage.state === "ended") return;
    stage.state = "ended";
    stage.outputBytes = outputBytes;
    this.#running -= 1;
    stage.thread.running -= 1;
    if (failed) return;
    pushBounded(stage.thread.unread, stage);
    if (stage.thread.parent !== undefined) pushBounded(stage.thread.parent.unreadOfChildren, stage);
    if (stage.lastHash !== undefined) this.#byEnd.set(stage.lastHash, stage);
    if (stage.hashBefore !== undefined) this.#byAllButLast.set(stage.hashBefore, stage);
  }

  #thread({ thread: name, parentThread }: ReadIdentity): Thread {
    const known = this.#threads.get(name);
    if (known !== undefined) return known;
    const main = this.#threads.get(undefined);
    const thread = createThread(this.#threads.get(parentThread) ?? main);
    this.#threads.set(name, thread);
    return thread;
  }

  #known(names: readonly string[]): readonly Stage[] {
    const parents = new Set<Stage>();
    for (const name of names) {
      const stage = this.#named.get(name)?.stage;
      if (stage?.state === "ended") parents.add(stage);
    }
    for (const parent of parents) markRead(parent);
    return [...parents];
  }

  #infer(thread: Thread, chain: readonly ChainLink[]): readonly Stage[] {
    const ofChildren = thread.unreadOfChildren.filter((stage) => stage.thread.running === 0);
    const previous = this.#previous(chain);
    if (previous !== undefined) {
      const cameOfIt = thread.unread.filter((stage) => stage.parents.includes(previous));
      return read(thread, new Set([previous, ...cameOfIt, ...ofChildren]));
    }
    const { parent } = thread;
    if (thread.stages === 0 && parent !== undefined) {
      thread.readBefore = parent.unread.length > 0 ? [...parent.unread] : parent.readBefore;
      return thread.readBefore;
    }
    if (thread.unread.length === 0 && ofChildren.length === 0) return thread.readBefore;
    return read(thread, new Set([...thread.unread, ...ofChildren]));
  }

  /**
   * The call that this prompt goes on from: the one with most of its links. A call of which the last link is missing counts, as
   * clients touch up the last message of a prompt before they go on, if the rest is more than all calls begin with.
   */
  #previous(chain: readonly ChainLink[]): Stage | undefined {
    const shared = this.#shared?.length ?? 0;
    const least = Math.max(0, chain.length - mostLooked);
    for (let index = chain.length - 2; index >= least; index--) {
      const hash = chain[index]?.hash as number;
      const whole = this.#byEnd.get(hash);
      if (whole !== undefined) return whole;
      const almost = index < shared ? undefined : this.#byAllButLast.get(hash);
      if (almost !== undefined && chain.length >= almost.links + 2) return almost;
    }
    return undefined;
  }

  /** Hashes cover all before them, so that where one link is the same, all before it are. */
  #share(chain: readonly ChainLink[]): void {
    this.#shared ??= chain.slice(0, mostLooked).map(({ hash }) => hash);
    while (this.#shared.length > 0 && chain[this.#shared.length - 1]?.hash !== this.#shared.at(-1)) this.#shared.pop();
  }

  /** `#` stands in no name of a client: what is after it is ours. */
  #nextId(name: string | undefined): StageId {
    if (name === undefined) return `#${this.#stages.size + 1}`;
    const uses = this.#named.get(name)?.uses ?? 0;
    return uses === 0 ? escapeName(name) : `${escapeName(name)}#${uses + 1}`;
  }
}

function createThread(parent: Thread | undefined): Thread {
  return { parent, unread: [], unreadOfChildren: [], readBefore: [], stages: 0, running: 0 };
}

/** What a thread goes on from in another one is still there for that one to read. */
function read(thread: Thread, stages: ReadonlySet<Stage>): readonly Stage[] {
  const parents = [...stages].slice(0, mostParents);
  for (const stage of parents) if (stage.thread === thread || stage.thread.parent === thread) markRead(stage);
  thread.readBefore = parents;
  return parents;
}

function markRead(stage: Stage): void {
  remove(stage.thread.unread, stage);
  if (stage.thread.parent !== undefined) remove(stage.thread.parent.unreadOfChildren, stage);
}

/** At the bound the oldest goes: it will be nobody's parent, unless by name or by its prompt. */
function pushBounded(stages: Stage[], stage: Stage): void {
  if (stages.length === mostParents) stages.shift();
  stages.push(stage);
}

function remove(stages: Stage[], stage: Stage): void {
  const index = stages.indexOf(stage);
  if (index !== -1) stages.splice(index, 1);
}
