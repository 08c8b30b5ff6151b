/** What a workload is made of, for people. */

import { showCount, showDuration, showShare } from "../experiment/format.ts";
import { renderText } from "../experiment/table.ts";
import type { WorkloadDescription } from "../trace/describe.ts";

export function renderDescription(description: WorkloadDescription): string {
  const { id, workflows, online, stages, stagesByKind, stagesByModel } = description;
  const head = [
    `${id}: ${showCount(workflows)} workflows (${showCount(online)} revealed online), ${showCount(stages)} stages: ${showCount(stagesByKind.llm)} llm, ${showCount(stagesByKind.embed)} embed, ${showCount(stagesByKind.tool)} tool`,
    `arrivals from ${showDuration(description.firstArrivalUs)} to ${showDuration(description.lastArrivalUs)}`,
    `prompts ${showCount(description.totalPromptTokens)} tokens, of which ${showShare(description.shareablePromptShare)} in prefixes that an earlier prompt began with; outputs ${showCount(description.totalOutputTokens)} tokens`,
  ];
  const rows: [string, WorkloadDescription["depth"], (value: number) => string][] = [
    ["stages per workflow", description.stagesPerWorkflow, showCount],
    ["depth", description.depth, showCount],
    ["width", description.width, showCount],
    ["fan-out", description.fanOut, showCount],
    ["prompt tokens", description.promptTokens, showCount],
    ["output tokens", description.outputTokens, showCount],
    ["tool time", description.toolUs, showDuration],
  ];
  const sizes = renderText({
    columns: [
      { heading: "", align: "left" },
      ...["p50", "p90", "most"].map((heading) => ({ heading, align: "right" }) as const),
    ],
    rows: rows.map(([name, { p50, p90, max }, show]) => [name, show(p50), show(p90), show(max)]),
  });
  const models = renderText({
    columns: [
      { heading: "model", align: "left" },
      { heading: "stages", align: "right" },
    ],
    rows: stagesByModel.map((entry) => [entry.model, showCount(entry.stages)]),
  });
  return `${head.join("\n")}\n\n${sizes}\n${models}`;
}
