/**
 * Which models are in memory: one load at a time, the least recently used makes room, and what is in use stays.
 * Loads go beside computing, as they use the way to the disk and not the GPU.
 */

import type { ModelCosts } from "../../cost/cost-model.ts";
import type { ModelId } from "../../model/model.ts";
import { pickVictims, useModel, type Resident, type Room } from "../../state/residency.ts";

export type Weights = {
  readonly resident: () => readonly ModelId[];
  readonly loading: () => ModelId | undefined;
  readonly isResident: (model: ModelId) => boolean;
  /** Marks it as just used. */
  readonly use: (model: ModelId) => void;
  /**
   * Begins a load, if it can make room without `inUse`. `busy`: another load is under way, or what is in use must end first;
   * `too-large`: not even alone.
   */
  readonly startLoad: (costs: ModelCosts, inUse?: ModelId) => "begun" | "busy" | "too-large";
  /** Wants the model as soon as there is room; `done` is told whether it came. */
  readonly want: (costs: ModelCosts, done: (loaded: boolean) => void) => void;
  /** Begins what is wanted, as far as it can. */
  readonly startWanted: (inUse: ModelId | undefined) => void;
  /** Nothing is wanted any more. A load under way goes on. */
  readonly forget: () => void;
  readonly unload: (model: ModelId) => void;
  readonly counts: () => { readonly loads: number; readonly evictions: number };
};

export type WeightsOptions = {
  readonly room: Room;
  readonly resident: readonly ModelCosts[];
  readonly schedule: (delayUs: number, run: () => void) => void;
  readonly slowFactor: () => number;
  /** Its caches go with it. */
  readonly onEvict: (model: ModelId) => void;
};

type Wanted = { readonly costs: ModelCosts; readonly done: (loaded: boolean) => void };

export function createWeights({ room, resident, schedule, slowFactor, onEvict }: WeightsOptions): Weights {
  let residents: readonly Resident[] = resident.map(({ model, footprintBytes }) => ({
    model: model.id,
    bytes: footprintBytes,
    loading: false,
  }));
  let wanted: readonly Wanted[] = [];
  let loads = 0;
  let evictions = 0;
  const loading = (): ModelId | undefined => residents.find((each) => each.loading)?.model;
  const isResident = (model: ModelId): boolean => residents.some((each) => each.model === model && !each.loading);
  const use = (model: ModelId): void => {
    const bytes = residents.find((each) => each.model === model)?.bytes ?? 0;
    residents = useModel(residents, room, model, bytes);
  };
  const unload = (model: ModelId): void => {
    residents = residents.filter((each) => each.model !== model);
    evictions++;
    onEvict(model);
  };
  const settle = (fits: (each: Wanted) => boolean): readonly Wanted[] => {
    const settled = wanted.filter(fits);
    wanted = wanted.filter((each) => !settled.includes(each));
    return settled;
  };
  const startLoad: Weights["startLoad"] = ({ model, footprintBytes, loadUs }, inUse) => {
    if (loading() !== undefined) return "busy";
    const victims = pickVictims(residents, room, footprintBytes, [], inUse);
    if (victims === undefined) return inUse === undefined ? "too-large" : "busy";
    for (const victim of victims) unload(victim);
    const entry = { model: model.id, bytes: footprintBytes, loading: true };
    residents = [...residents, entry];
    loads++;
    schedule(Math.round(loadUs * slowFactor()), () => {
      residents = residents.map((each) => (each === entry ? { ...entry, loading: false } : each));
      // Before the next load can take the model away again.
      for (const each of settle(({ costs }) => costs.model.id === model.id)) each.done(true);
    });
    return "begun";
  };
  return {
    resident: () => residents.flatMap((each) => (each.loading ? [] : [each.model])),
    loading,
    isResident,
    use,
    startLoad,
    want: (costs, done) => {
      wanted = [...wanted, { costs, done }];
    },
    startWanted: (inUse) => {
      for (const each of wanted) {
        const here = isResident(each.costs.model.id);
        if (here) use(each.costs.model.id);
        const refused = !here && startLoad(each.costs, inUse) === "too-large";
        if (!here && !refused) return;
        for (const { done } of settle((other) => other === each)) done(here);
      }
    },
    forget: () => {
      for (const { done } of settle(() => true)) done(false);
    },
    unload,
    counts: () => ({ loads, evictions }),
  };
}
