/** A plan, tools and readers side by side, and a synthesis. */

import type { Workflow } from "../../model/workflow.ts";
import { drawInteger, drawLogNormal } from "../../random/distributions.ts";
import type { Family, FamilyRequest } from "./family.ts";
import { agentModel, createScript, drawMean } from "./script.ts";

/** Assumed throughout: no trace of such agents is public with lengths. */
const branches = { least: 3, most: 12 };
const system = 600;
const plan = { input: 400, output: 220 };
const read = { input: 1800, output: 160 };
const synthesis = { input: 200, output: 500 };
const sigma = 0.6;
const toolSeconds = { median: 0.8, sigma: 0.7 };

export const mapred: Family = {
  summary: "a plan, 3 to 12 tools with a reader each, and a synthesis of all",
  model: agentModel,
  generate: generateMapred,
};

function generateMapred(request: FamilyRequest): Workflow {
  const { rng, model = agentModel } = request;
  const lengths = rng.stream("lengths");
  const waits = rng.stream("tools");
  const script = createScript(request);
  const lengthsOf = (kind: { input: number; output: number }): { ownTokens: number; outputTokens: number } => ({
    ownTokens: drawMean(lengths, kind.input, sigma),
    outputTokens: drawMean(lengths, kind.output, sigma),
  });
  const shared = [{ kind: "text", key: "system:mapred", tokens: system }] as const;
  const planned = script.call({ id: "plan", model, parents: [], shared, ...lengthsOf(plan) });
  const count = drawInteger(rng.stream("branches"), branches.least, branches.most);
  const readers: string[] = [];
  for (let branch = 0; branch < count; branch++) {
    const seconds = drawLogNormal(waits, toolSeconds.median, toolSeconds.sigma);
    const fetched = script.tool(`fetch-${branch}`, [planned], seconds);
    readers.push(script.call({ id: `read-${branch}`, model, parents: [fetched], after: planned, ...lengthsOf(read) }));
  }
  const texts = readers.map((stage) => ({ kind: "output", stage }) as const);
  script.call({ id: "synthesis", model, parents: readers, after: planned, shared: texts, ...lengthsOf(synthesis) });
  return script.finish("online", "mapred");
}
