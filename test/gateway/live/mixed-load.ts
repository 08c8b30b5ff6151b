/** Calls of several models, and a workflow beside them, carried through by any policy. */

import { expect } from "vitest";
import { embedder, engines, Live, llama, Owner, phi, settle, stageOf } from "./world.ts";

/** Like any call, in the models that these engines serve. */
const mixture = [llama, phi, llama, embedder, phi, llama, llama, phi] as const;

/** Needs fake timers. */
export async function carryMixedLoad(policy: string): Promise<void> {
  const cluster = engines("h100 l40s", { maxResident: 2, host: "one" });
  await using live = new Live({ cluster, policy });
  const calls = mixture.map((model, index) => {
    live.pass(10_000);
    const kind = model === embedder ? "embed" : "llm";
    return live.call({ model, kind, items: index === 6 ? 4 : 1, outputTokens: 100 + index });
  });
  live.driver.arrive({ workflow: "flow", reveal: "static" });
  live.driver.reveal(stageOf("flow", { id: "a" }));
  live.driver.reveal(stageOf("flow", { id: "b", parents: ["a"], model: phi }));
  const [a, b] = [new Owner(), new Owner()];
  live.driver.ready("flow/a", a);
  const owners = [...calls, a, b];
  for (let round = 0; round < 60 && live.driver.open() > 0; round++) {
    live.pass(200_000);
    for (const owner of owners) for (const turn of owner.turns) turn.end({ outputTokens: 50 });
    if (
      live.over.has("flow/a") &&
      b.turns.length === 0 &&
      !live.over.has("flow/b") &&
      live.driver.world.state.workflows.node("flow/b").status === "waiting"
    )
      live.driver.ready("flow/b", b);
    await settle();
  }
  expect([...live.over.values()]).toEqual(Array.from(owners, () => "ran"));
  expect(live.faults).toEqual([]);
  for (const { id } of Array.from(live.driver.world.state.workflows.open.values())) live.driver.end(id);
}
