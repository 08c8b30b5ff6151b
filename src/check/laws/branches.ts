import type { Law } from "../law.ts";

/** A stage is skipped only where that was to be expected, and always where nothing leads to it. */
export const branches: Law = {
  name: "branches",
  claim:
    "a stage is skipped instead of becoming ready, at the instant at which its last parent ended or was skipped (or later, on a wall clock); it was revealed with a chance below 1, or all its parents were skipped, and then it is skipped in any case; what came of parents that are not named cannot be seen",
  scope: "any",
  watch: ({ header, ledger, report }) => ({
    "stage-ready": ({ stage }) => {
      const row = ledger.stages.get(stage);
      if (row === undefined || row.stage.parents.length === 0 || row.parentRan !== "no") return;
      if (row.parentsOpen === 0) report(`${stage} becomes ready, but all its parents were skipped`);
    },
    "stage-skip": ({ stage, atUs }) => {
      const row = ledger.stages.get(stage);
      if (row === undefined) return;
      if (row.status !== "waiting") report(`${stage} is skipped, but it is ${row.status}`);
      if (row.parentsOpen > 0) report(`${stage} is skipped while ${row.parentsOpen} of its parents are not over`);
      else if (header.clock === "wall" ? atUs < row.parentsEndUs : atUs !== row.parentsEndUs)
        report(`${stage} is skipped at ${atUs} us, its last parent was over at ${row.parentsEndUs} us`);
      const isRoot = row.stage.parents.length === 0 && row.parentRan === "no";
      const mustRun = row.stage.chance === undefined && (isRoot || row.parentRan === "yes");
      if (mustRun) report(`${stage} is skipped, but it was to run in any case`);
    },
  }),
};
