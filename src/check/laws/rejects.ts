import type { EventOf, Law } from "../law.ts";
import type { EngineRow } from "../rows.ts";

/** A decision is rejected for a reason that holds. */
export const rejects: Law = {
  name: "rejects",
  claim:
    "a rejected placement names its stage, another decision its model; the engine is down, busy, or without the model if the reason says so",
  scope: "any",
  watch: ({ ledger, report }) => ({
    "decision-reject": (event) => {
      const { decision, stage, model, reason } = event;
      if ((stage !== undefined) !== (decision === "place")) report(`a rejected ${decision} names stage ${stage}`);
      if ((model !== undefined) !== (decision !== "place")) report(`a rejected ${decision} names model ${model}`);
      const engine = ledger.engine(event.engine);
      if (engine === undefined) return;
      if (!engine.up || engine.drained) {
        // A model that is not resident may be asked for on an engine that is down.
        if (reason !== "engine-down" && reason !== "not-resident")
          report(`a ${decision} is rejected as ${reason} by ${event.engine}, which is down`);
      } else if (!holds(engine, event))
        report(`a ${decision} is rejected as ${reason} by ${event.engine}, which is not so`);
    },
  }),
};

function holds(engine: EngineRow, { decision, model, reason }: EventOf<"decision-reject">): boolean {
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
  }
}
