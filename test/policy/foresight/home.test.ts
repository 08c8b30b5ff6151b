/** Plans where loads take minutes, and what is loaded greedily turns engines away from what is called next. */

import { expect, test } from "vitest";
import { foresightPolicies } from "../../../src/policy/foresight/ablations.ts";
import { gigabytes } from "../../../src/model/units.ts";
import { batched, cluster, dag, run } from "../../support/build.ts";

const embedder = "embed-1.2b";
const large = "qwen2.5-32b";

test("stages that may go to few engines only share one load, and another engine keeps what all call next", () => {
  const machines = cluster("h200 h200 h200", { host: "host", batching: { ...batched, maxSequences: 32 } });
  const [host] = machines.hosts;
  const workflows = Array.from({ length: 18 }, (_, index) =>
    dag(
      "question -> judge, check, weigh -> answer",
      (id) =>
        id === "question"
          ? {
              kind: "embed",
              model: embedder,
              allow: { engines: index % 3 === 0 ? ["engine-0"] : ["engine-0", "engine-2"] },
            }
          : { model: large },
      { id: `w${index}` },
    ),
  );
  const { events } = run({
    policy: foresightPolicies.foresight,
    cluster: {
      ...machines,
      hosts: [{ ...host!, loadBytesPerSecond: gigabytes(0.3), loadLatencyUs: 5_000_000 }],
      engines: machines.engines.map((engine, index) => ({ ...engine, resident: [index === 1 ? embedder : large] })),
    },
    workflows,
  });
  const evicted = events.flatMap((event) =>
    event.kind === "model-evict" && event.model === large ? [event.engine] : [],
  );
  expect(evicted).toEqual(["engine-0"]);
});
