import { expect, test } from "vitest";
import type { CellSpec } from "../../src/experiment/cell.ts";
import { runCells } from "../../src/experiment/run-cells.ts";

test("a result that cannot be taken ends the run with the reason", async () => {
  const cell: CellSpec = {
    workload: { kind: "file", path: "examples/workload.yaml", format: "auto" },
    cluster: "examples/cluster.yaml",
    policy: "round-robin",
    seed: 1,
    faults: {},
    check: false,
  };
  const onResult = (): void => {
    throw new Error("the disk is full");
  };
  await expect(runCells([cell, cell], { workers: 1, onResult })).rejects.toThrow("the disk is full");
});
