/** How long stages wait for an engine, from what the journal of the one that plans says. */

import type { JournalEvent } from "../../model/event.ts";
import type { Report } from "./report.ts";

export type Waits = {
  readonly see: (event: JournalEvent) => void;
  /** Held against the bound now, by the clock of that journal. */
  readonly look: (nowUs: number) => void;
};

/** Invariant: stages stand in the order in which they began to wait. */
export function createWaits(report: Report, who: string, boundUs: number): Waits {
  /** Since when it waits; shares that run. */
  const open = new Map<string, { sinceUs: number; running: number }>();
  const wait = (stage: string, sinceUs: number): void => {
    open.delete(stage);
    open.set(stage, { sinceUs, running: 0 });
  };
  return {
    see: (event) => {
      switch (event.kind) {
        case "stage-ready":
          return wait(event.stage, event.atUs);
        case "share-start": {
          const stage = open.get(event.stage);
          if (stage !== undefined) stage.running += 1;
          return;
        }
        case "share-end": {
          const stage = open.get(event.stage);
          if (stage === undefined) return;
          stage.running -= 1;
          if (stage.running === 0) wait(event.stage, event.atUs);
          return;
        }
        case "stage-lost": {
          const stage = open.get(event.stage);
          if (stage !== undefined && stage.running > 0) wait(event.stage, event.atUs);
          return;
        }
        case "tool-start":
        case "stage-end":
        case "stage-drop":
        case "stage-skip":
          return void open.delete(event.stage);
        default:
      }
    },
    look: (nowUs) => {
      for (const [stage, { sinceUs, running }] of open) {
        if (nowUs - sinceUs <= boundUs) return;
        if (running === 0)
          report("bounded-wait", `on ${who} ${stage} has waited for ${Math.round((nowUs - sinceUs) / 1000)} ms`);
      }
    },
  };
}
