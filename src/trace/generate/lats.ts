/** Tree search by language agents: rounds of expanding one node into several, each acted on and judged. */

import type { StageId, Workflow } from "../../model/workflow.ts";
import { drawInteger, drawLogNormal } from "../../random/distributions.ts";
import type { Family, FamilyRequest } from "./family.ts";
import { agentModel, createScript, drawMean, type Script } from "./script.ts";

/** LATS as Autellix (arXiv 2502.13965) uses it: 467 tokens in and 73 out a call, about 160 calls a program. */
const inputMean = 467;
const outputMean = 73;
const sigma = 0.6;
/** A round expands into five and judges each: ten calls, so sixteen rounds on average. */
const children = 5;
const rounds = { least: 12, most: 20 };
const deepest = 7;
const toolSeconds = { median: 0.3, sigma: 0.7 };
/** Choosing the next node is arithmetic. */
const selectSeconds = 0.002;

export const lats: Family = {
  summary: "tree search of about 160 calls, expanding and judging five thoughts at a time (467 tokens in, 73 out)",
  model: agentModel,
  generate: generateLats,
};

type Thought = { readonly call: StageId; readonly depth: number; readonly value: number };

function generateLats(request: FamilyRequest): Workflow {
  const { rng, model = agentModel } = request;
  const choices = rng.stream("choices");
  const script = createScript(request);
  const draws = createDraws(request);
  const open: Thought[] = [];
  const count = drawInteger(rng.stream("rounds"), rounds.least, rounds.most);
  let barrier: StageId | undefined;
  for (let round = 0; round < count; round++) {
    const chosen = pickBest(open);
    const judged: StageId[] = [];
    for (let child = 0; child < children; child++) {
      const name = `${round}.${child}`;
      const call = expand(script, name, model, barrier, chosen, draws);
      judged.push(judge(script, name, model, call, draws));
      open.push({ call, depth: (chosen?.depth ?? 0) + 1, value: choices.next() });
    }
    if (round < count - 1) barrier = script.tool(`select-${round}`, judged, selectSeconds);
  }
  return script.finish("online", "lats");
}

/** Takes the open thought of the highest value, of equal ones the oldest; one at the deepest level is never opened again. */
function pickBest(open: Thought[]): Thought | undefined {
  let best: number | undefined;
  for (const [index, thought] of open.entries())
    if (thought.depth < deepest && (best === undefined || thought.value > (open[best]?.value ?? 0))) best = index;
  return best === undefined ? undefined : open.splice(best, 1)[0];
}

type Draws = { readonly input: () => number; readonly output: () => number; readonly seconds: () => number };

function createDraws({ rng }: FamilyRequest): Draws {
  const lengths = rng.stream("lengths");
  const waits = rng.stream("tools");
  return {
    input: () => drawMean(lengths, inputMean, sigma),
    output: () => drawMean(lengths, outputMean, sigma),
    seconds: () => drawLogNormal(waits, toolSeconds.median, toolSeconds.sigma),
  };
}

function expand(
  script: Script,
  name: string,
  model: string,
  barrier: StageId | undefined,
  chosen: Thought | undefined,
  draws: Draws,
): StageId {
  return script.call({
    id: `think-${name}`,
    model,
    parents: barrier === undefined ? [] : [barrier],
    ...(chosen === undefined ? {} : { after: chosen.call }),
    ownTokens: draws.input(),
    outputTokens: draws.output(),
  });
}

function judge(script: Script, name: string, model: string, thought: StageId, draws: Draws): StageId {
  const acted = script.tool(`act-${name}`, [thought], draws.seconds());
  return script.call({
    id: `judge-${name}`,
    model,
    parents: [acted],
    after: thought,
    ownTokens: draws.input(),
    outputTokens: draws.output(),
  });
}
