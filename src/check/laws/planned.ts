import type { Law } from "../law.ts";

/** What a policy causes stands behind its plan, at the same instant. */
export const planned: Law = {
  name: "planned",
  claim:
    "a plan counts the model stages that wait for a placement, and every placement, redirection, rejection, prefetch, retention, start of a role switch and eviction by policy follows a plan at its instant, no more of them than its decisions",
  scope: "any",
  watch: ({ ledger, report }) => {
    let atUs = -1;
    let left = 0;
    const spend = (event: { readonly kind: string; readonly atUs: number }): void => {
      if (event.atUs !== atUs || left === 0) report(`${event.kind} follows from no plan at ${event.atUs} us`);
      else left -= 1;
    };
    return {
      plan: (event) => {
        if (event.ready !== ledger.readyCount)
          report(`a plan counts ${event.ready} ready stages, there are ${ledger.readyCount}`);
        atUs = event.atUs;
        left = event.decisions;
      },
      "stage-place": spend,
      "stage-redirect": spend,
      "role-switch-start": spend,
      "decision-reject": spend,
      "prefix-retain": spend,
      "model-evict": (event) => {
        if (event.cause === "policy") spend(event);
      },
      "model-load-start": (event) => {
        if (event.cause === "prefetch") spend(event);
      },
    };
  },
};
