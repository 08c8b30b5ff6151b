/** Which positions of an engine's sequence need a load, if at each the models used last in the future are given up first. */

import { pickVictims, type Resident } from "../state/residency.ts";
import type { Instance, InstanceEngine } from "./instance.ts";

export type PlannedLoad = {
  /** Position in the sequence. */
  readonly at: number;
  readonly model: number;
  /** All models by next use, the farthest first: whom to give up if room must be made. */
  readonly victims: readonly number[];
};

/** `sequence`: models by position. Calls `onEvict` with the position before which a model goes. */
export function planLoads(
  engine: InstanceEngine,
  { models }: Instance,
  sequence: readonly number[],
  onEvict: (at: number, model: number) => void = () => {},
): PlannedLoad[] {
  const next = nextUses(sequence, models.length);
  const usedAt = new Int32Array(models.length).fill(sequence.length);
  for (let at = sequence.length - 1; at >= 0; at--) usedAt[sequence[at] ?? 0] = at;
  const held = engine.resident.slice();
  const loads: PlannedLoad[] = [];
  for (const [at, model] of sequence.entries()) {
    usedAt[model] = next[at] ?? sequence.length;
    const place = held.indexOf(model);
    if (place >= 0) {
      held.splice(place, 1);
      held.push(model);
      continue;
    }
    const victims = fits(engine, held, model)
      ? []
      : held.toSorted((left, right) => (usedAt[right] ?? 0) - (usedAt[left] ?? 0));
    loads.push({ at, model, victims });
    for (const victim of toEvict(engine, held, model, victims)) {
      held.splice(held.indexOf(victim), 1);
      onEvict(at, victim);
    }
    held.push(model);
  }
  return loads;
}

function nextUses(sequence: readonly number[], models: number): Int32Array {
  const next = new Int32Array(sequence.length);
  const seen = new Int32Array(models).fill(sequence.length);
  for (let at = sequence.length - 1; at >= 0; at--) {
    const model = sequence[at] ?? 0;
    next[at] = seen[model] ?? 0;
    seen[model] = at;
  }
  return next;
}

function fits({ memoryBytes, maxResident, models }: InstanceEngine, held: readonly number[], model: number): boolean {
  let bytes = models[model]?.footprintBytes ?? 0;
  for (const each of held) bytes += models[each]?.footprintBytes ?? 0;
  return held.length < maxResident && bytes <= memoryBytes;
}

/** As the simulator will choose. */
function toEvict(
  { memoryBytes, maxResident, models }: InstanceEngine,
  held: readonly number[],
  model: number,
  victims: readonly number[],
): readonly number[] {
  if (victims.length === 0) return [];
  const bytesOf = (each: number): number => models[each]?.footprintBytes ?? 0;
  const residents: Resident[] = held.map((each) => ({ model: `${each}`, bytes: bytesOf(each), loading: false }));
  const room = { memoryBytes, maxResident };
  return (pickVictims(residents, room, bytesOf(model), victims.map(String)) ?? []).map(Number);
}
