/** Static pipelines over documents: retrieval with an answer, and map-reduce. */

import type { Segment, StageId, Workflow } from "../../model/workflow.ts";
import { drawInteger, drawLogNormal } from "../../random/distributions.ts";
import { createRng, type Rng } from "../../random/rng.ts";
import type { Family, FamilyRequest } from "./family.ts";
import { createScript, drawMean } from "./script.ts";

/** Assumed: a corpus of passages, of which few are asked for often. */
const corpus = { passages: 200, exponent: 1.1, tokens: 500 };
const retrieved = { least: 3, most: 8 };
const documents = { least: 4, most: 24 };
const documentTokens = { median: 3000, sigma: 0.6, most: 12_000 };
const groupSize = 8;
const embedder = "embed-1.2b";
const small = "llama-3.1-8b";
const large = "qwen2.5-32b";

export const rag: Family = {
  summary: "embed, search, judge each passage on an 8B model, answer on a 32B one; popular passages recur",
  generate: generateRag,
};

export const mapReduce: Family = {
  summary: "4 to 24 documents read one by one on an 8B model, reduced in groups of eight on a 32B one",
  generate: generateMapReduce,
};

function generateRag(request: FamilyRequest): Workflow {
  const { rng, seed, model } = request;
  const lengths = rng.stream("lengths");
  const script = createScript(request);
  const question = drawMean(lengths, 60, 0.5);
  const embedded = script.call({ id: "embed", kind: "embed", model: embedder, parents: [], ownTokens: question });
  const found = script.tool("search", [embedded], drawLogNormal(rng.stream("search"), 0.05, 0.5));
  const passages = drawPassages(rng.stream("passages"), seed);
  const judged = passages.map((passage, index) =>
    script.call({
      id: `judge-${index}`,
      model: model ?? small,
      parents: [found],
      shared: [{ kind: "text", key: "system:rag-judge", tokens: 350 }, passage],
      ownTokens: question,
      outputTokens: drawMean(lengths, 20, 0.4),
    }),
  );
  script.call({
    id: "answer",
    model: model ?? large,
    parents: judged,
    shared: [{ kind: "text", key: "system:rag-answer", tokens: 700 }, ...passages, ...outputsOf(judged)],
    ownTokens: question,
    outputTokens: drawMean(lengths, 250, 0.5),
  });
  return script.finish("static", "rag");
}

/** Different passages by a power law of popularity, the most popular first: so prompts with the same ones begin alike. */
function drawPassages(rng: Rng, seed: number): readonly Segment[] {
  const count = drawInteger(rng, retrieved.least, retrieved.most);
  const picked = new Set<number>();
  for (let tries = 0; picked.size < count && tries < 1000; tries++)
    picked.add(Math.floor(corpus.passages * rng.next() ** (1 + corpus.exponent)));
  return [...picked]
    .sort((left, right) => left - right)
    .map((passage) => {
      const tokens = drawMean(createRng(seed, "passage").stream(`${passage}`), corpus.tokens, 0.4);
      return { kind: "text", key: `passage:${passage}`, tokens };
    });
}

function generateMapReduce(request: FamilyRequest): Workflow {
  const { rng, model } = request;
  const lengths = rng.stream("lengths");
  const script = createScript(request);
  const count = drawInteger(rng.stream("documents"), documents.least, documents.most);
  const summaries = Array.from({ length: count }, (_, index) =>
    script.call({
      id: `map-${index}`,
      model: model ?? small,
      parents: [],
      shared: [{ kind: "text", key: "system:map", tokens: 400 }],
      ownTokens: drawDocument(lengths),
      outputTokens: drawMean(lengths, 200, 0.4),
    }),
  );
  reduceAll(summaries, (id, parents) =>
    script.call({
      id,
      model: model ?? large,
      parents,
      shared: [{ kind: "text", key: "system:reduce", tokens: 400 }, ...outputsOf(parents)],
      ownTokens: 50,
      outputTokens: drawMean(lengths, 300, 0.4),
    }),
  );
  return script.finish("static", "map-reduce");
}

function drawDocument(rng: Rng): number {
  const { median, sigma, most } = documentTokens;
  return Math.min(most, Math.max(1, Math.round(drawLogNormal(rng, median, sigma))));
}

/** Groups of eight, and groups of their results, until one is left. */
function reduceAll(leaves: readonly StageId[], reduce: (id: StageId, parents: readonly StageId[]) => StageId): void {
  let level = leaves;
  for (let round = 0; round === 0 || level.length > 1; round++) {
    const results: StageId[] = [];
    for (let start = 0; start < level.length; start += groupSize)
      results.push(reduce(`reduce-${round}-${results.length}`, level.slice(start, start + groupSize)));
    level = results;
  }
}

function outputsOf(stages: readonly StageId[]): readonly Segment[] {
  return stages.map((stage) => ({ kind: "output", stage }));
}
