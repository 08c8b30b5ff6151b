/** Laws that every workflow out of a reader or generator obeys, and the directory of public data if it is there. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Segment, Workflow } from "../../src/model/workflow.ts";
import { readText } from "../../src/trace/read-text.ts";
import { validateWorkflow } from "../../src/trace/validate-workload.ts";
import { modelsById } from "../../src/trace/workload-file.ts";

const known = modelsById([]);

/** Acyclic, parents first, known models, prompts that repeat ancestors only, and whole numbers throughout. */
export function expectWhole(workflow: Workflow): void {
  expect(workflow.stages.length).toBeGreaterThan(0);
  expect(Number.isInteger(workflow.arrivalUs) && workflow.arrivalUs >= 0).toBe(true);
  // It comes back as the same object only if parents stood before children already.
  expect(validateWorkflow(workflow, known, { file: workflow.id, label: "" })).toBe(workflow);
  for (const stage of workflow.stages) {
    const numbers =
      stage.kind === "tool"
        ? [stage.actualUs, stage.estimateUs]
        : [stage.items - 1, ...Object.values(stage.output), ...stage.prompt.map(tokensNamed)];
    numbers.push(...stage.parents.map((parent) => parent.bytes));
    expect(
      numbers.every((value) => Number.isSafeInteger(value) && value >= 0),
      stage.id,
    ).toBe(true);
    if (stage.kind !== "tool") expect(stage.prompt.length, stage.id).toBeGreaterThan(0);
  }
}

function tokensNamed(segment: Segment): number {
  return segment.kind === "output" ? 0 : segment.tokens;
}

/** Per model stage: tokens of its prompt with the outputs as they turned out, and of its own output. */
export function lengthsOf(workflow: Workflow): readonly { prompt: number; perItem: number; output: number }[] {
  const written = new Map<string, number>();
  return workflow.stages.flatMap((stage) => {
    if (stage.kind === "tool") return [];
    written.set(stage.id, stage.output.actual);
    let prompt = 0;
    let own = 0;
    for (const segment of stage.prompt) {
      prompt += segment.kind === "output" ? (written.get(segment.stage) ?? 0) : segment.tokens;
      if (segment.kind === "own") own += segment.tokens;
    }
    const perItem = prompt - own + Math.ceil(own / stage.items);
    return [{ prompt, perItem, output: stage.output.actual }];
  });
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(part * (sorted.length - 1))] ?? NaN;
}

const data = "../shared/data";

/** Whether the public data can be read here. */
export const hasData = existsSync(join(data, "wfinstances"));

export function readData(...path: readonly string[]): string {
  return readText(join(data, ...path));
}
