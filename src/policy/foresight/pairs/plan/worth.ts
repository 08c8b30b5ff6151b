/** What a plan that has been laid out in time is worth: how far workflows are, against their horizons, when their revealed calls have ended. */

import type { RiskAt } from "../../../agents/settings.ts";
import type { StageNode } from "../../../../state/workflow-state.ts";
import type { View } from "../../../policy.ts";
import type { PairsDecoder } from "./decode.ts";

export class Worth {
  readonly #decoder: PairsDecoder;
  readonly #riskAt: RiskAt;
  /** By call, its workflow; -1 if that is over. */
  readonly #workflowOf: Int32Array;
  /** By workflow, one of its calls, and as asked for what is at risk. */
  readonly #nodes: StageNode[] = [];
  readonly #risks: ((endUs: number) => number)[] = [];
  readonly #ends: Float64Array;

  constructor({ workflows }: View, decoder: PairsDecoder, riskAt: RiskAt) {
    this.#decoder = decoder;
    this.#riskAt = riskAt;
    const numbers = new Map<string, number>();
    this.#workflowOf = Int32Array.from(decoder.keys, (key) => {
      if (!workflows.has(key)) return -1;
      const node = workflows.node(key);
      const { id } = node.workflow;
      let number = numbers.get(id);
      if (number === undefined) numbers.set(id, (number = this.#nodes.push(node) - 1));
      return number;
    });
    this.#ends = new Float64Array(this.#nodes.length);
  }

  /** Whether nothing revealed of the call's workflow ends later, in the plan that was decoded last. */
  isLast(call: number): boolean {
    return this.#decoder.callEndsUs[call]! >= this.#workflowEnds()[this.#workflowOf[call]!]!;
  }

  /** Of the plan that was decoded last: the sum over workflows, the call's own counted so many times more with its own end. */
  cost(call: number, own: number): number {
    const ends = this.#workflowEnds();
    let cost = own * this.#riskOf(this.#workflowOf[call]!, this.#decoder.callEndsUs[call]!);
    for (let workflow = 0; workflow < ends.length; workflow++) cost += this.#riskOf(workflow, ends[workflow]!);
    return cost;
  }

  #workflowEnds(): Float64Array {
    const { callEndsUs } = this.#decoder;
    const ends = this.#ends.fill(0);
    for (let each = 0; each < this.#workflowOf.length; each++) {
      const workflow = this.#workflowOf[each]!;
      if (workflow >= 0 && callEndsUs[each]! > ends[workflow]!) ends[workflow] = callEndsUs[each]!;
    }
    return ends;
  }

  #riskOf(workflow: number, endUs: number): number {
    return (this.#risks[workflow] ??= this.#riskAt(this.#nodes[workflow]!))(endUs);
  }
}
