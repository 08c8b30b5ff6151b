/** Who plans for the driver, and within which bounds: one policy, until another is set in its place. */

import { strict as assert } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import { policyNamed } from "../../policy/policies.ts";
import { createRng } from "../../random/rng.ts";
import type { Settings } from "./live-driver.ts";
import { Planner, type PlannerHost } from "./planner.ts";
import type { World } from "./world.ts";

type Settled = "policyName" | "policy" | "planning" | "hardestWaitUs" | "rng" | "carryOut";

/** What every planner is given, whatever its policy. */
export type Surroundings = Omit<PlannerHost, Settled> & {
  readonly seed: number;
  readonly carryOut: (decisions: Parameters<PlannerHost["carryOut"]>[0], viewUs: number, policy: string) => number;
};

export class PlanningSeat {
  readonly #world: World;
  readonly #around: Surroundings;
  #settings: Settings;
  #planner: Planner | undefined;
  /** Planners before this one, once they are closed. */
  #retired: Promise<unknown> = Promise.resolve();

  constructor(world: World, { policy, queue, planning }: Settings, around: Surroundings) {
    this.#world = world;
    this.#settings = { policy, queue, planning };
    this.#around = around;
  }

  get settings(): Settings {
    return this.#settings;
  }

  get planner(): Planner {
    assert(this.#planner !== undefined, "nobody plans yet");
    return this.#planner;
  }

  /** Once all that a planner looks at is there. */
  open(): void {
    this.#planner = this.#createPlanner(this.#settings);
  }

  /** Another policy, or other bounds; what the policy has learnt is kept if it is the same. False: nothing is another. */
  change({ policy, queue, planning }: Settings): boolean {
    const settings = { policy, queue, planning };
    if (isDeepStrictEqual(settings, this.#settings)) return false;
    const before = this.planner;
    const planner = this.#createPlanner(settings);
    if (policy === this.#settings.policy) planner.recall(before.lasting());
    this.#settings = settings;
    this.#retired = Promise.all([this.#retired, before.close()]);
    this.#planner = planner;
    return true;
  }

  #createPlanner({ policy: policyName, planning, queue }: Settings): Planner {
    const policy = policyNamed(policyName);
    assert(policy !== undefined, `no policy ${policyName}`);
    const { seed, ...around } = this.#around;
    return new Planner(this.#world, {
      ...around,
      policyName,
      policy,
      planning,
      hardestWaitUs: queue.hardestWaitMs * 1000,
      rng: createRng(seed, "policy"),
      carryOut: (decisions, viewUs) => around.carryOut(decisions, viewUs, policyName),
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#retired, this.#planner?.close()]);
  }
}
