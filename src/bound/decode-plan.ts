/**
 * What a plan comes to: when each stage begins and ends. Follows the exclusive engines of the simulator step by step, but goes
 * through the plan's order instead of through time, so ways between hosts serve in that order. Time: stages + edges + what
 * `Services` does not know yet.
 */

import { itemStride, type Instance } from "./instance.ts";
import { shardUs } from "../cost/shard.ts";
import { sequencesOf, type WholePlan } from "./plan.ts";
import { planLoads } from "./residency-plan.ts";
import type { Services } from "./services.ts";

export type Decoded = {
  readonly endUs: number;
  /** Sum over engines of when they are done. */
  readonly enginesUs: number;
  /** By stage. */
  readonly beginsUs: Float64Array;
  readonly endsUs: Float64Array;
  /** By stage, how long its first share holds its engine once its inputs are there. */
  readonly servicesUs: Float64Array;
  /** By stage, the one that it waited for last: a parent or what its engine did before; -1 if it waited for a load or nothing. */
  readonly waitedFor: Int32Array;
};

/** The same engines and sequences, in the order in which stages begin: what shares a way then does so in time's order too. */
export function inTimeOrder({ order, shares }: WholePlan, { beginsUs }: Decoded): WholePlan {
  const at = new Map(order.map((index, position) => [index, position]));
  const byTime = order.toSorted(
    (left, right) => (beginsUs[left] ?? 0) - (beginsUs[right] ?? 0) || (at.get(left) ?? 0) - (at.get(right) ?? 0),
  );
  return { order: byTime, shares };
}

type EngineRow = { readonly key: string; readonly loadUs: Float64Array; readonly serviceUs: Float64Array };

export class Decoder {
  readonly #instance: Instance;
  readonly #services: Services;
  /** By engine, what was worked out for its last sequence. */
  readonly #rows: (EngineRow | undefined)[] = [];

  constructor(instance: Instance, services: Services) {
    this.#instance = instance;
    this.#services = services;
  }

