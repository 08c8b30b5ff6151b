/** `GET /fate/journal`: the journal of a running gateway as it comes, for the page and for whoever else looks on. */

import type { ServerResponse } from "node:http";
import type { LiveDriver } from "../live/create-driver.ts";
import { answerFault } from "./answer.ts";

/** So many may look on at once: each costs what is written to it. */
const mostViewers = 16;
/** One that lets more than this pile up is cut off. What is told first, which grows with the cluster, does not count. */
const mostBehindBytes = 16 * 1024 * 1024;

export type JournalStream = (response: ServerResponse) => void;

export function createJournalStream(watch: LiveDriver["watch"]): JournalStream {
  let viewers = 0;
  return (response) => {
    if (viewers >= mostViewers) {
      const message = `${mostViewers} look on already, and no more may.`;
      return answerFault(response, {
        status: 503,
        type: "server_error",
        code: "too_many_viewers",
        message,
        retryAfterS: 5,
      });
    }
    viewers += 1;
    response.writeHead(200, {
      "content-type": "application/x-ndjson; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    let allowedBytes = Infinity;
    const take = (lines: string): void => {
      response.write(lines);
      if (response.writableLength > allowedBytes) response.destroy();
    };
    const stop = watch(take, () => response.end());
    allowedBytes = response.writableLength + mostBehindBytes;
    response.once("close", () => {
      viewers -= 1;
      stop();
    });
  };
}
