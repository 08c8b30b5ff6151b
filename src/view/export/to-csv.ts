/** Tables for spreadsheets: one of the spans of the engines, one of the stages, one of the workflows. */

import type { EngineId } from "../../model/cluster.ts";
import type { Span } from "../scene/span.ts";
import { lastParent, type Outlook } from "../scene/outlook.ts";
import type { Scene } from "../scene/scene.ts";
import type { StageStory, WorkflowStory } from "../scene/stories.ts";
import { pieceKinds, toPieces, type Piece } from "../scene/waits.ts";

type Cell = string | number | undefined;
/** Times that have not come are left out. */
type Columns<Row> = Readonly<Record<string, (row: Row) => Cell>>;

type SpanRow = { readonly engine: EngineId; readonly lane: number; readonly span: Span };

const spanColumns: Columns<SpanRow> = {
  engine: ({ engine }) => engine,
  lane: ({ lane }) => lane,
  activity: ({ span }) => span.activity,
  start_us: ({ span }) => span.startUs,
  end_us: ({ span }) => span.endUs,
  stage: ({ span }) => span.stage,
  share: ({ span }) => span.share,
  attempt: ({ span }) => span.attempt,
  model: ({ span }) => span.model,
};

export function spansToCsv({ lanes }: Scene): string {
  const rows = lanes.engines.flatMap(({ engine, lanes: of }) =>
    of.flatMap((spans, lane) => spans.map((span): SpanRow => ({ engine, lane, span }))),
  );
  return toCsv(spanColumns, rows);
}

type StageRow = { readonly story: StageStory; readonly pieces: readonly Piece[] };

const stageColumns: Columns<StageRow> = {
  workflow: ({ story }) => story.workflow.id,
  stage: ({ story }) => story.stage.id,
  kind: ({ story }) => story.stage.kind,
  model: ({ story: { stage } }) => (stage.kind === "tool" ? undefined : stage.model),
  outcome: ({ story }) => story.outcome,
  attempt: ({ story }) => story.attempt,
  engines: ({ story }) => story.shares.map(({ engine }) => engine).join(" "),
  reveal_us: ({ story }) => story.revealUs,
  ready_us: ({ story }) => story.readyUs,
  placed_us: ({ story }) => story.placedUs,
  start_us: ({ story }) => story.startUs,
  end_us: ({ story }) => story.endUs,
  prompt_tokens: ({ story }) => story.shares.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
  cached_tokens: ({ story }) => story.shares.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0),
  output_tokens: ({ story }) => story.outputTokens,
  ...Object.fromEntries(pieceKinds.map((kind) => [`${kind}_us`, ({ pieces }: StageRow) => sumOf(pieces, kind)])),
};

export function stagesToCsv({ stories, lanes, lastUs }: Scene): string {
  const rows = [...stories.workflows.values()].flatMap((workflow) =>
    [...workflow.stages.values()].map((story): StageRow => {
      const parent = lastParent(story)?.stage.id;
      return { story, pieces: toPieces(story, lastUs, lanes, parent) };
    }),
  );
  return toCsv(stageColumns, rows);
}

function sumOf(pieces: readonly Piece[], kind: Piece["what"]): number {
  return pieces.reduce((sum, { what, fromUs, toUs }) => (what === kind ? sum + toUs - fromUs : sum), 0);
}

type WorkflowRow = { readonly workflow: WorkflowStory; readonly outlook: Outlook };

const workflowColumns: Columns<WorkflowRow> = {
  workflow: ({ workflow }) => workflow.id,
  class: ({ workflow }) => workflow.arrive.class,
  tenant: ({ workflow }) => workflow.arrive.tenant,
  outcome: ({ workflow }) => workflow.outcome,
  arrive_us: ({ workflow }) => workflow.arrive.atUs,
  end_us: ({ workflow }) => workflow.endUs,
  latency_us: ({ workflow }) => workflow.endUs - workflow.arrive.atUs,
  deadline_us: ({ outlook: { deadlineUs } }) => (deadlineUs === undefined ? undefined : Math.round(deadlineUs)),
  stages: ({ outlook }) => outlook.stages,
  done: ({ outlook }) => outlook.done,
  risk: ({ outlook }) => outlook.risk,
  stretch: ({ outlook }) => Number(outlook.stretch.toFixed(4)),
};

export function workflowsToCsv({ stories, outlooks, lastUs }: Scene): string {
  const rows = Array.from(stories.workflows.values(), (workflow) => ({
    workflow,
    outlook: outlooks.of(workflow, lastUs),
  }));
  return toCsv(workflowColumns, rows);
}

function toCsv<Row>(columns: Columns<Row>, rows: readonly Row[]): string {
  const of = Object.values(columns);
  const lines = rows.map((row) => of.map((column) => toCell(column(row))).join(","));
  return [Object.keys(columns).join(","), ...lines, ""].join("\r\n");
}

/** A text that a spreadsheet would take for a formula begins with an apostrophe instead. */
function toCell(cell: Cell): string {
  if (cell === undefined || cell === Infinity) return "";
  if (typeof cell === "number") return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
