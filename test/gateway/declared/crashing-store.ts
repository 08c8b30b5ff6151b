/** What a process that is lost at one of its calls leaves in a store, and a count of what the store took in. */

import type { Store } from "../../../src/store/store.ts";

type Verb = (...given: readonly never[]) => Promise<unknown>;
export type Crash = { readonly at: number; readonly how: "before" | "after" };

/** A store as a process sees it that is lost at one of its calls: nothing it asks for after that is answered. */
export function crashing(store: Store, crash: Crash): Store & { readonly isCrashed: () => boolean } {
  let calls = 0;
  let crashed = false;
  const never = new Promise<never>(() => {});
  const wrapped = Object.entries(store).map(([name, verb]) => {
    // What renews leases comes by the clock and would be the same place again and again.
    const counts = !name.includes("Lease");
    const act = async (...given: readonly never[]): Promise<unknown> => {
      if (crashed) return never;
      crashed = counts && calls++ === crash.at;
      if (crashed && crash.how === "before") return never;
      const done = await (verb as Verb)(...given);
      return crashed ? never : done;
    };
    return [name, act] as const;
  });
  const verbs = Object.fromEntries(wrapped) as unknown as Store;
  return { ...verbs, [Symbol.asyncDispose]: async () => {}, isCrashed: () => crashed };
}

/** Counts how often a stage's result was taken in. */
export function counting(store: Store): { readonly store: Store; readonly saved: Map<string, number> } {
  const saved = new Map<string, number>();
  const saveStage: Store["saveStage"] = async (run, holding, stage) => {
    const outcomeOf = await store.saveStage(run, holding, stage);
    const key = `${run}/${stage.stage}`;
    if (outcomeOf === "saved") saved.set(key, (saved.get(key) ?? 0) + 1);
    return outcomeOf;
  };
  return { store: { ...store, saveStage }, saved };
}
