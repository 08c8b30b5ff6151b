/** Transfers between hosts, with and without waiting for one another. */

import { expect, test } from "vitest";
import type { Cluster } from "../../src/model/cluster.ts";
import type { ModelStage } from "../../src/model/workflow.ts";
import { cluster, dag, run } from "../support/build.ts";

/** Two outputs of a gigabyte each leave one host for another at the same instant. */
function transfers(contention: Partial<Cluster>): readonly { waitUs: number; durationUs: number }[] {
  const change = (id: string): Partial<ModelStage> =>
    id === "join"
      ? { parents: ["a", "b"].map((stage) => ({ stage, bytes: 1e9 })), allow: { engines: ["engine-1"] } }
      : { allow: { engines: ["engine-0"] } };
  const journal = run({ cluster: cluster("h100 h100", {}, contention), workflows: [dag("a, b -> join", change)] });
  return journal.events.flatMap((event) =>
    event.kind === "transfer-start" ? [{ waitUs: event.waitUs, durationUs: event.durationUs }] : [],
  );
}

test("one after another, unless said otherwise", () => {
  const serial = [
    { waitUs: 0, durationUs: 100_050 },
    { waitUs: 100_050, durationUs: 100_050 },
  ];
  expect(transfers({})).toEqual(serial);
  expect(transfers({ contention: "serial" })).toEqual(serial);
});

test("each as if alone, on links and through the store", () => {
  const alone = (durationUs: number) => [0, 0].map((waitUs) => ({ waitUs, durationUs }));
  expect(transfers({ contention: "none" })).toEqual(alone(100_050));
  const store = { bytesPerSecond: 1e9, latencyUs: 7 };
  expect(transfers({ contention: "none", links: [], store })).toEqual(alone(1_000_007));
});
