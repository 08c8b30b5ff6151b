/** The workload file as shapes: what `schema/workload.schema.json` publishes and the parser accepts. */

import * as limits from "./limits.ts";
import {
  array,
  boolean,
  described,
  integer,
  number,
  object,
  oneOf,
  optional,
  tagged,
  text,
  withDefault,
  type Parsed,
} from "./shape.ts";

/** No control characters. */
export const idText = text({ max: 300, pattern: "^[^\\u0000-\\u001f\\u007f]+$" });
/** Nor a slash, which parts the workflow from the stage in a stage's key. */
const stageIdText = text({ max: 300, pattern: "^[^\\u0000-\\u001f\\u007f/]+$" });

const tokens = integer({ max: limits.maxTokens });
const bytes = integer({ max: limits.maxBytes });
const duration = integer({ max: limits.maxUs });
const count = integer({ min: 1, max: 1_000_000 });

const modelShape = object({
  id: idText,
  weightBytes: integer({ min: 1, max: limits.maxBytes }),
  activeParameters: number({ above: 0, max: 1e15 }),
  layers: count,
  hiddenSize: count,
  attentionHeads: count,
  headSize: count,
  kvBytesPerToken: integer({ max: 1e12 }),
  precision: oneOf("bf16", "fp8", "int4"),
  lookupBytes: optional(bytes),
  experts: optional(object({ count, perToken: count, weightBytes: bytes })),
});

const segment = tagged("kind", {
  text: { key: text({ max: 1000 }), tokens },
  output: { stage: stageIdText },
  own: { tokens },
});

const output = object({
  estimate: optional(described(tokens, "Expected length; the actual one if absent.")),
  actual: tokens,
  limit: optional(described(tokens, "The caller's cap; if absent 4096, or what actual and estimate need.")),
});

const allowed = object({
  engines: optional(array(idText, { max: limits.maxNames })),
  labels: optional(array(idText, { max: limits.maxNames })),
});

const branch = object({
  chance: described(number({ min: 0, max: 1 }), "How likely the stage is to run once its parents have ended."),
  runs: described(boolean(), "Whether it does, which no policy sees beforehand."),
});

const anyStage = {
  id: stageIdText,
  parents: withDefault(
    array(object({ stage: stageIdText, bytes: withDefault(bytes, 0) }), { max: limits.maxListEntries }),
    [],
  ),
  priority: withDefault(described(number({ min: -1e9, max: 1e9 }), "Larger is more urgent."), 0),
  branch: optional(described(branch, "The stage may turn out not to run; unless said, it runs if a parent did.")),
};
const modelStage = {
  ...anyStage,
  model: idText,
  prompt: array(segment, { max: limits.maxListEntries }),
  items: withDefault(integer({ min: 1, max: limits.maxItems }), 1),
  allow: optional(allowed),
};

const stageShape = tagged("kind", {
  llm: { ...modelStage, output },
  embed: { ...modelStage, output: optional(described(output, "All zero, if given at all.")) },
  tool: {
    ...anyStage,
    estimateUs: optional(described(duration, "The actual time if absent.")),
    actualUs: duration,
  },
});

export const workflowShape = object({
  id: idText,
  arrivalUs: withDefault(duration, 0),
  reveal: withDefault(oneOf("static", "online"), "static"),
  class: optional(idText),
  tenant: optional(idText),
  deadlineUs: optional(described(integer({ min: 1, max: limits.maxUs }), "Relative to arrival.")),
  sloScale: optional(described(number({ above: 0, max: 1e9 }), "Deadline as a multiple of the standalone latency.")),
  stages: array(stageShape, { min: 1, max: limits.maxStagesPerWorkflow }),
});

const header = {
  version: oneOf(1),
  id: idText,
  models: withDefault(
    described(
      array(modelShape, { max: limits.maxModels }),
      "Models that Fate does not know by name, or knows wrongly.",
    ),
    [],
  ),
};

/** The first line of a workload in lines. */
export const headerShape = object(header);
export const workloadShape = object({ ...header, workflows: array(workflowShape, { max: limits.maxWorkflows }) });

export type StageEntry = Parsed<typeof stageShape>;
export type WorkflowEntry = Parsed<typeof workflowShape>;
