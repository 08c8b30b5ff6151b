/** Conversations: one call after another on a growing context. */

import type { Workflow } from "../../model/workflow.ts";
import type { Family, FamilyRequest } from "./family.ts";
import { agentModel, createScript, drawGeometric, drawMean } from "./script.ts";

/** ShareGPT as Autellix (arXiv 2502.13965) uses it: 256 tokens in and 277 out a call, on average. */
const inputMean = 256;
const outputMean = 277;
const sigma = 0.9;
/** Assumed: the trace's turns are not published with the means. */
const turns = { mean: 5, most: 30 };

export const chat: Family = {
  summary: "conversations of a few turns on a growing context (256 tokens in, 277 out a turn)",
  model: agentModel,
  generate: generateChat,
};

function generateChat(request: FamilyRequest): Workflow {
  const { rng, model = agentModel } = request;
  const lengths = rng.stream("lengths");
  const script = createScript(request);
  const count = drawGeometric(rng.stream("turns"), turns.mean, turns.most);
  let last: string | undefined;
  for (let turn = 0; turn < count; turn++) {
    last = script.call({
      id: `turn-${turn}`,
      model,
      parents: last === undefined ? [] : [last],
      ...(last === undefined ? {} : { after: last }),
      ownTokens: drawMean(lengths, inputMean, sigma),
      outputTokens: drawMean(lengths, outputMean, sigma),
    });
  }
  return script.finish("online", "chat");
}
