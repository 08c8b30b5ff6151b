/** Holds the shipped calibration against the measured rows, where they are at hand. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";

const data = fileURLToPath(new URL("../../../shared/data", import.meta.url));
const file = `${data}/aiconfigurator/measured_ttft_tpot_h100_vllm.csv.gz`;

test.skipIf(!existsSync(file))(
  "the shipped calibration meets the bar on the H100 rows (skipped without ../shared/data)",
  () => {
    const { overall, unmodelled } = calibrate({ data, check: file }).report;
    expect(unmodelled).toEqual([]);
    expect(overall.rows).toBe(138);
    expect(overall.perToken.median).toBeLessThan(0.05);
    expect(overall.perToken.p90).toBeLessThan(0.15);
    expect(overall.firstToken.median).toBeLessThan(0.15);
    expect(overall.firstToken.p90).toBeLessThan(0.4);
  },
);
