/**
 * One seed, one world: gateways made of their real parts, with virtual time, store, network, engines and clients around them, and
 * faults for as long as they last. Then all is healed, the world runs until it is quiet, and every law is held against it.
 */

import { createRng, type Rng } from "../random/rng.ts";
import { plannerLease } from "../store/lease-names.ts";
import { createClients, type Clients } from "./clients.ts";
import { Database, showCommit } from "./database.ts";
import { drawCluster, type DrawnCluster } from "./draw-cluster.ts";
import { listPrefix } from "./draw-workflow.ts";
import { createFaults, type Faults } from "./faults.ts";
import { Gateway, type Unrest } from "./gateway.ts";
import { createCapacity } from "./laws/capacity.ts";
import { createPlanners, type Planners } from "./laws/planners.ts";
import { createRecords, type Records } from "./laws/records.ts";
import type { Report } from "./laws/report.ts";
import { checkSegments } from "./laws/segments.ts";
import { Machine } from "./machine.ts";
import { ModelServer, type Serving } from "./model-server.ts";
import { Network, storeSite } from "./network.ts";
import { createTools } from "./tools.ts";
import type { TortureOptions, TortureResult, Violation } from "./trial.ts";
import { createTrace, type Trace } from "./trace.ts";
import { troubleSites, type Site } from "./trouble.ts";
import { VirtualTime } from "./virtual-time.ts";

/** Work comes for so long, and faults a little longer. */
const busyUs = 20_000_000;
const faultyUs = 25_000_000;
/** After that all must come to rest. */
const restUs = 120_000_000;
const giveUpMs = 15_000;
const gatewayCounts = [1, 1, 2, 3, 3, 4];
/** Mostly those that plan quickly: what is tested is the driver. */
const policies = [
  "greedy-finish",
  "round-robin",
  "least-loaded",
  "model-affinity",
  "greedy-finish",
  "round-robin",
  "least-loaded",
  "greedy-finish",
  "round-robin",
  "model-affinity",
  "greedy-finish-sharded",
  "greedy-finish-sharded",
  "foresight",
  "hexagent",
];

export class TortureWorld {
  readonly virtual = new VirtualTime();
  readonly rng: Rng;
  readonly faults: Faults;
  readonly trace: Trace;
  readonly network: Network;
  readonly database: Database;
  readonly records: Records;
  readonly planners: Planners;
  readonly servers: ReadonlyMap<string, ModelServer>;
  readonly sites: readonly Site[];
  readonly #options: TortureOptions;
  readonly #drawn: DrawnCluster;
  readonly #policy: string;
  readonly #keepsJournal: boolean;
  readonly #clients: Clients;
  readonly #violations: Violation[] = [];
  #texts = 0;

