/** A store in memory whose clock the test moves. */

import { createMemoryStore } from "../../src/store/memory.ts";
import type { TestStore } from "./store-conformance.ts";

export function openMemory(): Promise<TestStore> {
  let nowMs = 0;
  const store = createMemoryStore({ nowMs: () => nowMs });
  return Promise.resolve({
    store,
    pass: (ms) => {
      nowMs += ms;
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  });
}
