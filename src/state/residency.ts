/** Which models an engine holds, least recently used first, and which must go when another one comes. */

import type { ModelId } from "../model/model.ts";

export type Resident = {
  readonly model: ModelId;
  readonly bytes: number;
  /** Being loaded: counts for memory, not for use. */
  readonly loading: boolean;
};

export type Room = {
  readonly memoryBytes: number;
  readonly maxResident: number;
};

/** Models to evict so that `bytes` more fit: the preferred ones first, then the least recently used; undefined if `keep` leaves too little. */
export function pickVictims(
  residents: readonly Resident[],
  room: Room,
  bytes: number,
  preferred: readonly ModelId[] = [],
  keep?: ModelId,
): readonly ModelId[] | undefined {
  let freeBytes = room.memoryBytes;
  for (const resident of residents) freeBytes -= resident.bytes;
  let places = room.maxResident - residents.length;
  if (bytes <= freeBytes && places > 0) return [];
  const chosen = preferred.flatMap((model) => residents.filter((resident) => resident.model === model));
  const order = [...chosen, ...residents.filter((resident) => !preferred.includes(resident.model))];
  const victims: ModelId[] = [];
  for (const resident of order) {
    if (bytes <= freeBytes && places > 0) break;
    if (resident.model === keep || resident.loading) continue;
    victims.push(resident.model);
    freeBytes += resident.bytes;
    places += 1;
  }
  return bytes <= freeBytes && places > 0 ? victims : undefined;
}

/** The residents after `model` was used, loading it and evicting others if it was not there. */
export function useModel(
  residents: readonly Resident[],
  room: Room,
  model: ModelId,
  bytes: number,
  preferred?: readonly ModelId[],
): Resident[] {
  const there = residents.some((resident) => resident.model === model);
  const victims = there ? [] : (pickVictims(residents, room, bytes, preferred) ?? []);
  const kept = residents.filter((resident) => resident.model !== model && !victims.includes(resident.model));
  return [...kept, { model, bytes, loading: false }];
}
