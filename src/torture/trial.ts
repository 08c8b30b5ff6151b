/** What a world is asked to be, and what came of it. */

import type { FaultKind } from "./faults.ts";
import type { LawName } from "./laws/report.ts";
import type { Sabotage } from "./sabotage.ts";

export type TortureOptions = {
  readonly seed: number;
  /** Kinds of faults that do not happen. */
  readonly off?: ReadonlySet<FaultKind>;
  /** Faults in this world at the most. */
  readonly mostFaults?: number;
  /** Gateways; drawn if not said. */
  readonly gateways?: number;
  readonly tell?: (line: string) => void;
  readonly sabotage?: Sabotage;
};

export type TortureResult = {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly steps: number;
  readonly hash: string;
  readonly accepted: number;
  readonly calls: number;
  readonly virtualMs: number;
};

export type Violation = { readonly law: LawName; readonly message: string };
