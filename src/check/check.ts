/** Checks a journal against every law, in one pass. */

import { createCostModel } from "../cost/cost-model.ts";
import type { Journal, JournalHeader } from "../journal/journal.ts";
import type { JournalEvent } from "../model/event.ts";
import type { Handlers, Law, Violation } from "./law.ts";
import { accounted } from "./laws/accounted.ts";
import { laws as allLaws } from "./laws.ts";
import { Ledger } from "./ledger.ts";

/** No more than this many violations are kept: who needs more has one cause and many effects. */
export const violationLimit = 1000;

export type Checker = {
  /** To be called with every record, in order. */
  see(event: JournalEvent): void;
  /** To be called once, after the last record. Returns all violations. */
  end(): readonly Violation[];
};

/** Laws that a recording of real servers must obey too. */
export const lawsOfAnyRun: readonly Law[] = allLaws.filter((law) => law.scope === "any");

export function check(journal: Journal, laws: readonly Law[] = lawsFor(journal.header)): readonly Violation[] {
  const checker = createChecker(journal.header, laws);
  for (const event of journal.events) checker.see(event);
  return checker.end();
}

/** One that real servers wrote may be read while they go on, or go on in another file: what is open at its end says nothing. */
const lawsOfAnyPart: readonly Law[] = lawsOfAnyRun.filter((law) => law !== accounted);

function lawsFor({ clock }: JournalHeader): readonly Law[] {
  return clock === "wall" ? lawsOfAnyPart : allLaws;
}

export function createChecker(header: JournalHeader, laws: readonly Law[] = lawsFor(header)): Checker {
  const costs = createCostModel(header.cluster, header.models, header.calibration);
  const ledger = new Ledger(costs);
  const violations: Violation[] = [];
  let sequence = 0;
  const watchers = laws.map((law): Handlers => {
    const report = (message: string): void => {
      if (violations.length < violationLimit) violations.push({ law: law.name, sequence, message });
    };
    return law.watch({ header, costs, ledger, report });
  });
  const handlersOf = new Map<string, readonly ((event: never) => void)[]>();
  const handlers = (kind: JournalEvent["kind"]): readonly ((event: never) => void)[] => {
    const known = handlersOf.get(kind);
    if (known !== undefined) return known;
    const found = watchers.flatMap((watcher) =>
      [watcher.any, watcher[kind]].filter((handler) => handler !== undefined),
    );
    handlersOf.set(kind, found);
    return found;
  };
  return {
    see: (event) => {
      sequence = event.sequence;
      // Each handler stands under the kind that it takes.
      for (const handle of handlers(event.kind)) handle(event as never);
      ledger.apply(event);
    },
    end: () => {
      for (const watcher of watchers) watcher.end?.();
      return violations;
    },
  };
}
