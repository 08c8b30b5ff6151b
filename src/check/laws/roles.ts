import { roleSwitchUs } from "../../cost/role-switch.ts";
import type { Law } from "../law.ts";
import type { Ledger } from "../ledger.ts";
import type { EngineRow } from "../rows.ts";

/** An engine changes its role only when told to, and only when it has ended all it had. */
export const roles: Law = {
  name: "roles",
  claim:
    "an engine that prefills is told to decode, or the other way about, while it is up, is not switching and is not the last of its role that takes new work; it switches 1 s after it has ended what it had queued, running, loading or on its way to it, and then is what it was told to be",
  scope: "model",
  watch: ({ ledger, report }) => {
    /** Those that switch, and when each last had something. */
    const busyUs = new Map<string, number>();
    return {
      any: ({ atUs }) => {
        for (const id of busyUs.keys()) {
          const engine = ledger.engine(id);
          if (engine !== undefined && hasWork(engine)) busyUs.set(id, atUs);
        }
      },
      "role-switch-start": (event) => {
        const engine = ledger.engine(event.engine);
        if (engine === undefined) return;
        const { role, switching, up } = engine;
        if (role !== event.from) report(`${event.engine} switches from ${event.from}, its role is ${role}`);
        if (event.to === "both" || event.from === "both" || event.to === event.from)
          report(`${event.engine} switches from ${event.from} to ${event.to}`);
        if (!up || switching !== undefined) report(`${event.engine} is told to switch, but it is down or switches`);
        if (isLastOfRole(ledger, engine)) report(`${event.engine} is told to switch, but it is the last to ${role}`);
        busyUs.set(event.engine, event.atUs);
      },
      "role-switch-end": (event) => {
        const engine = ledger.engine(event.engine);
        if (engine === undefined) return;
        const sinceUs = busyUs.get(event.engine);
        if (engine.switching !== event.role)
          report(`${event.engine} becomes ${event.role}, it was to be ${engine.switching ?? engine.role}`);
        if (hasWork(engine)) report(`${event.engine} switches with something left to end`);
        if (sinceUs !== undefined && event.atUs !== sinceUs + roleSwitchUs)
          report(`${event.engine} has switched at ${event.atUs} us, due at ${sinceUs + roleSwitchUs} us`);
        busyUs.delete(event.engine);
      },
      "engine-down": ({ engine }) => {
        busyUs.delete(engine);
      },
      end: () => {
        for (const id of busyUs.keys()) report(`${id} was told to switch and has not`);
      },
    };
  },
};

function hasWork({ queue, running, incoming, loading }: EngineRow): boolean {
  return queue.length + running.length + incoming > 0 || loading !== undefined;
}

/** Whether no other engine that takes new work has its role, for a model that is resident on it. */
export function isLastOfRole({ engines }: Ledger, engine: EngineRow): boolean {
  const others = [...engines].filter(
    (other) =>
      other !== engine &&
      other.up &&
      other.switching === undefined &&
      (other.role === engine.role || other.role === "both"),
  );
  const able = (model: string): boolean => others.some(({ costs }) => costs.models.has(model));
  return others.length === 0 || ![...engine.residents.keys()].every(able);
}
