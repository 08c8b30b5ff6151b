import type { Law } from "../law.ts";

/** Time never runs backwards, and positions count up by one from 1. */
export const timeOrder: Law = {
  name: "time-order",
  claim: "`atUs` never decreases, and `sequence` is 1, 2, 3 and so on, or counts from the header's `firstSequence`",
  scope: "any",
  watch: ({ header, report }) => {
    let lastUs = 0;
    let last = (header.firstSequence ?? 1) - 1;
    return {
      any: ({ atUs, sequence }) => {
        if (atUs < lastUs) report(`happens at ${atUs} us, after a record at ${lastUs} us`);
        if (sequence !== last + 1) report(`has sequence ${sequence} after ${last}`);
        lastUs = atUs;
        last = sequence;
      },
    };
  },
};
