import { expect, test } from "vitest";
import { checkFit } from "../../src/experiment/fit.ts";
import { loadCell } from "../../src/experiment/load.ts";
import { families } from "../../src/trace/generate/families.ts";
import { fate } from "./support.ts";

function fits(family: string, cluster: string, model?: string): boolean {
  const { workload, models, ...loaded } = loadCell({
    workload: { kind: "generated", families: [family], count: 2, ...(model === undefined ? {} : { model }) },
    cluster,
    policy: "heft",
    seed: 1,
    faults: {},
    check: false,
  });
  try {
    checkFit(workload, models, loaded.cluster, cluster);
    return true;
  } catch {
    return false;
  }
}

test("fate families says which of them do not run on the usual cluster, and how they do", async () => {
  const { out } = await fate("families");
  const [, told = "", way = ""] = /\n\n(.*) call llama-3\.1-70b, .*\n(.*)\n$/.exec(out) ?? [];
  const large = told.split(/, | and /);
  expect(Object.keys(families).filter((name) => !fits(name, "hetero-8"))).toEqual(large);
  expect(way).toMatch(/--model llama-3\.1-8b .* --cluster a100-8/);
  for (const name of large)
    expect([fits(name, "hetero-8", "llama-3.1-8b"), fits(name, "a100-8")], name).toEqual([true, true]);
});
