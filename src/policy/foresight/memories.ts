/** What is remembered from one decision to the next, by where `foresight` plans. */

import type { Plan, View } from "../policy.ts";

type Way = "whole" | "mixed" | "revealed" | "pairs";

export type Memories = Readonly<Partial<Record<Way, unknown>>>;

/** Which of them is asked changes from event to event, and none reads what another one remembers, but for `keeping.ts`. */
export function remembering<Made extends Plan | undefined>(way: Way, plan: (view: View) => Made): (view: View) => Made {
  return (view) => {
    const all = view.memory as Memories | undefined;
    const made = plan({ ...view, memory: all?.[way] });
    return made && { ...made, memory: { ...all, [way]: made.memory } };
  };
}
