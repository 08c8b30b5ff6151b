/** A store that is away while a test says so. */

import { StoreFault, type Store } from "../../../src/store/store.ts";

export type FaultyStore = Store & {
  /** Absent: it is there. `landing`: what is asked for is done, but nobody is told. */
  fault: { readonly kind: StoreFault["kind"]; readonly landing?: boolean } | undefined;
  /** Verbs that were called, in order. */
  readonly called: string[];
};

export function createFaultyStore(store: Store): FaultyStore {
  const called: string[] = [];
  const faulty = { ...store, called, fault: undefined } as FaultyStore;
  for (const [name, verb] of Object.entries(store)) {
    const plain = verb as (...given: unknown[]) => Promise<unknown>;
    const act = async (...given: unknown[]): Promise<unknown> => {
      called.push(name);
      const { fault } = faulty;
      if (fault === undefined) return plain(...given);
      if (fault.landing === true) await plain(...given);
      throw new StoreFault(fault.kind, "gone for a test");
    };
    Object.assign(faulty, { [name]: act });
  }
  return faulty;
}
