/** Draws declared workflows: chains, forks, maps over what another stage wrote, tools, conditions, and stages that may fail. */

import type { Rng } from "../random/rng.ts";

export const textModels = ["llama-3.1-8b", "phi-4-14.7b"] as const;
export const embedModel = "embed-1.2b";
const toolName = "lookup";

/** Of a stage whose id begins so, the answer is a list. */
export const listPrefix = "list";

type Stage = { readonly id: string; readonly [key: string]: unknown };

/** As a client writes it. */
export function drawWorkflow(rng: Rng, name: string): { readonly name: string; readonly stages: readonly Stage[] } {
  const stages: Stage[] = [];
  const count = 1 + rng.below(6);
  for (let index = 0; index < count; index++) stages.push(drawStage(rng, name, stages, index));
  return { name, stages };
}

function drawStage(rng: Rng, name: string, before: readonly Stage[], index: number): Stage {
  const [first, second] = [pick(rng, before), rng.below(3) === 0 ? pick(rng, before) : undefined];
  const after = [first, second].flatMap((parent) => (parent === undefined ? [] : [parent.id]));
  const rest = {
    after: [...new Set(after)],
    ...(rng.below(4) === 0 ? { retries: rng.below(4) } : {}),
    ...(rng.below(3) === 0 ? { onError: "skip" } : {}),
    ...(rng.below(6) === 0 ? { priority: rng.below(3) } : {}),
    ...(first !== undefined && rng.below(6) === 0
      ? { when: `stages.${first.id}.status == "${rng.below(3) === 0 ? "failed" : "ended"}"` }
      : {}),
  };
  const model = textModels[rng.below(textModels.length)];
  const list = before.findLast(({ id }) => id.startsWith(listPrefix));
  const kind = rng.below(8);
  if (list !== undefined && kind >= 6) {
    const over = `{{ stages.${list.id}.json }}`;
    return { id: `map${index}`, kind: "llm", model, over, prompt: "about {{ item }}", ...rest };
  }
  switch (kind) {
    case 0:
      return {
        id: `${listPrefix}${index}`,
        kind: "llm",
        model,
        prompt: `list things ${index}`,
        output: "json",
        ...rest,
      };
    case 1:
      return { id: `tool${index}`, kind: "tool", tool: toolName, query: { q: name }, expectMs: 100, ...rest };
    case 2:
      return { id: `embed${index}`, kind: "embed", model: embedModel, prompt: `embed this ${index}`, ...rest };
    default:
      return {
        id: `write${index}`,
        kind: "llm",
        model,
        prompt: `write ${"a lot ".repeat(rng.below(40))}about ${index}`,
        expectTokens: 20 + rng.below(200),
        ...rest,
      };
  }
}

function pick<T>(rng: Rng, list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[rng.below(list.length + 1)];
}
