/** What plans are laid out on. */

import { expect, test } from "vitest";
import type { Cluster } from "../../../src/model/cluster.ts";
import { noDemand } from "../../../src/policy/foresight/demand.ts";
import { lookOut } from "../../../src/policy/foresight/outlook.ts";
import { layScene } from "../../../src/policy/foresight/scene.ts";
import { foresightDefaults } from "../../../src/policy/foresight/settings.ts";
import type { View } from "../../../src/policy/policy.ts";
import { cluster, dag, runUnchecked } from "../../support/build.ts";
import { lookOnce } from "../../support/look-once.ts";

test("what is remembered of a model that is gone, or still calls it, makes no other model wanted", () => {
  const workflows = [dag("a, b", (id) => ({ model: id === "a" ? "llama-3.1-8b" : "gone" }))];
  const scene = lookOnce({ workflows, cluster: cluster("h100") }, (view) =>
    layScene(view, lookOut(view, undefined), foresightDefaults, {
      ...noDemand,
      parts: { gone: 0.9, "phi-4-14.7b": 0.1 },
    }),
  );
  const wanted = [...scene.awayOf.entries()].filter(([, away]) => away < Infinity);
  expect(wanted).toEqual([[scene.fleet.modelNumber("phi-4-14.7b"), 11]]);
  expect(scene.beyond.map(({ key }) => key)).toEqual(["w/b"]);
});

/** Of `plan -> draft`, the first on engine 0 and the second on one of these, when so many of them have been placed: who may take what. */
function ableOf(links: Cluster["links"], engines: readonly string[], when: "waiting" | "running" | "ended") {
  const flow = dag("plan -> draft", (id) => ({ allow: { engines: id === "plan" ? ["engine-0"] : engines } }));
  const later = { ...dag("a"), id: "later", arrivalUs: 1000 };
  let found: { readonly able: Record<string, readonly number[]>; readonly beyond: readonly string[] } | undefined;
  const plan = (view: View) => {
    const isNow = view.workflows.has("w/plan") && view.workflows.node("w/plan").status === when;
    if (isNow || (when === "waiting" && found === undefined)) {
      const { stages, able, beyond } = layScene(view, lookOut(view, undefined), foresightDefaults, noDemand);
      found = {
        able: Object.fromEntries(stages.map(({ key }, stage) => [key, able[stage]!])),
        beyond: beyond.map(({ key }) => key),
      };
    }
    const shares = [{ engine: "engine-0", items: 1 }];
    const ready = view.ready.filter(({ key }) => key === "w/plan");
    return { decisions: ready.map(({ key }) => ({ kind: "place" as const, stage: key, shares, rank: 0 })) };
  };
  const machines = cluster("h100 h100 h100", {}, { links });
  runUnchecked({ workflows: [flow, later], cluster: machines, policy: { summary: "a look", plan } });
  return found;
}

const toFirst = [{ from: "host-0", to: "host-1", bytesPerSecond: 1e9, latencyUs: 50 }];
const other = { "later/a": [0, 1, 2] };

test.for(["waiting", "running", "ended"] as const)(
  "a stage may go where its input has a way from where it is written, with the writer %s",
  (when) => {
    const rest = { ...(when === "waiting" ? { "w/plan": [0] } : other) };
    const found = ableOf(toFirst, ["engine-1", "engine-2"], when);
    expect(found).toEqual({ able: { ...rest, "w/draft": [1] }, beyond: [] });
    const beyond = when === "ended" ? ["w/draft"] : [];
    expect(ableOf(toFirst, ["engine-2"], when)).toEqual({ able: rest, beyond });
    const { links } = cluster("h100 h100 h100");
    expect(ableOf(links, ["engine-1", "engine-2"], when)?.able).toEqual({ ...rest, "w/draft": [1, 2] });
  },
);
