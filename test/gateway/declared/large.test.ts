/** Workflows whose prompts are large: what they ask of the gateway's one thread. */

import { expect, test } from "vitest";
import { runWorkflow, world, type Reply } from "./support.ts";

const llm = (id: string, prompt: string, rest: object = {}) =>
  ({ id, kind: "llm", model: "big", prompt, ...rest }) as const;
const short = (): Reply => "x";
const long = "x".repeat(1_000_000);

/** How many characters are looked at one by one meanwhile. */
async function countReads(work: () => Promise<unknown>): Promise<number> {
  const real: (this: string, at: number) => number = Reflect.get(String.prototype, "charCodeAt");
  let reads = 0;
  Reflect.set(String.prototype, "charCodeAt", function (this: string, at: number) {
    reads += 1;
    return real.call(this, at);
  });
  try {
    await work();
  } finally {
    Reflect.set(String.prototype, "charCodeAt", real);
  }
  return reads;
}

test("what is equal in the prompts of a run is read once for the driver, and is equal to it", async () => {
  const made = world(short);
  const stages = Array.from({ length: 40 }, (_, at) =>
    llm(`s${at}`, `Question ${at}`, { system: "{{ inputs.long }}" }),
  );
  const reads = await countReads(() => runWorkflow({ inputs: { long }, stages }, made));
  expect(reads).toBeLessThan(1_100_000);
  const chains = [...made.driver.stages.values()].map(({ stage }) => (stage.kind === "tool" ? [] : stage.chain));
  expect(new Set(chains.map(([system]) => system?.hash)).size).toBe(1);
  expect(new Set(chains.map(([, question]) => question?.hash)).size).toBe(40);
});

test("of what is different so much is read in all; the rest is known by its length", async () => {
  const made = world(short);
  const stages = Array.from({ length: 40 }, (_, at) => llm(`s${at}`, `${at}{{ inputs.long }}{{ inputs.list }}`));
  const list = Array.from({ length: 10 }, () => long.slice(0, 10_000));
  const reads = await countReads(() => runWorkflow({ inputs: { long, list }, stages }, made));
  expect(reads).toBeLessThan(17_000_000);
  const chains = [...made.driver.stages.values()].map(({ stage }) => (stage.kind === "tool" ? [] : stage.chain));
  expect(new Set(chains.map(([prompt]) => prompt?.hash)).size).toBe(40);
  for (const [at, [prompt]] of chains.entries())
    expect(prompt?.tokens).toBe(
      Math.ceil(("<user>".length + `${at}`.length + 1_000_000 + JSON.stringify(list).length) / 4),
    );
});

test("large prompts are made a few at a time, so that others have their turn in between", async () => {
  let turns = 0;
  let over = false;
  const goRound = (): void => {
    turns += 1;
    if (!over) setImmediate(goRound);
  };
  goRound();
  const made = world(() => {
    madeAt.push(turns);
    return "x";
  });
  const madeAt: number[] = [];
  const inputs = { long: long.slice(0, 600_000) };
  const stages = [
    llm("map", "{{ inputs.long }} {{ index }}", { over: Array.from({ length: 16 }, () => 0) }),
    ...Array.from({ length: 8 }, (_, at) => llm(`s${at}`, "{{ inputs.long }}")),
  ];
  const { view } = await runWorkflow({ inputs, stages }, made);
  over = true;
  expect(view.status).toBe("succeeded");
  const perTurn = Map.groupBy(madeAt, (turn) => turn);
  expect(Math.max(...Array.from(perTurn.values(), ({ length }) => length))).toBeLessThanOrEqual(2);
});
