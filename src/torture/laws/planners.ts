/** Who may plan: one gateway at a time, by a lease that holds, and nothing that an earlier one said is carried out later. */

import type { Lease } from "../../store/store.ts";
import type { Commit } from "../database.ts";
import type { Report } from "./report.ts";

export type Planners = ReturnType<typeof createPlanners>;

export function createPlanners(report: Report, plannerLease: string, nowUs: () => number) {
  const plannerOf = new Map<number, string>();
  let lease: { readonly holder: string; readonly epoch: number; readonly untilUs: number } | undefined;
  return {
    /** The lease as the store has it. */
    see: ({ verb, given, result }: Commit): void => {
      if (given[0] !== plannerLease) return;
      if (verb === "takeLease") {
        const { holder, epoch, leftMs } = result as Lease;
        lease = { holder, epoch, untilUs: nowUs() + leftMs * 1000 };
      } else if (verb === "renewLease" && result === true && lease !== undefined)
        lease = { ...lease, untilUs: nowUs() + (given[3] as number) * 1000 };
      else if (verb === "releaseLease" && lease !== undefined && lease.holder === given[1] && lease.epoch === given[2])
        lease = { ...lease, untilUs: nowUs() };
    },
    /** This gateway says that it plans in this epoch. */
    begin: (who: string, epoch: number): void => {
      const other = plannerOf.get(epoch);
      if (other !== undefined && other !== who)
        report("one-planner", `${who} plans in epoch ${epoch}, in which ${other} has planned`);
      plannerOf.set(epoch, who);
    },
    /** It has an engine do something. */
    act: (who: string): void => {
      if (lease === undefined || lease.holder !== who || lease.untilUs <= nowUs())
        report("one-planner", `${who} starts a share, while the lease is ${lease?.holder ?? "nobody"}'s`);
    },
    /** A gateway that knows of epoch `known` carries out what was decided in epoch `decided`. */
    carry: (who: string, decided: number, known: number): void => {
      if (decided < known)
        report("one-planner", `${who} carries out what was decided in epoch ${decided}, and knows of ${known}`);
    },
  };
}
