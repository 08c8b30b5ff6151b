/** A stage may name parents that were over before the journal's file, its follower or its cluster began: those are passed over. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { check, lawsOfAnyRun } from "../../../src/check/check.ts";
import { readJournal } from "../../../src/journal/read.ts";
import { engines, Live, Owner, stageOf } from "./world.ts";

/** One more call of a workflow, after these. */
function goOn(live: Live, id: string, ...parents: string[]): Owner {
  const owner = new Owner();
  live.driver.reveal(stageOf("w", { id, parents }));
  live.driver.ready(`w/${id}`, owner);
  live.pass(1000);
  owner.turn.firstToken();
  live.pass(1000);
  owner.turn.end({ outputTokens: 1 });
  return owner;
}

test("with another cluster a workflow goes on", async () => {
  await using live = new Live();
  live.driver.arrive({ workflow: "w", reveal: "online" });
  goOn(live, "a");
  await live.reshape(engines("h100 h100 h100"));
  expect(goOn(live, "b", "a").heard).toEqual([]);
  expect(goOn(live, "c", "a", "b").heard).toEqual([]);
  expect(live.of("stage-reveal").map(({ stage }) => stage.parents.map((parent) => parent.stage))).toEqual([
    [],
    [],
    ["w/b"],
  ]);
});

test("each file of the journal stands alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-late-"));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
    rmSync(folder, { recursive: true });
  });
  {
    await using live = new Live({ journal: { path: join(folder, "live.ndjson"), maxBytes: 1, keep: 100 } });
    live.driver.arrive({ workflow: "w", reveal: "online" });
    for (let call = 0; call < 60; call++) {
      goOn(live, `s${call}`, ...(call === 0 ? [] : [`s${call - 1}`]));
      vi.advanceTimersByTime(20);
    }
    live.driver.end("w");
  }
  const files = readdirSync(folder);
  expect(files.length).toBeGreaterThan(3);
  const before = lawsOfAnyRun.filter(({ name }) => name !== "accounted");
  for (const file of files) expect(check(await readJournal(join(folder, file)), before), file).toEqual([]);
});
