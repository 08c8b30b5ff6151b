/**
 * A whole workflow as CP-SAT plans it: for each stage one way to run it, an interval on every engine that takes a share; engines do one
 * thing at a time; a model is loaded before it is used and takes memory until its last use; children wait for their parents and
 * for the way between hosts. A known plan is its hint, and a solution.
 *
 * Left to the decoder: what a change of plan leaves cached, ways that queue, and more loads of a model on an engine than the known
 * plan has there.
 */

import { IntervalModel, not, type Variable } from "./interval-model.ts";
import type { Instance } from "./instance.ts";
import { leastTransfer, splitUnits, toUnits, type LaidOut, type ShareUs } from "./lay-out.ts";
import type { PlanShare, WholePlan } from "./plan.ts";

export type SolvedPlan = {
  /** Absent if the solver gives none within its limit, not even the known one. */
  readonly plan: WholePlan | undefined;
  /** In the solver's units; of the known plan if there is no other. */
  readonly end: number;
  readonly optimal: boolean;
  /** What it took, in the solver's own seconds. */
  readonly seconds: number;
};

/** Stages that are not `free` keep their engines and the items on each. */
export async function solvePlanModel(
  instance: Instance,
  shareUs: ShareUs,
  known: LaidOut,
  free: ReadonlySet<number>,
  deterministicSeconds: number,
): Promise<SolvedPlan> {
  const model = new IntervalModel(0, known.end);
  model.hint(model.makespan, known.end);
  const stages = new Planner(model, instance, shareUs, known, free).add();
  const { status, values, seconds } = await model.solve(deterministicSeconds, search);
  const plan = values.length === 0 ? undefined : toPlan(stages, values);
  return { plan, end: values[model.makespan] ?? known.end, optimal: status === "optimal", seconds };
}

/** Without a linear relaxation, which says nothing of who comes first on an engine and takes most of the time. */
const search = { linearizationLevel: 0 };

/** Memory is counted in these. */
const memoryUnit = 1e6;

/** One way to run a stage, where its literal holds. */
type Mode = {
  readonly literal: Variable;
  readonly shares: readonly PlanShare[];
  readonly starts: readonly Variable[];
  /** As the known plan has it. */
  readonly chosen: boolean;
};

type PlannedStage = { readonly begin: Variable; readonly end: Variable; readonly modes: readonly Mode[] };

/** A model held by an engine from its load to its last use. */
type Term = {
  readonly present: Variable;
  readonly start: Variable;
  readonly loaded: Variable;
  readonly release: Variable;
};

class Planner {
  readonly #model: IntervalModel;
  readonly #instance: Instance;
  readonly #shareUs: ShareUs;
  readonly #known: LaidOut;
  readonly #free: ReadonlySet<number>;
  /** By engine: intervals in which it works or loads. */
  readonly #lines: number[][];
  /** By engine and model. */
  readonly #terms: (readonly Term[])[][];

  constructor(model: IntervalModel, instance: Instance, shareUs: ShareUs, known: LaidOut, free: ReadonlySet<number>) {
    this.#free = free;
    this.#model = model;
    this.#instance = instance;
    this.#shareUs = shareUs;
    this.#known = known;
    this.#lines = instance.engines.map(() => []);
    this.#terms = instance.engines.map(() => []);
  }

