import { expect, test } from "vitest";
import { createPicture, toCandidate } from "../../src/policy/picture.ts";
import { batched, cluster, dag, firstUs, run } from "../support/build.ts";

test("the projected end on an idle batched engine or pair is when the stage ends there", () => {
  const two = cluster("h100 h100", { batching: batched });
  const [first, second] = two.engines;
  const pair = {
    ...two,
    engines: [
      { ...first!, role: "prefill" as const },
      { ...second!, role: "decode" as const },
    ],
  };
  const short = dag("a", () => ({ prompt: [{ kind: "own", tokens: 2000 }] }));
  for (const machines of [two, pair]) {
    const resident = {
      ...machines,
      engines: machines.engines.map((engine) => ({ ...engine, resident: ["llama-3.1-8b"] })),
    };
    const expected: number[] = [];
    const journal = run({
      cluster: resident,
      workflows: [short],
      policy: {
        summary: "asks when it would end",
        plan: (view) => {
          const [stage] = view.ready;
          const decodeEngine = machines === pair ? view.cluster.at(1) : undefined;
          expected.push(toCandidate(createPicture(view), stage!, view.cluster.at(0), decodeEngine).endUs);
          const shares = [{ engine: "engine-0", items: 1 }];
          const handOver = decodeEngine === undefined ? {} : { decodeEngine: "engine-1" };
          return { decisions: [{ kind: "place", stage: stage!.key, shares, rank: 0, ...handOver }] };
        },
      },
    });
    expect(firstUs(journal, "stage-end", "w/a")).toBe(expected[0]);
  }
});
