/** What `foresight` loads ahead on engines that its plan leaves idle. */

import { expect, test } from "vitest";
import { knownModels } from "../../../src/catalogue/models.ts";
import type { Workflow } from "../../../src/model/workflow.ts";
import { cluster, dag } from "../../support/build.ts";
import { runPlain } from "../../support/run-plain.ts";

const small = "llama-3.1-8b";
const large = "qwen2.5-32b";

function engines(...held: readonly string[]) {
  const machines = cluster(held.map(() => "h100").join(" "), { host: "host" });
  return { ...machines, engines: machines.engines.map((engine, index) => ({ ...engine, resident: [held[index]!] })) };
}

/** A short call of the small model, and then a long one of the large. */
function flow(index: number, reveal: Workflow["reveal"]): Workflow {
  const change = (id: string) => {
    const tokens = id === "ask" ? 20 : 400;
    return { model: id === "ask" ? small : large, output: { estimate: tokens, actual: tokens, limit: 800 } };
  };
  return dag("ask -> answer", change, { id: `w${index}`, arrivalUs: index * 20_000_000, reveal });
}

function call(model: string, index: number): Workflow {
  const output = { estimate: 400, actual: 400, limit: 800 };
  return dag("a", () => ({ model, output }), { id: `w${index}`, arrivalUs: index * 15_000_000 });
}

for (const reveal of ["static", "online"] as const)
  test(`models stay where they are held while each is called as much as it is held: ${reveal}`, () => {
    const journal = runPlain({
      policy: "foresight",
      cluster: engines(small, large, large, large),
      workflows: Array.from({ length: 4 }, (_, index) => flow(index, reveal)),
    });
    expect(journal.events.filter(({ kind }) => kind === "model-load-start")).toEqual([]);
  });

test("what engines give up of one model at one instant counts together, though each holds one copy of many", () => {
  const journal = runPlain({
    policy: "foresight",
    cluster: engines(large, small, small, small, small, small),
    workflows: [small, large, large, large, large].map(call),
  });
  const evicted = journal.events.filter((event) => event.kind === "model-evict" && event.model === small);
  const together = [...Map.groupBy(evicted, ({ atUs }) => atUs).values()].map(({ length }) => length);
  expect(Math.max(...together)).toBe(2);
});

test("a model may have the name of something that every object has", () => {
  const loadsWhen = (name: string): readonly (readonly [number, boolean])[] => {
    const { events } = runPlain({
      policy: "foresight",
      models: knownModels.map((model) => (model.id === small ? { ...model, id: name } : model)),
      cluster: engines(large, name, name),
      workflows: [name, large, large, large, large].map(call),
    });
    return events.flatMap((event) => (event.kind === "model-load-start" ? [[event.atUs, event.model === large]] : []));
  };
  expect(loadsWhen("constructor")).toEqual(loadsWhen(small));
});
