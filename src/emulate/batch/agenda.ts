/** What falls due at a virtual time: earlier first, and at one instant in the order in which it was put down. */

export type Agenda = {
  readonly nextUs: () => number;
  readonly add: (atUs: number, run: () => void) => void;
  /** Runs the first entry if it is due. Costs a shift: there are few. */
  readonly runDue: (nowUs: number) => boolean;
  readonly clear: () => void;
};

export function createAgenda(): Agenda {
  let entries: { readonly atUs: number; readonly run: () => void }[] = [];
  return {
    nextUs: () => entries[0]?.atUs ?? Infinity,
    add: (atUs, run) => {
      const before = entries.findIndex((entry) => entry.atUs > atUs);
      entries.splice(before === -1 ? entries.length : before, 0, { atUs, run });
    },
    runDue: (nowUs) => {
      const [first] = entries;
      if (first === undefined || first.atUs > nowUs) return false;
      entries.shift();
      first.run();
      return true;
    },
    clear: () => {
      entries = [];
    },
  };
}
