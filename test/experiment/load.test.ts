import { expect, test } from "vitest";
import type { CellSpec, ClusterChange } from "../../src/experiment/cell.ts";
import { loadCell } from "../../src/experiment/load.ts";

const spec = (change: ClusterChange): CellSpec => ({
  workload: { kind: "generated", families: ["chain"], count: 2, oneAtATime: true },
  cluster: "hetero-8",
  change,
  policy: "round-robin",
  seed: 1,
  faults: {},
  check: false,
});

test("a cell's changes apply to its cluster, and to nothing else", () => {
  const usual = loadCell(spec({}));
  const changed = loadCell(spec({ batched: 8, load: 0.5, links: 2, contention: "none" }));
  expect(changed.workload).toEqual(usual.workload);
  expect(changed.workload.oneAtATime).toBe(true);
  expect(changed.cluster.engines.map(({ batching }) => [batching.kind, batching.maxSequences])).toEqual(
    usual.cluster.engines.map(() => ["batched", 8]),
  );
  const speeds = ({ cluster }: typeof usual): readonly (number | undefined)[] => [
    cluster.hosts[0]?.loadBytesPerSecond,
    cluster.links[0]?.bytesPerSecond,
  ];
  expect(speeds(usual)).toEqual([12e9, 10e9]);
  expect(speeds(changed)).toEqual([6e9, 20e9]);
  expect([usual.cluster.contention, changed.cluster.contention]).toEqual([undefined, "none"]);
});