  constructor(options: TortureOptions) {
    const { seed, off = new Set(), mostFaults, tell, sabotage } = options;
    this.#options = options;
    const rng = createRng(seed, "torture");
    this.rng = rng;
    const { virtual } = this;
    this.faults = createFaults(rng.stream("faults"), off, mostFaults);
    const { faults } = this;
    this.trace = createTrace(tell);
    this.#drawn = drawCluster(rng.stream("cluster"));
    this.#policy = policies[rng.stream("policy").below(policies.length)] ?? "greedy-finish";
    this.#keepsJournal = rng.stream("journal").below(3) === 0;
    this.network = new Network({ virtual, faults, rng: rng.stream("network") });
    this.records = createRecords(this.report);
    this.planners = createPlanners(this.report, plannerLease, () => virtual.nowUs);
    this.database = new Database({
      virtual,
      faults,
      rng: rng.stream("store"),
      canReach: (site) => this.network.reaches(site, storeSite),
      onCommit: (commit) => {
        this.trace.add(virtual.nowUs, "store", `${commit.verb} by ${commit.by.name} ${showCommit(commit)}`);
        this.records.see(commit);
        this.planners.see(commit);
      },
      sabotage: sabotage?.store,
    });
    const capacity = createCapacity(this.report, (serving) => this.#isInBooks(serving));
    const server = {
      virtual,
      faults,
      rng: rng.stream("engines"),
      write: ({ stage }: { readonly stage: { readonly id: string } }) => this.#write(stage.id),
      onBegin: (at: ModelServer, serving: Serving) => {
        const { by, turn } = serving;
        capacity.begin(at, serving);
        // Of a workflow that was taken up, the driver's name says how often.
        const [, workflow = "", generation = "0"] = /^(.*?)(?:~(\d+))?$/.exec(turn.stage.workflow) ?? [];
        this.#onStart(by, workflow, turn.stage.id, Number(generation));
      },
      onHandOff: capacity.handOff,
    };
    this.servers = new Map(
      this.#drawn.cluster.engines.map((engine) => [
        engine.id,
        new ModelServer(sabotage?.engine?.(engine) ?? engine, server),
      ]),
    );
    const count = options.gateways ?? gatewayCounts[rng.stream("gateways").below(gatewayCounts.length)] ?? 1;
    this.sites = Array.from({ length: count }, (_, index) => ({
      name: `g${index}`,
      incarnation: 0,
      gateway: undefined,
    }));
    this.#clients = createClients(this);
  }

  /** Never the same text twice. */
  #write(stage: string): string {
    this.#texts += 1;
    const text = `text ${this.#texts}`;
    return stage.startsWith(listPrefix)
      ? JSON.stringify([text, `${text} b`, `${text} c`].slice(0, 1 + (this.#texts % 3)))
      : text;
  }

  /** Of one that plans. */
  #isInBooks(serving: Serving): boolean {
    return this.sites.some(({ gateway }) => gateway?.acts() === true && gateway.knows(serving));
  }

  /** A stage of a workflow, or a call, begins at an engine or a tool. */
  #onStart(by: Machine, workflow: string, stage: string, generation?: number): void {
    this.trace.add(this.virtual.nowUs, by.name, `begins ${workflow}/${stage}`);
    this.records.start(workflow, stage, by.name, generation);
  }

  readonly report: Report = (law, message) => {
    this.trace.add(this.virtual.nowUs, "LAW", `${law}: ${message}`);
    if (this.#violations.length < 20) this.#violations.push({ law, message });
  };

  boot(site: Site): void {
    site.incarnation += 1;
    const machine = new Machine(this.virtual, site.name, `${site.name}.${site.incarnation}`);
    machine.lagUs = () => (this.faults.strikes("lag") ? this.faults.rng("lag").below(200_000) : 0);
    this.trace.add(this.virtual.nowUs, machine.name, "boots");
    machine.onDeath(() => {
      this.trace.add(this.virtual.nowUs, machine.name, "is killed");
      site.gateway = undefined;
      this.virtual.after(200_000 + this.rng.below(2_000_000), () => this.boot(site));
    });
    const gateway = new Gateway({
      machine,
      seed: this.#options.seed,
      policy: this.#policy,
      drawn: this.#drawn,
      servers: this.servers,
      store: this.database.connect(machine),
      tools: createTools(machine, {
        virtual: this.virtual,
        faults: this.faults,
        rng: this.rng.stream(`tools ${machine.name}`),
        write: () => this.#write(""),
        onCall: (key, stage) => this.#onStart(machine, this.records.runOf(key) ?? key, stage),
      }),
      keepsJournal: this.#keepsJournal,
      report: this.report,
      others: this.sites.length > 1 ? { network: this.network, planners: this.planners } : undefined,
      giveUpMs,
      tell: (what) => this.trace.add(this.virtual.nowUs, machine.name, what),
      sabotage: this.#options.sabotage ?? {},
    });
    // It may have been killed while it began.
    if (machine.alive) site.gateway = gateway;
  }

  async live(): Promise<void> {
    const failed = (): boolean => this.#violations.length > 0;
    const onRejection = (reason: unknown): void => this.report("no-throw", `nobody hears that ${showError(reason)}`);
    process.on("unhandledRejection", onRejection);
    try {
      for (const site of this.sites) this.boot(site);
      this.#clients.begin(busyUs);
      const heal = troubleSites(this);
      this.#lookAtWaits();
      await this.virtual.run(faultyUs, failed);
      this.faults.stop();
      heal();
      this.trace.add(this.virtual.nowUs, "world", "is healed");
      let quiet = false;
      while (!failed() && !quiet && this.virtual.nowUs < faultyUs + restUs) {
        let due = false;
        this.virtual.after(500_000, () => (due = true));
        await this.virtual.run(Infinity, () => failed() || due);
        quiet = this.#unrest() === undefined;
      }
      if (!failed()) await this.#close();
    } catch (error) {
      this.report("no-throw", showError(error));
    } finally {
      process.off("unhandledRejection", onRejection);
    }
  }

  #lookAtWaits(): void {
    this.virtual.after(1_000_000, () => {
      for (const { gateway } of this.sites)
        if (gateway !== undefined && gateway.machine.alive && !gateway.machine.paused) gateway.look();
      this.#lookAtWaits();
    });
  }

  /** What is not at rest yet. */
  #unrest(): Unrest | undefined {
    const waiting = this.#clients.unrest();
    if (waiting !== undefined) return { law: "accounted", what: `a client waits for ${waiting}` };
    for (const [id, { end }] of this.records.runs)
      if (end === undefined) return { law: "accounted", what: `${id} is open` };
    for (const { name, gateway } of this.sites) {
      if (gateway === undefined) return { law: "accounted", what: `${name} is not there` };
      const open = gateway.unrest();
      if (open !== undefined) return { law: open.law, what: `${name}: ${open.what}` };
    }
    for (const { engine, serving } of this.servers.values())
      if (serving.size > 0) return { law: "no-leak", what: `${engine.id} serves ${serving.size} calls` };
    return undefined;
  }

  async #close(): Promise<void> {
    const unrest = this.#unrest();
    if (unrest !== undefined) this.report(unrest.law, `${restUs / 1e6} s after the last fault: ${unrest.what}`);
    for (const id of this.records.runs.keys()) this.records.compare(id, await this.database.inner.readRun(id));
    const closed = Promise.all(this.sites.map(async ({ gateway }) => gateway?.close()));
    let done = false;
    void closed.then(() => (done = true));
    await this.virtual.run(this.virtual.nowUs + 10_000_000, () => done);
    if (!done) return this.report("no-leak", "a gateway does not close");
    await closed;
    await checkSegments(this.database.inner, this.report);
  }

  result(): TortureResult {
    return {
      seed: this.#options.seed,
      violations: this.#violations,
      faults: this.faults.counts(),
      steps: this.virtual.steps,
      hash: this.trace.hash(),
      accepted: this.records.accepted.size,
      calls: this.#clients.calls(),
      virtualMs: Math.round(this.virtual.nowUs / 1000),
    };
  }
}

function showError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
