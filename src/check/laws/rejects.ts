import type { EventOf, Law } from "../law.ts";
import type { Ledger } from "../ledger.ts";
import type { EngineRow } from "../rows.ts";
import { isLastOfRole } from "./roles.ts";

/** A decision is rejected for a reason that holds. */
export const rejects: Law = {
  name: "rejects",
  claim:
    "a rejected placement or redirection names its stage, another decision its model, a switch of roles neither; the engine is down, busy, switching, without the model or the last of its role, or the KV has set out, if the reason says so",
  scope: "any",
  watch: ({ ledger, report }) => ({
    "decision-reject": (event) => {
      const { decision, stage, model, reason } = event;
      const ofStage = decision === "place" || decision === "redirect";
      if ((stage !== undefined) !== ofStage) report(`a rejected ${decision} names stage ${stage}`);
      if ((model !== undefined) !== (!ofStage && decision !== "switch-role"))
        report(`a rejected ${decision} names model ${model}`);
      const engine = ledger.engine(event.engine);
      if (engine === undefined) return;
      if (!engine.up || engine.drained) {
        // A model that is not resident may be asked for on an engine that is down.
        if (reason !== "engine-down" && reason !== "not-resident")
          report(`a ${decision} is rejected as ${reason} by ${event.engine}, which is down`);
      } else if (!holds(ledger, engine, event))
        report(`a ${decision} is rejected as ${reason} by ${event.engine}, which is not so`);
    },
  }),
};

function holds(ledger: Ledger, engine: EngineRow, event: EventOf<"decision-reject">): boolean {
  const { decision, model, reason, stage = "" } = event;
  const { running, queue, loading, residents } = engine;
  switch (reason) {
    case "engine-down":
      return false;
    case "engine-busy":
      if (decision === "evict") return running.some((share) => share.stage.model === model);
      return decision === "prefetch" && running.length + queue.length + (loading === undefined ? 0 : 1) > 0;
    case "not-resident":
      return decision !== "prefetch" && residents.get(model ?? "")?.loading !== false;
    case "no-room":
      return decision === "prefetch";
    case "unreachable":
      return decision === "place";
    case "switching":
      if (decision === "evict" || decision === "retain") return false;
      return engine.switching !== undefined || engine.switched;
    case "too-late": {
      const prefills = ledger.stages.get(stage)?.place?.shares[0]?.engine;
      if (decision !== "redirect") return false;
      return (
        prefills === undefined ||
        prefills === event.engine ||
        ledger.engines.unsent({ stage, engine: prefills }) === undefined
      );
    }
    case "last-of-role":
      return decision === "switch-role" && isLastOfRole(ledger, engine);
  }
}
