/**
 * What a plan that has been laid out in time is worth: its cost, in microseconds of a workflow of middling size. Workflows count by
 * one over their size, so that a minute is much to a small one and little to a large one, and by the square of their
 * slowdown; by when their stages end on the average, since any of them may take longer than expected; by what they end behind their deadline, where there is one; engines by when they fall free, the faster the dearer; and
 * loads and models that nobody holds in the end, where calls come that cannot be seen.
 */

import type { Keeping } from "./keeping.ts";
import type { PlanDecoder } from "./plan.ts";
import type { Residency } from "./residency.ts";
import type { Scene, SceneWorkflow } from "./scene.ts";
import type { ForesightSettings } from "./settings.ts";

/** What a second behind its deadline counts beside the second itself. */
const lateness = 4;

export class Valuer {
  readonly #scene: Scene;
  readonly #tail: number;
  readonly #weight: Float64Array;
  readonly #speed: Float64Array;
  readonly #endUs: Float64Array;
  /** By workflow, what the end of each of its stages counts, and what it leaves to be done outside the scene. */
  readonly #stageWeight: Float64Array;
  readonly #keeping: Keeping | undefined;

  constructor(scene: Scene, { tail, engineTime, base, early }: ForesightSettings, keeping?: Keeping) {
    const { workflows, stages, beyond, fleet } = scene;
    this.#scene = scene;
    this.#tail = tail;
    this.#keeping = keeping;
    let sizeUs = 0;
    for (const workflow of workflows) sizeUs += workflow.sizeUs / workflows.length;
    this.#weight = Float64Array.from(
      workflows,
      (workflow) => (urgency(workflow) * sizeUs * (1 + base)) / (workflow.sizeUs + base * sizeUs),
    );
    this.#endUs = new Float64Array(workflows.length);
    const counts = new Float64Array(workflows.length);
    for (const workflow of scene.workflowOf) counts[workflow]! += 1;
    this.#stageWeight = this.#weight.map((weight, workflow) => (early * weight) / counts[workflow]!);
    // Engine time has its full price where at least as many stages are in sight as there are engines to take them.
    const scarcity = Math.min(1, (stages.length + beyond.length) / fleet.engines.length);
    this.#speed = speedsOf(scene).map((part) => part * engineTime * scarcity);
  }

  /** Costs a look at every stage. */
  costOf({ endsUs, freeUs, baseEndsUs, residency }: PlanDecoder): number {
    const { nowUs, workflows, workflowOf, tailUs } = this.#scene;
    const ends = this.#endUs;
    ends.set(baseEndsUs);
    let cost = 0;
    for (let stage = 0; stage < workflowOf.length; stage++) {
      const endUs = endsUs[stage]! + tailUs[stage]!;
      const workflow = workflowOf[stage]!;
      if (endUs > ends[workflow]!) ends[workflow] = endUs;
      cost += this.#stageWeight[workflow]! * (endUs - nowUs);
    }
    for (let index = 0; index < workflows.length; index++) {
      const { arriveUs, sizeUs, dueUs } = workflows[index]!;
      const endUs = ends[index]!;
      const tookUs = endUs - arriveUs;
      const lateUs = endUs > dueUs ? endUs - dueUs : 0;
      cost += this.#weight[index]! * (endUs - nowUs + (this.#tail * tookUs * tookUs) / sizeUs + lateness * lateUs);
    }
    for (let engine = 0; engine < freeUs.length; engine++) cost += this.#speed[engine]! * (freeUs[engine]! - nowUs);
    return this.#keeping === undefined ? cost : cost + keepingCost(residency, this.#keeping);
  }

  /** The workflows' ends of the last plan that was judged. */
  get endsUs(): Float64Array {
    return this.#endUs;
  }
}

function keepingCost(residency: Residency, { loadTime, missingUs }: Keeping): number {
  let cost = loadTime * residency.loadedUs;
  for (let model = 0; model < missingUs.length; model++)
    if (missingUs[model]! > 0 && residency.copiesOf(model) === 0) cost += missingUs[model]!;
  return cost;
}

/** A step of priority counts so many times as much, within a few steps. */
function urgency({ priority }: SceneWorkflow): number {
  return 4 ** Math.max(-4, Math.min(4, priority));
}

/** How fast each engine is at what is in sight, as parts of 1. */
function speedsOf({ times, able, fleet }: Scene): Float64Array {
  const speeds = new Float64Array(fleet.engines.length);
  let total = 0;
  for (const [stage, own] of times.entries()) {
    if (own === undefined) continue;
    let leastUs = Infinity;
    for (const engine of able[stage]!) leastUs = Math.min(leastUs, own.wholeUs(engine, 0));
    for (const engine of able[stage]!) {
      const part = leastUs / Math.max(1, own.wholeUs(engine, 0));
      speeds[engine]! += part;
      total += part;
    }
  }
  return total === 0 ? speeds : speeds.map((part) => part / total);
}
