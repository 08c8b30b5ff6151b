/** Agents that call one tool after another. */

import type { Workflow } from "../../model/workflow.ts";
import { drawLogNormal } from "../../random/distributions.ts";
import type { Family, FamilyRequest } from "./family.ts";
import { agentModel, createScript, drawGeometric, drawMean } from "./script.ts";

/** BFCL-v3 as Autellix (arXiv 2502.13965) uses it: 735 tokens in and 34 out a call, on average. */
const inputMean = 735;
const outputMean = 34;
const sigma = 0.6;
/** Assumed: definitions of tools, out of a few sets that workflows share, are part of what the first call brings. */
const definitions = { tokens: 400, sets: 8 };
const steps = { mean: 8, most: 24 };
const toolSeconds = { median: 0.4, sigma: 0.8 };

export const bfcl: Family = {
  summary: "agents that call one tool after another (735 tokens in, 34 out a call)",
  model: agentModel,
  generate: generateBfcl,
};

function generateBfcl(request: FamilyRequest): Workflow {
  const { rng, model = agentModel } = request;
  const lengths = rng.stream("lengths");
  const waits = rng.stream("tools");
  const script = createScript(request);
  const key = `tools:bfcl-${rng.stream("set").below(definitions.sets)}`;
  let last = script.call({
    id: "call-0",
    model,
    parents: [],
    shared: [{ kind: "text", key, tokens: definitions.tokens }],
    ownTokens: drawMean(lengths, inputMean - definitions.tokens, sigma),
    outputTokens: drawMean(lengths, outputMean, sigma),
  });
  const count = drawGeometric(rng.stream("steps"), steps.mean, steps.most);
  for (let step = 1; step < count; step++) {
    const seconds = drawLogNormal(waits, toolSeconds.median, toolSeconds.sigma);
    const result = script.tool(`tool-${step}`, [last], seconds);
    last = script.call({
      id: `call-${step}`,
      model,
      parents: [result],
      after: last,
      ownTokens: drawMean(lengths, inputMean, sigma),
      outputTokens: drawMean(lengths, outputMean, sigma),
    });
  }
  return script.finish("online", "bfcl");
}
