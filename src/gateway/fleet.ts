/** The engines of a gateway: their servers where they are our own, their adapters, what looks at them, and what they showed. */

import type { EngineId } from "../model/cluster.ts";
import type { ModelId } from "../model/model.ts";
import type { Adapter, Sight } from "./adapter/adapter.ts";
import { createAdapter } from "./adapter/create-adapter.ts";
import { watchHealth, type Health } from "./adapter/health.ts";
import { createAliasOf } from "./config/aliases.ts";
import type { Config, EngineConfig } from "./config/config.ts";
import type { BreakerReport } from "./observe/metrics.ts";
import { isOwn, startOwn, type OwnEngine } from "./own-engines.ts";

export type FleetHost = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onUp: (engine: EngineId) => void;
  readonly onDown: (engine: EngineId, reason: string) => void;
  readonly onSight: (engine: EngineId, sight: Sight) => void;
};

export type Member = {
  readonly config: EngineConfig;
  readonly adapter: Adapter;
  readonly own: OwnEngine | undefined;
  /** Where its server is, for people. */
  readonly url: string;
  health: Health | undefined;
  sight: Sight | undefined;
  /** Why it is down, if it is. */
  trouble: string | undefined;
  /** How often it went down. */
  trips: number;
};

export class Fleet implements AsyncDisposable {
  readonly members = new Map<EngineId, Member>();
  readonly #host: FleetHost;

  constructor(host: FleetHost) {
    this.#host = host;
  }

  /** Starts what is our own, and takes a first look at each, so that what they serve is known before anything is planned. */
  async add(engines: readonly EngineConfig[], config: Config): Promise<void> {
    await Promise.all(
      engines.map(async (engine) => {
        const own = isOwn(engine) ? await startOwn(engine, config) : undefined;
        const reached = own === undefined ? engine : { ...engine, url: own.url };
        const adapter = createAdapter(reached, { env: this.#host.env, aliasOf: createAliasOf(config.models) });
        const url = reached.url ?? reached.servers.map((server) => server.url).join(", ");
        const member: Member = {
          config: engine,
          adapter,
          own,
          url,
          health: undefined,
          sight: undefined,
          trouble: undefined,
          trips: 0,
        };
        this.members.set(engine.id, member);
        try {
          member.sight = await adapter.look(AbortSignal.timeout(config.health.timeoutMs));
        } catch (error) {
          member.trouble = error instanceof Error ? error.message : String(error);
        }
      }),
    );
  }

  /** Begins to look at those that nobody looks at yet. */
  watch({ health: settings }: Config): void {
    for (const [id, member] of this.members) {
      member.health ??= watchHealth({
        adapter: member.adapter,
        settings,
        onUp: () => {
          member.trouble = undefined;
          this.#host.onUp(id);
        },
        onDown: (reason) => {
          member.trouble = reason;
          member.trips += 1;
          this.#host.onDown(id, reason);
        },
        onSight: (sight) => {
          member.sight = sight;
          this.#host.onSight(id, sight);
        },
      });
    }
  }

  /** An engine that is looked at once more after it went down is as good as down. */
  breakers(): readonly BreakerReport[] {
    return Array.from(this.members, ([engine, { trouble, trips }]) => ({
      engine,
      state: trouble === undefined ? "closed" : "open",
      trips,
    }));
  }

  /** Why an engine that serves the model is down, if one is: of the first. */
  troubleWith = (model: ModelId): string | undefined => {
    for (const [id, { config, sight, trouble }] of this.members) {
      if (trouble === undefined) continue;
      const served = config.models.length > 0 ? config.models.map((each) => each.id) : sight?.models;
      if (served?.includes(model) !== false) return `${id} is down: ${trouble}`;
    }
    return undefined;
  };

  sights(): Map<EngineId, Sight> {
    const sights = new Map<EngineId, Sight>();
    for (const [id, { sight }] of this.members) if (sight !== undefined) sights.set(id, sight);
    return sights;
  }

  /** In the configuration's order. */
  adapters({ engines }: Config): Adapter[] {
    return engines.flatMap(({ id }) => this.members.get(id)?.adapter ?? []);
  }

  /** Stops looking, and ends what is our own. The adapter is closed by the driver, whose desk has it. */
  async remove(id: EngineId): Promise<void> {
    const member = this.members.get(id);
    this.members.delete(id);
    await member?.health?.[Symbol.asyncDispose]();
    await member?.own?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.members.keys()].map((id) => this.remove(id)));
  }
}