  add(): readonly PlannedStage[] {
    for (const engine of this.#instance.engines.keys()) this.#addTerms(engine);
    const planned: PlannedStage[] = [];
    for (const index of this.#instance.stages.keys()) planned.push(this.#addStage(index, planned));
    for (const line of this.#lines) this.#model.noOverlap(line);
    this.#addTransfers(planned);
    return planned;
  }

  /** Each model as often as the known plan has it there, and at least once. */
  #addTerms(engine: number): void {
    const { engines } = this.#instance;
    const spec = engines[engine] as Instance["engines"][number];
    const spans: number[] = [];
    const bytes: number[] = [];
    const used = new Set(this.#instance.stages.flatMap((each) => (each.engines.includes(engine) ? [each.model] : [])));
    for (const [index, held] of spec.models.entries()) {
      const resident = spec.resident.includes(index);
      if (held === undefined || (!resident && !used.has(index))) continue;
      const known = this.#known.terms[engine]?.[index] ?? [];
      const terms: Term[] = [];
      for (let count = 0; count < Math.max(1, known.length); count++) {
        const given = resident && count === 0;
        const load = given ? 0 : toUnits(held.loadUs);
        const at = known[count];
        const start = this.#time(at?.start ?? 0, given ? 0 : undefined);
        const loaded = this.#time(at?.loaded ?? 0);
        const release = this.#time(at?.release ?? 0);
        const present = this.#literal(at !== undefined);
        if (given) this.#model.exactlyOne([present]);
        else this.#lines[engine]?.push(this.#model.interval(start, load, present));
        this.#model.ordered(start, loaded, load, present);
        this.#model.ordered(loaded, release, 0, present);
        const before = terms.at(-1);
        if (before !== undefined) {
          this.#model.implies(present, before.present);
          this.#model.ordered(before.release, start, 0, present);
        }
        spans.push(this.#model.span(start, release, this.#time((at?.release ?? 0) - (at?.start ?? 0)), present));
        bytes.push(Math.floor(held.footprintBytes / memoryUnit));
        terms.push({ present, start, loaded, release });
      }
      (this.#terms[engine] as (readonly Term[])[])[index] = terms;
    }
    this.#model.cumulative(spans, bytes, Math.floor(spec.memoryBytes / memoryUnit));
    this.#model.cumulative(
      spans,
      spans.map(() => 1),
      spec.maxResident,
    );
  }

  #addStage(index: number, planned: readonly PlannedStage[]): PlannedStage {
    const { node, stage, fixedUs } = this.#instance.stages[index] as Instance["stages"][number];
    const laid = this.#known.stages[index] as LaidOut["stages"][number];
    const begin = this.#time(laid.begin);
    const end = this.#time(laid.end);
    for (const parent of node.parents) this.#model.ordered(planned[parent.index]?.end ?? 0, begin, 0);
    this.#model.ordered(end, this.#model.makespan, 0);
    if (stage === undefined) {
      this.#model.ordered(begin, end, toUnits(fixedUs));
      return { begin, end, modes: [] };
    }
    const modes = this.#sharings(index).map((shares): Mode => {
      const chosen = sameShares(shares, laid.shares);
      const literal = this.#literal(chosen);
      const starts = shares.map((share, at) => {
        const start = shares.length === 1 ? begin : this.#time(chosen ? (laid.shares[at]?.start ?? 0) : laid.begin);
        if (start !== begin) this.#model.ordered(begin, start, 0);
        this.#addShare(
          index,
          share,
          { literal, start, end },
          shares.length,
          chosen ? laid.shares[at]?.term : undefined,
        );
        return start;
      });
      return { literal, shares, starts, chosen };
    });
    this.#model.exactlyOne(modes.map(({ literal }) => literal));
    return { begin, end, modes };
  }

