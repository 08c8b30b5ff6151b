import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createDemoConfig } from "../../src/demo/config.ts";
import { runReplay } from "../../src/demo/run-replay.ts";
import { renderVerdict, toStanding, toTable, type Standing } from "../../src/demo/standing.ts";
import { createDemoWorkload } from "../../src/demo/workload.ts";
import { renderText } from "../../src/experiment/table.ts";
import { measure } from "../../src/measure/measure.ts";
import { readJournal } from "../../src/journal/read.ts";

test("the workload follows from its seed, and one more call never changes those before", () => {
  const short = createDemoWorkload({ calls: 40, seed: 3 });
  expect(createDemoWorkload({ calls: 40, seed: 3 })).toEqual(short);
  expect(createDemoWorkload({ calls: 80, seed: 3 }).workflows.slice(0, short.workflows.length)).toEqual(
    short.workflows,
  );
  expect(createDemoWorkload({ calls: 40, seed: 4 }).workflows).not.toEqual(short.workflows);
});

test("over a few workflows all kinds of agents come, and all five models", () => {
  const { workflows } = createDemoWorkload({ calls: 300, seed: 1 });
  expect(new Set(workflows.map((workflow) => workflow.class))).toEqual(new Set(["coding", "rag", "documents", "chat"]));
  const models = new Set(
    workflows.flatMap(({ stages }) => stages.flatMap((each) => (each.kind === "tool" ? [] : each.model))),
  );
  expect(models.size).toBe(5);
});

test("a run's figures are those of its journal, and every law holds", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-test-"));
  try {
    const journal = join(folder, "run.ndjson");
    const workload = createDemoWorkload({ calls: 25, seed: 2 });
    const speed = 400;
    const config = createDemoConfig({ policy: "round-robin", seed: 1, speed, journal });
    const shown: number[] = [];
    const outcome = await runReplay(
      { config, workload, speed },
      { signal: new AbortController().signal, onProgress: ({ figures }) => shown.push(figures.answered) },
    );
    const calls = workload.workflows.flatMap(({ stages }) => stages).filter(({ kind }) => kind !== "tool").length;
    expect(outcome.failures).toEqual([]);
    expect(outcome.violations).toEqual([]);
    expect(outcome.figures.answered).toBe(calls);
    expect(outcome.figures.waitsUs).toHaveLength(calls);
    expect(outcome.figures.waiting).toBe(0);
    expect(shown.at(-1)).toBe(calls);
    const measured = measure(await readJournal(journal));
    const { promptTokens, cachedTokens, recomputedTokens, loads } = outcome.figures;
    expect({ promptTokens, cachedTokens, recomputedTokens, loads }).toEqual({
      promptTokens: measured.promptTokens,
      cachedTokens: measured.cachedTokens,
      recomputedTokens: measured.recomputedTokens,
      loads: measured.loads,
    });
    expect(outcome.figures.loadUs).toBe(measured.engines.reduce((sum, { loadUs }) => sum + loadUs, 0) * speed);
    expect(
      toStanding(
        "round-robin",
        workload.workflows.length,
        outcome.figures,
        workload.workflows.map(({ id }) => id),
      ),
    ).toMatchObject({
      ended: workload.workflows.length,
      waiting: 0,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the table and the verdict say what there is, and nothing of what has not ended", () => {
  const base: Standing = {
    policy: "round-robin",
    workflows: 4,
    ended: 4,
    meanUs: 40e6,
    p95Us: 80e6,
    spanUs: 100e6,
    loads: 10,
    loadUs: 60e6,
    recomputedTokens: 2000,
    waiting: 0,
    longestWaitUs: 0,
  };
  const better = {
    ...base,
    policy: "fate",
    ended: 0,
    meanUs: 10e6,
    p95Us: 40e6,
    loadUs: 30e6,
    recomputedTokens: 0,
    waiting: 3,
  };
  expect(renderText(toTable([base, better]))).toBe(
    [
      "policy       workflows done  mean time  P95 time  model loads  lost to them  tokens recomputed  calls waiting",
      "round-robin          4 of 4     40.0 s    80.0 s           10        60.0 s             2.00 k              0",
      "fate                 0 of 4                                10        30.0 s                  0              3",
      "",
    ].join("\n"),
  );
  expect(renderVerdict([base, { ...better, ended: 4 }])).toBe(
    "Under fate a workflow takes 25% of its time under round-robin (P95 50%), with 50% of the time lost to model loads and 0% of the tokens recomputed.",
  );
  expect(renderVerdict([base])).toBe("");
});
