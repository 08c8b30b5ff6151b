/** Which engines and pairs may take a stage now: those that serve it, take anything, and to which its inputs have a way. */

import type { HostId } from "../../model/cluster.ts";
import type { VisibleStage } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { StageNode } from "../../state/workflow-state.ts";
import type { View } from "../policy.ts";
import type { Fleet } from "./fleet.ts";

export class Able {
  readonly #view: View;
  readonly #fleet: Fleet;
  /** Is to begin where the plan says, so that its output will lie there. */
  readonly #isPlanned: (key: StageKey) => boolean;
  readonly #closed: ReadonlySet<number>;
  /** Some input may have no way to some engine. Not asked where engines prefill and decode apart: those that decode read no inputs, and outputs lie there. */
  readonly #mayBeOutOfReach: boolean;
  readonly #known = new Map<StageKey, readonly number[]>();

  constructor(view: View, fleet: Fleet, isPlanned: (key: StageKey) => boolean) {
    this.#view = view;
    this.#fleet = fleet;
    this.#isPlanned = isPlanned;
    const closed = new Set<number>();
    for (const engine of view.cluster) if (!engine.open) closed.add(engine.holding.index);
    this.#closed = closed;
    this.#mayBeOutOfReach = !fleet.isWhole && fleet.engines.every(({ engine }) => engine.role === "both");
  }

  /** To be asked of parents that are planned before their children are asked about. */
  engines(stage: VisibleStage): readonly number[] {
    if (stage.kind === "tool") return [];
    const known = this.#known.get(stage.key);
    if (known !== undefined) return known;
    const may = this.#fleet.timesOf(stage).able(this.#view.cluster);
    const open = this.#closed.size === 0 ? may : may.filter((engine) => !this.#closed.has(engine));
    const able = this.#mayBeOutOfReach ? this.#withInputs(stage, open) : open;
    this.#known.set(stage.key, able);
    return able;
  }

  pairs(stage: VisibleStage): readonly number[] {
    if (stage.kind === "tool" || stage.items < 2) return [];
    const able = this.engines(stage);
    const { pairs } = this.#fleet;
    const may = this.#fleet.timesOf(stage).ablePairs(this.#view.cluster);
    return may.filter((pair) => pairs[pair]!.every((engine) => able.includes(engine)));
  }

  /** Without a way an input takes for ever: a plan would hold the engine for hours, beside which all else looks alike. */
  #withInputs(stage: VisibleStage, engines: readonly number[]): readonly number[] {
    const inputs = stage.parents.map(({ stage: key }) => this.#hostsFor(key)).filter(({ size }) => size > 0);
    const { hostOf } = this.#fleet;
    return engines.filter((engine) => inputs.every((hosts) => this.#fleet.canRead(hosts, hostOf[engine]!)));
  }

  /** Where the output of a stage lies, or may come to lie; nowhere if there is nothing to read. */
  #hostsFor(key: StageKey): ReadonlySet<number> {
    const node = this.#view.workflows.node(key);
    if (this.#isPlanned(key)) return new Set(this.engines(node.stage).map((engine) => this.#fleet.hostOf[engine]!));
    return new Set(outputHostsOf(this.#view, node).map((host) => this.#fleet.hostNumber(host)));
  }
}

/** Where what has begun has its output, or will have it. */
export function outputHostsOf({ cluster }: View, { status, shares, outputHosts }: StageNode): readonly HostId[] {
  const [share] = shares;
  if (status === "ended" || share === undefined) return outputHosts;
  return [cluster.engine(share.engine).holding.host.id];
}
