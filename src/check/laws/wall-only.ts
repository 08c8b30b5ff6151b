import type { Law } from "../law.ts";

/** A simulated server does what it is told and says nothing of its own. */
export const wallOnly: Law = {
  name: "wall-only",
  claim:
    "drops, what is forgiven, drains, corrections, memories, prefixes that are gone or were cached before, failed loads, parents without a name and what a server does by itself are recorded on a wall clock only",
  scope: "any",
  watch: ({ header, report }) => {
    if (header.clock === "wall") return {};
    const never = ({ kind }: { readonly kind: string }): void => report(`${kind} in a simulated journal`);
    const neverSo = (event: { readonly kind: string; readonly cause: string }): void => {
      if (event.cause === "observed" || event.cause === "failed")
        report(`${event.kind} is ${event.cause} in a simulated journal`);
    };
    return {
      "stage-drop": never,
      "stage-forgive": never,
      "prefix-drop": never,
      "prefix-restore": never,
      "cost-correct": never,
      "policy-remember": never,
      "engine-drain": never,
      "model-evict": neverSo,
      "model-load-start": neverSo,
      "stage-reveal": ({ stage }) => {
        if (stage.unnamedParents !== undefined)
          report(`${stage.key} has parents without a name in a simulated journal`);
      },
      "stage-lost": ({ kind, reason, avoid }) => {
        if (reason === "engine-failed" || avoid !== undefined) never({ kind });
      },
    };
  },
};
