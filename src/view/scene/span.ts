/** A time in which an engine did one thing for one share, and the lanes that such times stand in. */

import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { StageKey } from "../../model/workflow.ts";

/** The four phases, and: a place is held and nothing of it is seen; the engine is down. */
export type Activity = "load" | "transfer" | "prefill" | "decode" | "hold" | "down";

export type Span = {
  readonly activity: Activity;
  readonly startUs: number;
  /** Infinity while it goes on. */
  endUs: number;
  readonly model?: ModelId;
  readonly stage?: StageKey;
  readonly attempt?: number;
  readonly share?: number;
  /** How many shares its stage was divided into, if more than one. */
  readonly shares?: number;
};

export type EngineLanes = {
  readonly engine: EngineId;
  /** Each in order, its spans apart from one another. */
  readonly lanes: Span[][];
};
