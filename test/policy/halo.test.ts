import { expect, test } from "vitest";
import { cluster, dag } from "../support/build.ts";
import { enginesOf } from "../support/placements.ts";
import { runPlain } from "../support/run-plain.ts";

const warm = { resident: ["llama-3.1-8b"] };

/** Names that begin alike read the same document. */
const reading = (tokens: number) => (id: string) => ({
  prompt: [
    { kind: "text" as const, key: id.slice(0, 1), tokens },
    { kind: "own" as const, tokens: 100 },
  ],
});

test("halo runs stages that read the same document one after another", () => {
  const workflows = [dag("x1, y1, x2, y2", reading(2000))];
  const started = (policy: "halo" | "greedy-finish") =>
    runPlain({ policy, workflows, cluster: cluster("h100", warm) }).events.flatMap((event) =>
      event.kind === "share-start" ? [event.stage] : [],
    );
  expect(started("halo")).toEqual(["w/x1", "w/x2", "w/y1", "w/y2"]);
  expect(started("greedy-finish")).toEqual(["w/x1", "w/y1", "w/x2", "w/y2"]);
});

test("halo waits for the engine that reads a long document already, rather than have it read twice", () => {
  const first = dag("y", reading(30_000));
  const second = { ...dag("x1, x2", reading(60_000)), id: "x", arrivalUs: 1 };
  const options = { workflows: [first, second], cluster: cluster("h100 h100", warm) };
  expect(enginesOf(runPlain({ policy: "halo", ...options }))).toEqual({ y: [0], x1: [1], x2: [1] });
  expect(enginesOf(runPlain({ policy: "greedy-finish", ...options }))).toEqual({ y: [0], x1: [1], x2: [0] });
});

test("halo spreads the readers of a short document", () => {
  const options = { workflows: [dag("x1, x2", reading(500))], cluster: cluster("h100 h100", warm) };
  expect(enginesOf(runPlain({ policy: "halo", ...options }))).toEqual({ x1: [0], x2: [1] });
});
