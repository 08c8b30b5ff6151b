/** What engines run at once, counted at the engines; that no share runs twice for one gateway; and that what is decoded was prefilled. */

import type { Turn } from "../../gateway/live/driver.ts";
import type { ModelServer, Serving } from "../model-server.ts";
import type { Report } from "./report.ts";

/**
 * Counts the calls of gateways that live, have not given the call up, and of which the one that plans now knows (`counts`): what a
 * killed gateway has left behind ends with its connection, and what is run for a gateway that was cut off is not in the books.
 */
export function createCapacity(report: Report, counts: (serving: Serving) => boolean) {
  return {
    begin: ({ engine, serving }: ModelServer, { by, turn }: Serving): void => {
      let running = 0;
      for (const call of serving) {
        if (!call.by.alive || call.signal.aborted) continue;
        if (counts(call)) running += 1;
        const isSame = call.by === by && call.turn.stage.key === turn.stage.key && call.turn.share === turn.share;
        if (isSame && call.turn !== turn) report("capacity", `${turn.stage.key} runs twice for ${by.name}`);
      }
      const most = engine.batching.maxSequences;
      if (running > most) report("capacity", `${engine.id} runs ${running} calls, and takes ${most}`);
    },
    handOff: (turn: Turn, handOff: unknown): void => {
      if (typeof handOff !== "object" || handOff === null)
        report("hand-off", `${turn.stage.key} is decoded on ${turn.engine} without a hand-off`);
    },
  };
}
