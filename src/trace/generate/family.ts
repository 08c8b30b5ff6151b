/** What a family of generated workflows is: one sentence, and a function from a request to a workflow. */

import type { ModelId } from "../../model/model.ts";
import type { Workflow, WorkflowId } from "../../model/workflow.ts";
import type { Rng } from "../../random/rng.ts";
import type { ModelShare } from "../annotate/models.ts";

export type Family = {
  /** For people. */
  readonly summary: string;
  /** Of all its calls unless a request names another; absent where they are for several models. */
  readonly model?: ModelId;
  readonly generate: (request: FamilyRequest) => Workflow;
};

export type FamilyRequest = {
  readonly id: WorkflowId;
  /** Of the workload: what workflows share depends on it. */
  readonly seed: number;
  /** Of this workflow alone. */
  readonly rng: Rng;
  readonly arrivalUs: number;
  readonly reveal?: "static" | "online";
  readonly error: number;
  readonly model?: ModelId;
  readonly models?: readonly ModelShare[];
  readonly sharedShare: number;
  readonly tasks?: SizeRange;
};

/** Both ends included. */
export type SizeRange = { readonly least: number; readonly most: number };
