/** How `foresight` changes the roles of engines, and what comes of it. */

import { expect, test } from "vitest";
import type { JournalEvent } from "../../../src/model/event.ts";
import { createPairs } from "../../../src/policy/foresight/pairs/pairs.ts";
import { switchingPairs } from "../../../src/policy/foresight/pairs/settings.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { policies } from "../../../src/policy/policies.ts";
import { play, served } from "./pairs-runs.ts";

const switches = (events: readonly JournalEvent[]) =>
  events.flatMap((event) => (event.kind === "role-switch-start" ? [`${event.from}>${event.to}`] : []));

function meanEndUs(events: readonly JournalEvent[]): number {
  const ends = events.flatMap((event) => (event.kind === "workflow-end" ? [event.atUs] : []));
  return ends.reduce((sum, us) => sum + us, 0) / ends.length;
}

test("where KV memory keeps calls from being decoded, engines that prefill help, and all end sooner", () => {
  const crowded = play("foresight", "het3-kv", "mapred", 32, 12);
  expect(switches(crowded)).toContain("prefill>decode");
  expect(meanEndUs(crowded)).toBeLessThan(meanEndUs(play("hexagent", "het3-kv", "mapred", 32, 12)));
});

test("engines that decode help where prompts wait, but not if roles are to stay", () => {
  expect(switches(play("foresight", "het1", "bfcl", 110, 80))).toContain("decode>prefill");
  expect(switches(play("foresight-roles", "het1", "bfcl", 80, 60))).toEqual([]);
});

test("a driver whose engines keep their roles has the settings made for that, and not merely no changes", () => {
  const on = (policy: PolicyEntry) => play(served(policy), "het3-kv", "mapred", 60, 60);
  const { foresight, "foresight-roles": leaving } = policies;
  const merely = { ...foresight, plan: createPairs({ ...switchingPairs, roles: undefined }) };
  const events = on(foresight);
  expect(events).toEqual(on(leaving));
  expect(events).not.toEqual(on(merely));
});

test("one engine of four that are meant for prefill decodes too while little is new, the slowest, and all end sooner", () => {
  const switched = (events: readonly JournalEvent[]): readonly string[] =>
    events.flatMap((event) => (event.kind === "role-switch-start" ? [`${event.engine}>${event.to}`] : []));
  const chats = play("foresight", "qhom", "chat", 60, 6);
  expect(switched(chats)).toEqual([expect.stringMatching(/^prefill-h100-.>decode$/)]);
  expect(meanEndUs(chats)).toBeLessThan(meanEndUs(play("foresight-roles", "qhom", "chat", 60, 6)));
  const slow = play("foresight", "qhet", "bfcl", 60, 8);
  expect(switched(slow)).toEqual([expect.stringMatching(/^prefill-a100-.>decode$/)]);
  expect(switched(play("foresight", "qhom", "mapred", 24, 1.5))).toEqual([]);
});

test("none helps where calls wait that have time to", () => {
  const events = play("foresight", "het2", "mapred", 30, 5, 101);
  expect(switches(events)).toEqual([]);
  expect(meanEndUs(events)).toBeLessThan(meanEndUs(play("hexagent", "het2", "mapred", 30, 5, 101)));
});
