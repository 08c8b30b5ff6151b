import type { Law } from "../law.ts";

/** At the end nothing is left over. */
export const accounted: Law = {
  name: "accounted",
  claim:
    "at the end every workflow that arrived has ended or was abandoned, and no engine has anything queued, running or loading",
  scope: "any",
  watch: ({ ledger, report }) => ({
    "workflow-abandon": ({ workflow }) => {
      for (const engine of ledger.engines) {
        for (const share of [...engine.queue, ...engine.running]) {
          if (share.row.workflow.id === workflow)
            report(
              `workflow ${workflow} is abandoned while ${share.row.stage.key} is ${share.step} on ${share.engine}`,
            );
        }
      }
    },
    end: () => {
      for (const id of ledger.workflows.keys()) report(`workflow ${id} neither ended nor was abandoned`);
      for (const engine of ledger.engines) {
        const { id } = engine.costs.engine;
        for (const share of engine.running) report(`${share.row.stage.key}#${share.share} still runs on ${id}`);
        for (const share of engine.queue) report(`${share.row.stage.key}#${share.share} is still queued on ${id}`);
        if (engine.loading !== undefined) report(`${id} still loads ${engine.loading}`);
      }
    },
  }),
};
