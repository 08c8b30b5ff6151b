import type { StageKey } from "../../model/workflow.ts";
import type { Law } from "../law.ts";
import { isOver } from "../rows.ts";

/** Nothing happens twice that may happen once: ends of stages, attempts, shares of a placement. */
export const onceOnly: Law = {
  name: "once-only",
  claim:
    "each stage ends, is skipped or is dropped once, attempts count up from 0 with every loss, and all records of an attempt carry its number",
  scope: "any",
  watch: ({ ledger, report }) => {
    const sameAttempt = (event: {
      readonly kind: string;
      readonly stage: StageKey;
      readonly attempt: number;
    }): void => {
      const row = ledger.stages.get(event.stage);
      if (row !== undefined && row.attempt !== event.attempt)
        report(`${event.kind} of ${event.stage} belongs to attempt ${event.attempt}, which should be ${row.attempt}`);
    };
    const once = (stage: StageKey, what: string): void => {
      const row = ledger.stages.get(stage);
      if (row !== undefined && isOver(row)) report(`${stage} ${what}, but it has been ${row.status}`);
    };
    return {
      "stage-place": sameAttempt,
      "stage-redirect": sameAttempt,
      "share-start": sameAttempt,
      "transfer-start": sameAttempt,
      "transfer-end": sameAttempt,
      "prefill-start": sameAttempt,
      "prefill-end": sameAttempt,
      "kv-transfer-start": sameAttempt,
      "kv-transfer-end": sameAttempt,
      "decode-start": sameAttempt,
      "decode-end": sameAttempt,
      "share-preempt": sameAttempt,
      "share-end": sameAttempt,
      "stage-lost": sameAttempt,
      "stage-drop": (event) => {
        sameAttempt(event);
        once(event.stage, "is dropped");
      },
      "stage-end": (event) => {
        sameAttempt(event);
        once(event.stage, "ends");
      },
      "stage-skip": ({ stage }) => once(stage, "is skipped"),
    };
  },
};
