/** Engines that are to change their role: told to, they end what they have, then take their time, then are what they are to be. */

import { strict as assert } from "node:assert";
import { roleSwitchUs } from "../cost/role-switch.ts";
import type { SwitchRole } from "../model/decision.ts";
import type { DecisionReject } from "../model/event.ts";
import type { EngineState } from "../state/engine-state.ts";
import type { World } from "./world.ts";

export class Roles {
  readonly #world: World;
  /** Those that still have something to end. */
  readonly #ending = new Set<EngineState>();
  /** Which of its switches is under way: an engine may have gone down since one began. */
  readonly #current = new Map<EngineState, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Says why not, if that cannot be now. */
  start({ engine: id, role }: SwitchRole): DecisionReject["reason"] | undefined {
    const { cluster } = this.#world.state;
    const engine = cluster.engine(id);
    assert(engine.role !== "both", `${id} does both phases and cannot switch`);
    if (!engine.up) return "engine-down";
    if (!engine.open) return "switching";
    if (engine.role === role) return undefined;
    if (isLast(engine, cluster)) return "last-of-role";
    const { sequence } = this.#world.emit({ kind: "role-switch-start", engine: id, from: engine.role, to: role });
    this.#current.set(engine, sequence);
    this.#ending.add(engine);
    return undefined;
  }

  /** To be called when engines have taken up what they could. */
  look(): void {
    for (const engine of this.#ending) {
      if (engine.switching === undefined) this.#ending.delete(engine);
      else if (engine.idle && engine.incoming === 0) this.#switch(engine);
    }
  }

  #switch(engine: EngineState): void {
    this.#ending.delete(engine);
    const role = engine.switching;
    const current = this.#current.get(engine);
    assert(role !== undefined);
    this.#world.after(roleSwitchUs, () => {
      if (engine.switching === undefined || this.#current.get(engine) !== current) return;
      this.#world.emit({ kind: "role-switch-end", engine: engine.id, role });
      this.#world.changed = true;
      this.#world.rouse(engine.id);
    });
  }
}

/** Whether nothing else that takes work does this phase, for a model that is resident here. */
function isLast(engine: EngineState, cluster: Iterable<EngineState>): boolean {
  const others = [...cluster].filter(
    (other) => other !== engine && other.open && (other.role === engine.role || other.role === "both"),
  );
  const able = ({ model }: { readonly model: string }): boolean =>
    others.some(({ holding }) => holding.models.has(model));
  return others.length === 0 || !engine.residents.every(able);
}
