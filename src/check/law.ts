/** What a law is: a name, its claim in a sentence, and handlers that see a journal record by record. */

import type { CostModel } from "../cost/cost-model.ts";
import type { JournalHeader } from "../journal/journal.ts";
import type { EventKind, JournalEvent } from "../model/event.ts";
import type { Ledger } from "./ledger.ts";

export type EventOf<Kind extends EventKind> = Extract<JournalEvent, { readonly kind: Kind }>;

/** Handlers run before the ledger takes the record in: what they find there is the state that the record meets. */
export type Handlers = {
  readonly [Kind in EventKind]?: (event: EventOf<Kind>) => void;
} & {
  /** Sees every record, before the handler of its kind. */
  readonly any?: (event: JournalEvent) => void;
  /** After the last record. */
  readonly end?: () => void;
};

export type LawContext = {
  readonly header: JournalHeader;
  readonly costs: CostModel;
  /** What is open now, as the records before say. */
  readonly ledger: Ledger;
  /** Records a violation at the record under inspection. */
  readonly report: (message: string) => void;
};

export type Law = {
  readonly name: string;
  /** In one sentence, what holds in every journal. */
  readonly claim: string;
  /** `model`: holds only where durations and amounts come from the cost model, not in a recording of real servers. */
  readonly scope: "any" | "model";
  readonly watch: (context: LawContext) => Handlers;
};

export type Violation = {
  readonly law: string;
  /** The record at which it shows; 0 before the first. */
  readonly sequence: number;
  readonly message: string;
};
