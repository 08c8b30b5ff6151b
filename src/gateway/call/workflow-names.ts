/** Names for workflows and stages that clients name: each has one reading, and no two workflows have the same. */

import type { StageId, WorkflowId } from "../../model/workflow.ts";

export type WorkflowNames = {
  /** `tenant/id`, and from the second time on `tenant/id#2` and so on. */
  readonly next: (tenant: string, id: string) => WorkflowId;
  /** For a workflow without an id: `tenant/#1` and so on. */
  readonly nextSingle: (tenant: string) => WorkflowId;
};

/**
 * Remembers how often each of the last `most` ids was used. An id that is not among them may have been forgotten: it goes on
 * where the most used forgotten one ended.
 */
export function createWorkflowNames(most: number): WorkflowNames {
  const uses = new Map<string, number>();
  let leastUses = 0;
  let singles = 0;
  return {
    next: (tenant, id) => {
      const name = `${escapeName(tenant)}/${id.replaceAll(/[%#]/g, encodeURIComponent)}`;
      const use = (uses.get(name) ?? leastUses) + 1;
      uses.delete(name);
      uses.set(name, use);
      if (uses.size > most) leastUses = Math.max(leastUses, forgetOldest(uses));
      return use === 1 ? name : `${name}#${use}`;
    },
    nextSingle: (tenant) => {
      singles += 1;
      return `${escapeName(tenant)}/#${singles}`;
    },
  };
}

function forgetOldest(uses: Map<string, number>): number {
  for (const [name, use] of uses) {
    uses.delete(name);
    return use;
  }
  return 0;
}

/** A stage's key is `tenant/id/stage`: without a slash in tenants and stages it has one reading. What follows a `#` is ours. */
export function escapeName(name: string): StageId {
  return name.replaceAll(/[%#/]/g, encodeURIComponent);
}
