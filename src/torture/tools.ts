/** Tools as a gateway calls them: they take a while, fail sometimes, and never say the same twice. */

import type { Tools } from "../gateway/declared/call-tool.ts";
import { render } from "../gateway/declared/template.ts";
import type { Rng } from "../random/rng.ts";
import type { Faults } from "./faults.ts";
import type { Machine } from "./machine.ts";
import type { VirtualTime } from "./virtual-time.ts";

export type ToolsHost = {
  readonly virtual: VirtualTime;
  readonly faults: Faults;
  readonly rng: Rng;
  readonly write: () => string;
  /** With the key of the workflow whose stage it is, which the stage sends along. */
  readonly onCall: (key: string, stage: string) => void;
};

export function createTools(by: Machine, { virtual, faults, rng, write, onCall }: ToolsHost): Tools {
  return {
    call: ({ id, query }, scope, signal) => {
      const key = query.map(([, template]) => render(template, scope)).join("");
      if (faults.strikes("crash")) by.crash();
      if (by.alive) onCall(key, id);
      return by.hear((resolve) => {
        const giveUp = (): void => resolve({ kind: "fault", retry: false, message: "given up" });
        signal.addEventListener("abort", giveUp);
        virtual.after(5000 + rng.below(300_000), () => {
          signal.removeEventListener("abort", giveUp);
          if (faults.strikes("tool-fails")) resolve({ kind: "fault", retry: true, message: "the tool answered 502" });
          else resolve({ kind: "result", text: write() });
        });
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
