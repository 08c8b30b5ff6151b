/**
 * What the demo's agents do: coding sessions with a planner, explorers and a coder on models of their own, answers from retrieved
 * passages, documents read side by side and summed up, and plain conversations. All of it is drawn by seed.
 */

import type { Segment, StageId, Workflow, Workload } from "../model/workflow.ts";
import { drawExponential, drawInteger, drawLogNormal, drawWeighted } from "../random/distributions.ts";
import { createRng, type Rng } from "../random/rng.ts";
import type { FamilyRequest } from "../trace/generate/family.ts";
import { createScript, drawMean, type Script } from "../trace/generate/script.ts";

export type DemoOptions = {
  /** Workflows come until they make so many calls together. */
  readonly calls: number;
  readonly seed: number;
};

const models = {
  large: "llama-3.1-70b-fp8",
  coder: "qwen2.5-32b",
  middle: "phi-4-14.7b",
  small: "llama-3.1-8b",
  embedder: "embed-1.2b",
} as const;

/** Assumed: what a small team's agents do in a few minutes. */
const kinds = [
  ["coding", 35],
  ["rag", 25],
  ["documents", 15],
  ["chat", 25],
] as const;
const meanGapUs = 9e6;
const lengthSigma = 0.5;

type Draft = { readonly script: Script; readonly rng: Rng; readonly seed: number; readonly id: string };

const writers: { readonly [kind in (typeof kinds)[number][0]]: (draft: Draft) => void } = {
  coding: writeCoding,
  rag: writeRag,
  documents: writeDocuments,
  chat: writeChat,
};

export function createDemoWorkload({ calls, seed }: DemoOptions): Workload {
  const arrivals = createRng(seed, "demo-arrival");
  const workflows: Workflow[] = [];
  let atUs = 0;
  for (let made = 0; made < calls;) {
    const index = workflows.length;
    const rng = createRng(seed, "demo").stream(`${index}`);
    const kind = drawWeighted(rng.stream("kind"), kinds);
    const request: FamilyRequest = {
      id: `${kind}-${index}`,
      seed,
      rng,
      arrivalUs: Math.round(atUs),
      error: 0.4,
      sharedShare: 0,
    };
    const script = createScript(request);
    writers[kind]({ script, rng, seed, id: request.id });
    const workflow = script.finish("online", kind);
    workflows.push(workflow);
    made += workflow.stages.filter((stage) => stage.kind !== "tool").length;
    atUs += drawExponential(arrivals, meanGapUs);
  }
  return { id: `demo-${calls}-seed-${seed}`, workflows };
}

/** A plan, explorers side by side, a coder whose context grows from test to test, a review, and the planner's last word. */
function writeCoding({ script, rng }: Draft): void {
  const lengths = rng.stream("lengths");
  const waits = rng.stream("tools");
  const words = (ownMean: number, outputMean: number) => ({
    ownTokens: drawMean(lengths, ownMean, lengthSigma),
    outputTokens: drawMean(lengths, outputMean, lengthSigma),
  });
  const repository: Segment = { kind: "text", key: `repository:${rng.stream("repository").below(3)}`, tokens: 1500 };
  const plan = script.call({
    id: "plan",
    model: models.large,
    parents: [],
    shared: [system("planner", 900), repository],
    ...words(300, 150),
  });
  const found = Array.from({ length: drawInteger(rng.stream("explorers"), 2, 3) }, (_, index): StageId => {
    const first = script.call({
      id: `explore-${index}-1`,
      model: models.small,
      parents: [plan],
      shared: [system("explorer", 600), repository, { kind: "output", stage: plan }],
      ...words(80, 80),
    });
    const read = script.tool(`read-${index}`, [first], drawLogNormal(waits, 0.6, 0.5));
    const looked = words(700, 120);
    return script.call({ id: `explore-${index}-2`, model: models.small, parents: [read], after: first, ...looked });
  });
  let last = script.call({
    id: "code-1",
    model: models.coder,
    parents: found,
    shared: [system("coder", 1100), repository, ...outputsOf([plan, ...found])],
    ...words(200, 320),
  });
  const rounds = drawInteger(rng.stream("rounds"), 2, 4);
  for (let round = 2; round <= rounds; round++) {
    const tested = script.tool(`test-${round}`, [last], drawLogNormal(waits, 2, 0.6));
    last = script.call({
      id: `code-${round}`,
      model: models.coder,
      parents: [tested],
      after: last,
      ...words(350, 200),
    });
  }
  const review = script.call({
    id: "review",
    model: models.middle,
    parents: [last],
    shared: [system("reviewer", 700), ...outputsOf([plan, last])],
    ...words(100, 150),
  });
  script.call({
    id: "conclude",
    model: models.large,
    parents: [review],
    after: plan,
    shared: outputsOf([last, review]),
    ...words(60, 120),
  });
}