  decode(plan: WholePlan): Decoded {
    const { stages, engines, hosts, ways } = this.#instance;
    const rows = sequencesOf(this.#instance, plan).map((sequence, engine) => this.#row(engine, sequence, plan));
    const at = new Int32Array(engines.length);
    const freeUs = new Float64Array(engines.length);
    const placedUs = new Float64Array(engines.length);
    const before = new Int32Array(engines.length).fill(-1);
    const wayFreeUs = new Float64Array(ways);
    const copies = new Float64Array(stages.length * hosts).fill(Infinity);
    const beginsUs = new Float64Array(stages.length);
    const endsUs = new Float64Array(stages.length);
    const servicesUs = new Float64Array(stages.length);
    const waitedFor = new Int32Array(stages.length).fill(-1);
    let endUs = 0;
    for (const index of plan.order) {
      const { node, fixedUs } = stages[index] as Instance["stages"][number];
      let readyUs = 0;
      let cause = -1;
      for (const { index: parent } of node.parents) {
        if ((endsUs[parent] ?? 0) >= readyUs) [readyUs, cause] = [endsUs[parent] ?? 0, parent];
      }
      const shares = plan.shares[index] ?? [];
      if (shares.length === 0) {
        beginsUs[index] = readyUs;
        endsUs[index] = readyUs + fixedUs;
        waitedFor[index] = cause;
        endUs = Math.max(endUs, readyUs + fixedUs);
        continue;
      }
      let placeUs = readyUs;
      for (const { engine } of shares) placeUs = Math.max(placeUs, placedUs[engine] ?? 0);
      let lastUs = 0;
      let firstUs = Infinity;
      for (const { engine } of shares) {
        const position = at[engine] ?? 0;
        at[engine] = position + 1;
        placedUs[engine] = placeUs;
        const row = rows[engine] as EngineRow;
        const loadedUs = (freeUs[engine] ?? 0) + (row.loadUs[position] ?? 0);
        const startUs = Math.max(loadedUs, placeUs);
        const inputsUs = this.#fetch(index, engines[engine]?.host ?? 0, startUs, copies, wayFreeUs);
        const doneUs = inputsUs + (row.serviceUs[position] ?? 0);
        if (doneUs > lastUs) {
          lastUs = doneUs;
          waitedFor[index] = loadedUs > readyUs ? (before[engine] ?? -1) : cause;
        }
        firstUs = Math.min(firstUs, startUs);
        freeUs[engine] = doneUs;
        before[engine] = index;
      }
      servicesUs[index] = rows[shares[0]?.engine ?? 0]?.serviceUs[(at[shares[0]?.engine ?? 0] ?? 0) - 1] ?? 0;
      const stageEndUs = lastUs + shardUs(shares.length);
      beginsUs[index] = firstUs;
      endsUs[index] = stageEndUs;
      copies[index * hosts + (engines[shares[0]?.engine ?? 0]?.host ?? 0)] = stageEndUs;
      endUs = Math.max(endUs, stageEndUs);
    }
    let enginesUs = 0;
    for (const us of freeUs) enginesUs += us;
    return { endUs, enginesUs, beginsUs, endsUs, servicesUs, waitedFor };
  }

  /** When all inputs are on the host. */
  #fetch(index: number, to: number, startUs: number, copies: Float64Array, wayFreeUs: Float64Array): number {
    const { stages, hosts, routes } = this.#instance;
    let inputsUs = startUs;
    for (const { index: parent, bytes } of stages[index]?.node.parents ?? []) {
      if (stages[parent]?.stage === undefined || (copies[parent * hosts + to] ?? 0) <= startUs) continue;
      let bestUs = Infinity;
      let best: (typeof routes)[number];
      for (let from = 0; from < hosts; from++) {
        if ((copies[parent * hosts + from] ?? 0) > startUs) continue;
        const route = routes[from * hosts + to];
        if (route === undefined) continue;
        const us = Math.round(route.latencyUs + bytes * route.usPerByte);
        if (us < bestUs) [bestUs, best] = [us, route];
      }
      if (best === undefined) return Infinity;
      const beginUs = best.serial ? Math.max(startUs, wayFreeUs[best.way] ?? 0) : startUs;
      const thereUs = beginUs + bestUs;
      wayFreeUs[best.way] = thereUs;
      copies[parent * hosts + to] = Math.min(copies[parent * hosts + to] ?? Infinity, thereUs);
      inputsUs = Math.max(inputsUs, thereUs);
    }
    return inputsUs;
  }

  #row(engine: number, sequence: readonly number[], plan: WholePlan): EngineRow {
    const { stages, engines } = this.#instance;
    const spec = engines[engine];
    const codes = sequence.map((index) => {
      const share = plan.shares[index]?.find((each) => each.engine === engine);
      return index * itemStride + (share?.items ?? 1);
    });
    const key = codes.join(",");
    const known = this.#rows[engine];
    if (known?.key === key || spec === undefined) return known as EngineRow;
    const models = sequence.map((index) => stages[index]?.model ?? 0);
    const loadUs = new Float64Array(sequence.length);
    const serviceUs = new Float64Array(sequence.length);
    const evictions = new Map<number, number[]>();
    const loads = planLoads(spec, this.#instance, models, (position, model) => {
      evictions.set(position, [...(evictions.get(position) ?? []), model]);
    });
    for (const { at, model } of loads) loadUs[at] = spec.models[model]?.loadUs ?? Infinity;
    const open = new Map<number, { codes: number[]; at: number[] }>();
    const close = (model: number): void => {
      const group = open.get(model);
      if (group === undefined) return;
      open.delete(model);
      const took = this.#services.of(engine, model, group.codes);
      for (const [position, at] of group.at.entries()) serviceUs[at] = took[position] ?? 0;
    };
    for (const [position, code] of codes.entries()) {
      for (const model of evictions.get(position) ?? []) close(model);
      const model = models[position] ?? 0;
      let group = open.get(model);
      if (group === undefined) open.set(model, (group = { codes: [], at: [] }));
      group.codes.push(code);
      group.at.push(position);
    }
    for (const model of open.keys()) close(model);
    const row = { key, loadUs, serviceUs };
    this.#rows[engine] = row;
    return row;
  }
}
