/** One process of a gateway, put together from its real parts over what the world has in place of machines, network and store. */

import type { Tools } from "../gateway/declared/call-tool.ts";
import { createOwnership, type LeasedOwnership } from "../gateway/declared/ownership.ts";
import { createRuns, type Runs } from "../gateway/declared/runs.ts";
import type { Driver } from "../gateway/live/driver.ts";
import { journalSegments } from "../gateway/live/journal-source.ts";
import type { LiveDriver } from "../gateway/live/live-driver.ts";
import { recollect } from "../gateway/live/recall.ts";
import { signalAfter } from "../gateway/live/time.ts";
import type { Replica } from "../gateway/replicas/replica.ts";
import type { Store } from "../store/store.ts";
import { worldModels, type DrawnCluster } from "./draw-cluster.ts";
import { embedModel } from "./draw-workflow.ts";
import type { Planners } from "./laws/planners.ts";
import type { LawName, Report } from "./laws/report.ts";
import type { Machine } from "./machine.ts";
import { joinOthers } from "./membership.ts";
import { createCaller, type ModelServer, type Serving } from "./model-server.ts";
import type { Network } from "./network.ts";
import { makeCall, type Outcome, type PlainCall } from "./plain-call.ts";
import type { Sabotage } from "./sabotage.ts";
import { createWatchedDriver, type WatchedDriver } from "./watched-driver.ts";

export type GatewayHost = {
  readonly machine: Machine;
  readonly seed: number;
  readonly policy: string;
  readonly drawn: DrawnCluster;
  readonly servers: ReadonlyMap<string, ModelServer>;
  readonly store: Store;
  readonly tools: Tools;
  /** Whether its journal goes into the store, and is read again by who plans next. */
  readonly keepsJournal: boolean;
  readonly report: Report;
  /** Present where this is one of several. */
  readonly others: { readonly network: Network; readonly planners: Planners } | undefined;
  readonly giveUpMs: number;
  readonly tell: (what: string) => void;
  readonly sabotage: Sabotage;
};

/** What is not over yet, and the law that it breaks if it never is. */
export type Unrest = { readonly law: LawName; readonly what: string };

/** How often a gateway looks at each engine. */
const lookMs = 400;
const leaseMs = 2000;
const queue = { maxWaiting: 10_000, hardestWaitMs: 4000 };

export class Gateway {
  readonly machine: Machine;
  readonly runs: Runs;
  readonly #host: GatewayHost;
  readonly #watched: WatchedDriver;
  /** What those who bring work are given. */
  readonly #face: Driver;
  readonly #replica: Replica | undefined;
  readonly #ownership: LeasedOwnership;
  readonly #calls = new Map<string, Outcome | "open">();
  readonly #stops: (() => void)[] = [];
  isStopping = false;
  /** The epoch of which it is the planner. */
  #plansIn: number | undefined;

  constructor(host: GatewayHost) {
    this.#host = host;
    const { machine, store, others, giveUpMs, keepsJournal, sabotage } = host;
    this.machine = machine;
    const bounds = { ...queue, giveUpMs };
    const journal = keepsJournal ? store : undefined;
    this.#watched = createWatchedDriver({ ...host, queue: bounds, journal, acts: () => this.acts() });
    const onPlans = (epoch: number | undefined): void => this.#plan(epoch);
    const { driver } = this;
    const joined =
      others === undefined ? undefined : joinOthers({ ...host, ...others, queue: bounds, leaseMs, driver, onPlans });
    this.#replica = joined?.replica;
    const face = joined?.face ?? driver;
    this.#face = sabotage.driver?.(face) ?? face;
    const { name: owner, time } = machine;
    this.#ownership = createOwnership({ store, time, owner, address: () => `http://${machine.site}`, leaseMs });
    const runs = this.#createRuns();
    this.runs = sabotage.runs?.(runs) ?? runs;
    // Where the store is away, it is done again from time to time.
    void this.#ownership.start().then(() => this.runs.recover().catch(() => {}));
    if (others === undefined) this.#plan(1);
    this.#lookAtEngines();
  }

  get driver(): LiveDriver {
    return this.#watched.driver;
  }

  /** Goes on from what was written down before, and writes from now on, or no more. */
  #plan(epoch: number | undefined): void {
    const { store, keepsJournal } = this.#host;
    if (!keepsJournal) return;
    this.#plansIn = epoch;
    this.driver.journalAs(undefined);
    if (epoch === undefined) return;
    void recollect(journalSegments(store)).then(({ recalled }) => {
      if (this.#plansIn !== epoch) return;
      if (recalled !== undefined) this.driver.recall({ recalled, shown: () => true, keeps: () => true });
      this.driver.journalAs(epoch);
    });
  }

