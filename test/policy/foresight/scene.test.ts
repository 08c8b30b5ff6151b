/** What plans are laid out on. */

import { expect, test } from "vitest";
import { lookOut } from "../../../src/policy/foresight/outlook.ts";
import { layScene } from "../../../src/policy/foresight/scene.ts";
import { foresightDefaults } from "../../../src/policy/foresight/settings.ts";
import { cluster, dag } from "../../support/build.ts";
import { lookOnce } from "../../support/look-once.ts";

test("what is remembered of a model that is gone, or still calls it, makes no other model wanted", () => {
  const workflows = [dag("a, b", (id) => ({ model: id === "a" ? "llama-3.1-8b" : "gone" }))];
  const scene = lookOnce({ workflows, cluster: cluster("h100") }, (view) =>
    layScene(view, lookOut(view, undefined), foresightDefaults, {
      parts: { gone: 0.9, "phi-4-14.7b": 0.1 },
      counted: [],
    }),
  );
  const wanted = [...scene.awayOf.entries()].filter(([, away]) => away < Infinity);
  expect(wanted).toEqual([[scene.fleet.modelNumber("phi-4-14.7b"), 11]]);
  expect(scene.beyond.map(({ key }) => key)).toEqual(["w/b"]);
});
