import { chainHash, chainTokens } from "../../model/prefix.ts";
import type { VisibleStage } from "../../model/visible.ts";
import { stageKey } from "../../model/workflow.ts";
import type { Law } from "../law.ts";
import { isOver, type StageRow } from "../rows.ts";

/** Stages appear when they may be seen, in order, and what was revealed changes only by lengths that have become known. */
export const reveal: Law = {
  name: "reveal",
  claim:
    "a stage of a static workflow is revealed on arrival, one of an online workflow when its last parent ends or is skipped, on a wall clock at any time after that; ordinals count up from 0, on a wall clock with gaps, parents come first, and only lengths of ended outputs change later",
  scope: "any",
  watch: ({ header, ledger, report }) => {
    const wall = header.clock === "wall";
    let lastOrdinal = -1;
    return {
      "workflow-arrive": (event) => {
        if (ledger.workflows.has(event.workflow)) report(`workflow ${event.workflow} arrives again while it is open`);
      },
      "stage-reveal": ({ stage, atUs }) => {
        const { key } = stage;
        if (ledger.stages.has(key)) report(`${key} is revealed again`);
        if (key !== stageKey(stage.workflow, stage.id))
          report(`${key} is not the key of ${stage.id} in ${stage.workflow}`);
        if (wall ? stage.ordinal <= lastOrdinal : stage.ordinal !== ledger.revealed)
          report(
            `${key} has ordinal ${stage.ordinal}, expected ${wall ? `more than ${lastOrdinal}` : ledger.revealed}`,
          );
        lastOrdinal = stage.ordinal;
        const fault = findFault(stage);
        if (fault !== undefined) report(`${key} ${fault}`);
        const workflow = ledger.workflows.get(stage.workflow);
        if (workflow === undefined) return;
        if (workflow.arrive.reveal === "static") {
          if (!wall && atUs !== workflow.arrive.atUs)
            report(`${key} of a static workflow is revealed after the arrival`);
          return;
        }
        let dueUs = stage.parents.length === 0 ? workflow.arrive.atUs : 0;
        for (const { stage: parent } of stage.parents) {
          const row = ledger.stages.get(parent);
          if (row !== undefined && !isOver(row)) return report(`${key} is revealed before ${parent} has ended`);
          dueUs = Math.max(dueUs, row?.endUs ?? 0);
        }
        if (wall ? atUs < dueUs : atUs !== dueUs)
          report(`${key} is revealed at ${atUs} us, its last parent ended at ${dueUs} us`);
      },
      "stage-ready": ({ stage: key, chainTokens: tokens }) => {
        const row = ledger.stages.get(key);
        if (row === undefined) return;
        if (row.stage.kind === "tool") {
          if (tokens !== undefined) report(`${key} is a tool and has no prompt`);
          return;
        }
        const { chain } = row.stage;
        if (tokens !== undefined && tokens.length !== chain.length)
          return report(`${key} becomes ready with ${tokens.length} links, it was revealed with ${chain.length}`);
        for (const [index, { hash, tokens: estimate }] of chain.entries()) {
          const known = tokens?.[index] ?? estimate;
          const written = outputBehind(row, chain[index - 1]?.hash, hash, known !== estimate);
          if (!wall && known !== (written ?? estimate))
            report(`${key} becomes ready with ${known} tokens in link ${index}, expected ${written ?? estimate}`);
        }
      },
    };
  },
};

function findFault(stage: VisibleStage): string | undefined {
  if (stage.chance !== undefined && stage.chance >= 1)
    return `has a chance of ${stage.chance}, and should have none if it is certain to run`;
  if (stage.kind === "tool") return undefined;
  const { chain, sharedLinks, promptTokens, items } = stage;
  if (promptTokens !== chainTokens(chain)) return `has ${promptTokens} prompt tokens, its chain ${chainTokens(chain)}`;
  if (sharedLinks > chain.length) return `shares ${sharedLinks} links of ${chain.length}`;
  return items < 1 ? `has ${items} items` : undefined;
}

/** Tokens of the ended stage whose output this link repeats; looked for among parents, and in the whole workflow if `wide`. */
function outputBehind(row: StageRow, previous: number | undefined, hash: number, wide: boolean): number | undefined {
  for (const { stage } of row.stage.parents) {
    const parent = row.workflow.stages.get(stage);
    if (parent !== undefined && chainHash(previous, `output:${stage}`) === hash) return parent.outputTokens;
  }
  if (!wide) return undefined;
  for (const [key, other] of row.workflow.stages) {
    if (isOver(other) && chainHash(previous, `output:${key}`) === hash) return other.outputTokens;
  }
  return undefined;
}