  #addShare(
    index: number,
    { engine, items }: PlanShare,
    { literal, start, end }: { readonly literal: Variable; readonly start: Variable; readonly end: Variable },
    shards: number,
    termLaid: number | undefined,
  ): void {
    const took = toUnits(this.#shareUs(engine, index, items));
    this.#lines[engine]?.push(this.#model.interval(start, took, literal));
    this.#model.ordered(start, end, took + splitUnits(shards), literal);
    const terms = this.#terms[engine]?.[this.#instance.stages[index]?.model ?? 0] ?? [];
    const within = terms.map((_, count) => (terms.length === 1 ? literal : this.#literal(termLaid === count)));
    for (const [count, term] of terms.entries()) {
      const here = within[count] as Variable;
      this.#model.implies(here, term.present);
      this.#model.ordered(term.loaded, start, 0, here);
      this.#model.ordered(start, term.release, took, here);
    }
    if (terms.length > 1) this.#model.exactlyOne([...within, not(literal)]);
  }

  /** Whole on an engine, in halves on two of a host, or as the known plan has it. */
  #sharings(index: number): readonly (readonly PlanShare[])[] {
    const { stage, engines } = this.#instance.stages[index] as Instance["stages"][number];
    const items = stage?.items ?? 1;
    if (!this.#free.has(index)) return [this.#known.stages[index]?.shares ?? []];
    const all: (readonly PlanShare[])[] = engines.map((engine) => [{ engine, items }]);
    if (items > 1) {
      const half = Math.ceil(items / 2);
      for (const [at, engine] of engines.entries())
        for (const other of engines.slice(at + 1))
          if (this.#instance.engines[engine]?.host === this.#instance.engines[other]?.host)
            all.push([
              { engine, items: half },
              { engine: other, items: items - half },
            ]);
    }
    const known = this.#known.stages[index]?.shares ?? [];
    return all.some((each) => sameShares(each, known)) ? all : [...all, known];
  }

  /** On another host than its parent's a stage begins once the output can have come; from where is left open. */
  #addTransfers(planned: readonly PlannedStage[]): void {
    const { stages, hosts } = this.#instance;
    if (hosts < 2) return;
    const at = planned.map(({ modes }) => this.#hostLiterals(modes));
    for (const [index, { node }] of stages.entries()) {
      for (const { index: parent, bytes } of node.parents) {
        const from = at[parent] ?? [];
        for (const [host, here] of (at[index] ?? []).entries()) {
          if (here === undefined || stages[parent]?.stage === undefined) continue;
          const least = leastTransfer(this.#instance, host, bytes);
          const there = from[host];
          const away = there === undefined ? [] : [not(there)];
          if (least < Infinity)
            this.#model.ordered(planned[parent]?.end ?? 0, planned[index]?.begin ?? 0, least, here, ...away);
          else if (there !== undefined) this.#model.implies(here, there);
        }
      }
    }
  }

  /** By host, whether a stage runs there; absent where it cannot. */
  #hostLiterals(modes: readonly Mode[]): (Variable | undefined)[] {
    const { engines, hosts } = this.#instance;
    const hostOf = ({ shares }: Mode): number => engines[shares[0]?.engine ?? 0]?.host ?? 0;
    return Array.from({ length: hosts }, (_, host) => {
      const here = modes.filter((mode) => hostOf(mode) === host);
      if (here.length === 0) return undefined;
      const literal = this.#literal(here.some((mode) => mode.chosen));
      this.#model.exactlyOne([not(literal), ...here.map((mode) => mode.literal)]);
      return literal;
    });
  }

  #time(hint: number, most?: number): Variable {
    const variable = this.#model.time(0, most === undefined ? 0 : this.#known.end - most);
    this.#model.hint(variable, hint);
    return variable;
  }

  #literal(hint: boolean): Variable {
    const variable = this.#model.literal();
    this.#model.hint(variable, hint ? 1 : 0);
    return variable;
  }
}

function sameShares(left: readonly PlanShare[], right: readonly PlanShare[]): boolean {
  return (
    left.length === right.length &&
    left.every(({ engine, items }, at) => engine === right[at]?.engine && items === right[at].items)
  );
}

/** Stages in the order in which they begin; parents begin no later than their children, and come first. */
function toPlan(stages: readonly PlannedStage[], values: readonly number[]): WholePlan {
  const chosen = stages.map(({ modes }) => modes.find(({ literal }) => values[literal] === 1));
  const begins = stages.map(({ begin }, index) =>
    Math.min(...(chosen[index]?.starts ?? [begin]).map((start) => values[start] ?? 0)),
  );
  return {
    order: [...stages.keys()].sort((left, right) => (begins[left] ?? 0) - (begins[right] ?? 0) || left - right),
    shares: chosen.map((mode) => mode?.shares ?? []),
  };
}
