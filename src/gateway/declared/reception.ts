/** Takes submissions in: what is turned away, what was taken in before, and what is written down and begun. */

import { StoreFault, type RunRow, type Store } from "../../store/store.ts";
import type { CallFault } from "../call/call.ts";
import type { Tenants } from "../call/tenants.ts";
import type { Driver } from "../live/driver.ts";
import { newRecord, type DeclaredRun, type RunId } from "./declared-run.ts";
import type { DeclaredWorkflow } from "./declared.ts";
import type { Doubts } from "./doubts.ts";
import type { Ownership } from "./ownership.ts";
import type { Patience } from "./patience.ts";
import { toRow } from "./stored-run.ts";

export type Submission = {
  readonly workflow: DeclaredWorkflow;
  /** As it was submitted, its inputs filled in. JSON. */
  readonly definition: string;
  readonly tenant: string;
  readonly key: string | undefined;
  readonly bodyHash: string;
};

export type Submitted =
  | { readonly kind: "created" | "known"; readonly run: DeclaredRun }
  /** `key-reused`: the key came with another workflow before. `away`: nothing can be written down now. */
  | { readonly kind: "key-reused" | "too-many" | "closing" | "away" }
  | { readonly kind: "limited"; readonly fault: CallFault };

type TurnedAway = Exclude<Submitted, { readonly run: unknown }>;

export type Reception = {
  /** Rejects with a StoreFault if it is not known whether it was taken in: then its client may ask again. */
  readonly submit: (submission: Submission) => Promise<Submitted>;
  /** How many are being taken in. */
  readonly opening: () => number;
};

export type ReceptionHost = {
  readonly store: Pick<Store, "createRun" | "findRun">;
  readonly driver: Pick<Driver, "nowUs">;
  readonly ownership: Ownership;
  readonly doubts: Doubts;
  readonly patience: Patience;
  readonly tenants?: () => Tenants;
  readonly nowMs: () => number;
  readonly createId: () => RunId;
  /** How many more runs there may be. */
  readonly room: () => number;
  readonly isClosed: () => boolean;
  readonly find: (tenant: string, id: RunId) => Promise<DeclaredRun | undefined>;
  /** Begins a run that is written down; returns it as it is then. `release` is called when it is over. */
  readonly carry: (row: RunRow, run: DeclaredRun, release: () => void) => DeclaredRun;
};

export function createReception(host: ReceptionHost): Reception {
  let opening = 0;
  const takeIn = async (submission: Submission): Promise<Submitted> => {
    const { tenant } = submission;
    const tenants = host.tenants?.();
    const release = (): void => tenants?.release(tenant);
    const run = toRun(submission, host);
    let begun = false;
    opening += 1;
    try {
      const row = toRow(run, submission.definition);
      const earlier = await host.store.createRun(row);
      if (earlier !== undefined) return await toKnown(earlier, submission, host);
      begun = true;
      return { kind: "created", run: host.carry(row, run, release) };
    } catch (error) {
      if (error instanceof StoreFault && !begun) host.doubts.add(run.id);
      throw error;
    } finally {
      opening -= 1;
      if (!begun) release();
    }
  };
  return {
    opening: () => opening,
    submit: async (submission) => {
      const { tenant, key } = submission;
      const refusal = turnAway(tenant, host);
      if (refusal === undefined) return takeIn(submission);
      const earlier = key === undefined ? undefined : await host.store.findRun(tenant, key);
      return earlier === undefined ? refusal : toKnown(earlier, submission, host);
    },
  };
}

/** Why nothing is taken in now; otherwise it counts as one of its tenant's. */
function turnAway(tenant: string, host: ReceptionHost): TurnedAway | undefined {
  if (host.isClosed()) return { kind: "closing" };
  if (host.room() <= 0) return { kind: "too-many" };
  if (!host.ownership.holds() || !host.doubts.hasRoom()) return { kind: "away" };
  const fault = host.tenants?.().admit(tenant, host.driver.nowUs());
  return fault === undefined ? undefined : { kind: "limited", fault };
}

async function toKnown(earlier: RunRow, { tenant, bodyHash }: Submission, host: ReceptionHost): Promise<Submitted> {
  if (earlier.bodyHash !== bodyHash) return { kind: "key-reused" };
  await Promise.race([host.doubts.settle(earlier.id), host.patience.away()]);
  const run = await host.find(tenant, earlier.id);
  if (run === undefined) throw new StoreFault("unavailable", `run ${earlier.id} has just been forgotten`);
  return { kind: "known", run };
}

function toRun(
  { workflow, tenant, key, bodyHash }: Submission,
  { createId, nowMs, ownership }: ReceptionHost,
): DeclaredRun {
  const stages = new Map(workflow.stages.map((stage) => [stage.id, newRecord(stage.id, stage.kind)] as const));
  return {
    id: createId(),
    tenant,
    holding: { owner: ownership.owner, generation: 0 },
    workflow,
    status: "running",
    createdMs: nowMs(),
    stages,
    ...(key === undefined ? {} : { idempotency: { key, bodyHash } }),
  };
}
