/**
 * Chains, fans and trees in which a set part of each prompt is shared, to show what prefix caches gain.
 * Prompt and output lengths are those of the tasks of LongBench (THUDM/LongBench: average length, output cap).
 */

import type { Segment, StageId, Workflow } from "../../model/workflow.ts";
import { drawInteger, drawLogNormal, drawOne } from "../../random/distributions.ts";
import type { Family, FamilyRequest } from "./family.ts";
import { drawRoles } from "./model-roles.ts";
import { createScript, type Script } from "./script.ts";

/** English and code tasks: average length in words, cap of the output in tokens. A word is taken for a token. */
const longTasks = [
  { length: 9151, output: 32 }, // HotpotQA
  { length: 4887, output: 32 }, // 2WikiMultihopQA
  { length: 11214, output: 32 }, // MuSiQue
  { length: 4559, output: 64 }, // MultiFieldQA-en
  { length: 18409, output: 128 }, // NarrativeQA
  { length: 3619, output: 128 }, // Qasper
  { length: 8734, output: 512 }, // GovReport
  { length: 10614, output: 512 }, // QMSum
  { length: 2113, output: 512 }, // MultiNews
  { length: 8209, output: 32 }, // TriviaQA
  { length: 6258, output: 128 }, // SAMSum
  { length: 5177, output: 64 }, // TREC
  { length: 1235, output: 64 }, // LCC
  { length: 4206, output: 64 }, // RepoBench-P
] as const;

const lengthSigma = 0.2;
const longestPrompt = 19_000;
const stagesInLine = { least: 4, most: 12 };
const branchesOfFan = { least: 4, most: 16 };
const branchesOfTree = { least: 2, most: 4 };
const leavesOfBranch = { least: 2, most: 4 };

export const chain: Family = {
  summary: "4 to 12 long-context stages in a row; sharedShare of each prompt is one document",
  generate: generateChain,
};

export const fan: Family = {
  summary:
    "4 to 16 long-context stages side by side and one that joins them; sharedShare of each prompt is one document",
  generate: generateFan,
};

export const tree: Family = {
  summary:
    "branches and leaves that share half of sharedShare with all and half within their branch, and one that joins",
  generate: generateTree,
};

type Ask = (
  id: StageId,
  parents: readonly StageId[],
  texts: readonly string[],
  more?: readonly Segment[],
  model?: string,
) => StageId;

function generateChain(request: FamilyRequest): Workflow {
  const { script, ask } = createAsking(request);
  const count = drawInteger(request.rng.stream("size"), stagesInLine.least, stagesInLine.most);
  let last: StageId | undefined;
  for (let index = 0; index < count; index++)
    last = ask(`step-${index}`, last === undefined ? [] : [last], ["document"], last === undefined ? [] : said(last));
  return script.finish("static", "chain");
}

function generateFan(request: FamilyRequest): Workflow {
  const { script, ask, join } = createAsking(request);
  const count = drawInteger(request.rng.stream("size"), branchesOfFan.least, branchesOfFan.most);
  const asked = Array.from({ length: count }, (_, index) => ask(`question-${index}`, [], ["document"]));
  join("join", asked);
  return script.finish("static", "fan");
}

function generateTree(request: FamilyRequest): Workflow {
  const { script, ask, join } = createAsking(request);
  const sizes = request.rng.stream("size");
  const leaves: StageId[] = [];
  const branches = drawInteger(sizes, branchesOfTree.least, branchesOfTree.most);
  for (let branch = 0; branch < branches; branch++) {
    const texts = ["document", `branch-${branch}`];
    const root = ask(`branch-${branch}`, [], texts);
    const count = drawInteger(sizes, leavesOfBranch.least, leavesOfBranch.most);
    for (let leaf = 0; leaf < count; leaf++) leaves.push(ask(`leaf-${branch}-${leaf}`, [root], texts, said(root)));
  }
  join("join", leaves);
  return script.finish("static", "tree");
}

/** Stages of one workflow do one task of the table, on one model; the one that joins has another. */
function createAsking(request: FamilyRequest): {
  readonly script: Script;
  readonly ask: Ask;
  readonly join: (id: StageId, parents: readonly StageId[]) => StageId;
} {
  const script = createScript(request);
  const task = drawOne(request.rng.stream("task"), longTasks);
  const lengths = request.rng.stream("lengths");
  const outputs = request.rng.stream("outputs");
  const roles = drawRoles(request, ["reader", "joiner"]);
  const promptTokens = Math.min(longestPrompt, Math.round(drawLogNormal(lengths, task.length, lengthSigma)));
  const sharedTokens = Math.round(promptTokens * request.sharedShare);
  const ask: Ask = (id, parents, texts, more = []) =>
    script.call({
      id,
      model: roles.reader,
      parents,
      shared: [...divide(request.id, texts, sharedTokens), ...more],
      ownTokens: Math.max(1, promptTokens - sharedTokens),
      outputTokens: drawLogNormal(outputs, task.output / 2, 0.4),
    });
  const join = (id: StageId, parents: readonly StageId[]): StageId =>
    script.call({
      id,
      model: roles.joiner,
      parents,
      shared: parents.flatMap(said),
      ownTokens: 300,
      outputTokens: drawLogNormal(outputs, 300, 0.4),
    });
  return { script, ask, join };
}

/** The shared tokens over the given texts, as evenly as whole tokens go. */
function divide(workflow: string, texts: readonly string[], tokens: number): readonly Segment[] {
  return texts.flatMap((name, index) => {
    const part = Math.floor((tokens * (index + 1)) / texts.length) - Math.floor((tokens * index) / texts.length);
    return part === 0 ? [] : [{ kind: "text" as const, key: `shared:${workflow}/${name}`, tokens: part }];
  });
}

function said(stage: StageId): readonly Segment[] {
  return [{ kind: "output", stage }];
}
