/** A call as a stage of its workflow: how much it asks of an engine, as far as that can be told ahead. */

import type { CallShape, Surface } from "../call/call.ts";
import type { Placement } from "../call/sessions.ts";
import type { NewStage } from "../live/driver.ts";
import type { CalledModel } from "./catalogue.ts";

export function toStage(
  { workflow, stage, parents }: Placement,
  surface: Surface,
  model: CalledModel,
  shape: CallShape,
  priority: number,
): NewStage {
  const embeds = surface === "embeddings";
  const { chain, promptTokens, lastTokens, sequences } = shape;
  const room = Math.max(1, Math.min(model.contextTokens, model.mostKvTokens) - promptTokens);
  const asked = shape.limitTokens ?? Math.max(1, Math.round(model.expectedTokens) * 2);
  const limitTokens = embeds ? 0 : Math.min(room, asked * sequences);
  const expected = Math.max(1, Math.round((shape.expectedTokens ?? model.expectedTokens) * sequences));
  return {
    key: `${workflow}/${stage}`,
    workflow,
    id: stage,
    parents: parents.map((parent) => ({ stage: `${workflow}/${parent.stage}`, bytes: parent.bytes })),
    priority,
    kind: embeds ? "embed" : "llm",
    model: model.id,
    chain,
    sharedLinks: chain.length,
    lastTokens,
    promptTokens,
    outputTokens: embeds ? 0 : Math.min(limitTokens, expected),
    limitTokens,
    items: 1,
  };
}