  #createRuns(): Runs {
    const { machine, servers, store, tools, drawn } = this.#host;
    let ids = 0;
    const models = worldModels.map(({ id }) => ({
      id,
      aliases: [],
      contextTokens: 8192,
      outputTokens: 100,
      embeds: id === embedModel,
    }));
    const engines = drawn.cluster.engines.map(({ id, batching: { maxSequences } }) => ({ id, maxSequences }));
    const declared = { maxOpen: 1000, maxStages: 100, maxItems: 100, maxEdges: 1000, tools: [] };
    return createRuns({
      driver: this.#face,
      caller: createCaller(machine, servers),
      config: { declared, tenants: [], models, engines: engines as never },
      store,
      ownership: this.#ownership,
      time: machine.time,
      tools,
      createId: () => `wf-${machine.name}-${ids++}`,
    });
  }

  /** As the watch of a real gateway does, which sees late who is gone and who is back. */
  #lookAtEngines(): void {
    const { machine, servers } = this.#host;
    const never = new AbortController().signal;
    for (const [index, id] of [...servers.keys()].entries()) {
      const look = async (): Promise<void> => {
        try {
          const sight = await this.driver.desk(id).adapter.look(never);
          this.driver.engineUp(id);
          this.driver.sight(id, sight);
        } catch {
          this.driver.engineDown(id);
        }
      };
      // Not all at one instant.
      this.#stops.push(machine.time.every(lookMs + 7 * index, () => void look()).stop);
    }
  }

  /** Whether this gateway has engines do things now. */
  acts(): boolean {
    return this.#replica?.acts() ?? this.#host.others === undefined;
  }

  /** Whether the call is of a share that runs by the books of this gateway, which plans. */
  knows({ turn }: Serving): boolean {
    const { key } = turn.stage;
    const { running } = this.driver.world.state.cluster.engine(turn.engine);
    return running.some(({ stage }) => stage.key === key || stage.key.endsWith(`~${key}`));
  }

  /** Brings a call; says what became of it, once, unless the process dies before. Returns how its client leaves. */
  call(call: PlainCall, onOutcome: (outcome: Outcome) => void): () => void {
    const { machine, servers, report } = this.#host;
    this.#calls.set(call.workflow, "open");
    return makeCall(call, {
      machine,
      servers,
      driver: this.#face,
      onOutcome: ({ workflow }, outcome) => {
        const before = this.#calls.get(workflow);
        if (before !== "open") report("accounted", `the call ${workflow} ${outcome}, after it ${before}`);
        this.#calls.set(workflow, outcome);
        onOutcome(outcome);
      },
    });
  }

  /** Holds what waits here against the bound. */
  look(): void {
    if (this.acts()) this.#watched.waits.look(this.driver.nowUs());
  }

  /** What is open; nothing if it is idle. */
  unrest(): Unrest | undefined {
    for (const [call, outcome] of this.#calls)
      if (outcome === "open") return { law: "accounted", what: `the call ${call} has no outcome` };
    if (this.runs.open() > 0) return { law: "accounted", what: `${this.runs.open()} workflows are open` };
    const left = this.#left();
    return left === undefined ? undefined : { law: "no-leak", what: left };
  }

  #left(): string | undefined {
    if (this.driver.open() > 0) return `${this.driver.open()} stages are open with the driver`;
    const ledger = this.#replica?.driver;
    if (ledger !== undefined && ledger.open() + ledger.workflows() > 0)
      return `the ledger has ${ledger.open()} stages and ${ledger.workflows()} workflows open`;
    const { open } = this.driver.world.state.workflows;
    return open.size === 0 ? undefined : `${[...open.keys()].slice(0, 3).join(", ")} open with the driver`;
  }

  /** Ends as a process does that is asked to: within a while, and then whatever is left. */
  async stop(withinMs: number): Promise<void> {
    const { machine } = this;
    this.isStopping = true;
    const limit = signalAfter(machine.time, withinMs);
    // A lease that cannot be given back runs out.
    await this.#replica?.stepDown().catch(() => {});
    await this.runs.drain(limit.signal);
    await (this.#replica?.driver ?? this.driver).drain(limit.signal);
    await this.close();
    machine.crash();
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.runs[Symbol.asyncDispose]();
    await this.#ownership[Symbol.asyncDispose]();
    await this.#replica?.[Symbol.asyncDispose]();
    await this.driver[Symbol.asyncDispose]();
    // One that was killed meanwhile has written nothing since.
    if (this.machine.alive) this.#watched.check();
  }
}