/** A question is embedded, passages are found and judged one by one, and the answer is written from all of them. */
function writeRag({ script, rng, seed }: Draft): void {
  const lengths = rng.stream("lengths");
  const question = drawMean(lengths, 60, lengthSigma);
  const embedded = script.call({
    id: "embed",
    kind: "embed",
    model: models.embedder,
    parents: [],
    ownTokens: question,
  });
  const found = script.tool("search", [embedded], drawLogNormal(rng.stream("search"), 0.1, 0.5));
  const passages = drawPassages(rng.stream("passages"), seed);
  const judged = passages.map((passage, index) =>
    script.call({
      id: `judge-${index}`,
      model: models.small,
      parents: [found],
      shared: [system("judge", 400), passage],
      ownTokens: question,
      outputTokens: drawMean(lengths, 24, 0.4),
    }),
  );
  script.call({
    id: "answer",
    model: models.coder,
    parents: judged,
    shared: [system("answer", 800), ...passages, ...outputsOf(judged)],
    ownTokens: question,
    outputTokens: drawMean(lengths, 250, lengthSigma),
  });
}

/** Few passages are asked for often. */
function drawPassages(rng: Rng, seed: number): readonly Segment[] {
  const picked = new Set<number>();
  const count = drawInteger(rng, 3, 6);
  while (picked.size < count) picked.add(Math.floor(60 * rng.next() ** 2));
  return [...picked]
    .sort((left, right) => left - right)
    .map((passage) => {
      const tokens = drawMean(createRng(seed, "demo-passage").stream(`${passage}`), 500, 0.4);
      return { kind: "text", key: `passage:${passage}`, tokens };
    });
}

/** Each document is read by itself; one call sums up what was found. */
function writeDocuments({ script, rng }: Draft): void {
  const lengths = rng.stream("lengths");
  const model = drawWeighted(rng.stream("reader"), [
    [models.small, 50],
    [models.middle, 50],
  ]);
  const read = Array.from({ length: drawInteger(rng.stream("documents"), 4, 10) }, (_, index) =>
    script.call({
      id: `read-${index}`,
      model,
      parents: [],
      shared: [system("reader", 500)],
      ownTokens: drawMean(lengths, 1800, lengthSigma),
      outputTokens: drawMean(lengths, 140, 0.4),
    }),
  );
  script.call({
    id: "sum-up",
    model: models.large,
    parents: read,
    shared: [system("sum-up", 500), ...outputsOf(read)],
    ownTokens: 60,
    outputTokens: drawMean(lengths, 260, 0.4),
  });
}

/** A few turns on a growing context, with a person in between. */
function writeChat({ script, rng }: Draft): void {
  const lengths = rng.stream("lengths");
  const model = drawWeighted(rng.stream("model"), [
    [models.middle, 60],
    [models.large, 40],
  ]);
  let last: StageId | undefined;
  const turns = drawInteger(rng.stream("turns"), 2, 5);
  for (let turn = 1; turn <= turns; turn++) {
    const asked =
      last === undefined
        ? []
        : [script.tool(`think-${turn}`, [last], drawLogNormal(rng.stream(`think-${turn}`), 5, 0.5))];
    last = script.call({
      id: `turn-${turn}`,
      model,
      parents: asked,
      ...(last === undefined ? { shared: [system("chat", 600)] } : { after: last }),
      ownTokens: drawMean(lengths, 200, lengthSigma),
      outputTokens: drawMean(lengths, 220, lengthSigma),
    });
  }
}

function system(role: string, tokens: number): Segment {
  return { kind: "text", key: `system:${role}`, tokens };
}

function outputsOf(stages: readonly StageId[]): readonly Segment[] {
  return stages.map((stage) => ({ kind: "output", stage }));
}
